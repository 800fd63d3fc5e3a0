/** The bounds of the control plane. */

import { keyTextBytesMax, restrictionsMax } from "../../src/access/key-record.ts";
import { webBytesMax, webFilesMax } from "../../src/adapters/node/web-folder.ts";
import { pageMsMax, reportsMax } from "../../src/adapters/sqlite/report-protocol.ts";
import { configTextMax } from "../../src/control/cluster-schemas.ts";
import { bodyMaxBytes, configBodyMaxBytes } from "../../src/control/control.ts";
import { listenersMax, listenMsMax } from "../../src/control/event-stream.ts";
import { idempotencyKeyLengthMax, idempotencyMsMax } from "../../src/control/idempotency.ts";
import { liveListenersMax } from "../../src/control/live-routes.ts";
import { liveSamplesMax } from "../../src/control/live-watch.ts";
import { outcomeHoursMsMax, outcomeRowsMax } from "../../src/control/outcome-routes.ts";
import { keyPageMax, overlapMsMax, usagePageMax, usageTopMax } from "../../src/control/schemas.ts";
import {
  browserSessionsMax,
  operatorIdleMsMax,
  operatorSessionMsMax,
  personIdleMsMax,
  personSessionMsMax,
  sessionsPerSubjectMax,
} from "../../src/control/sessions.ts";
import {
  attemptAddressesMax,
  wrongTokenEveryMs,
  wrongTokensMax,
} from "../../src/control/token-attempts.ts";
import { auditPageMax } from "../../src/control/token-schemas.ts";
import { tokensMax } from "../../src/control/tokens.ts";
import { documentMsMax, readerIdleMsMax } from "../../src/control/usage-document.ts";
import { nearCandidatesMax, nearListedMax } from "../../src/hub/near-limits.ts";
import { credentialsPerKeyMax, keysPerOwnerMax } from "../../src/hub/registry.ts";
import { auditKept, auditSegment } from "../../src/ports/audit-log.ts";
import { configsKept } from "../../src/ports/config-store.ts";
import { eventsKept } from "../../src/ports/event-store.ts";
import type { Bound } from "./bound.ts";

export const adminBounds: readonly Bound[] = [
  [{ bodyMaxBytes }, "bytes", "body of a request", "413"],
  [{ keyPageMax }, "count", "keys of one page", "400"],
  [{ usagePageMax }, "count", "rows of one report page", "400"],
  [{ pageMsMax }, "ms", "before a report page ends with the window it is at", "the next goes on"],
  [{ reportsMax }, "count", "usage documents (CSV, JSON lines) that are being read", "503"],
  [{ documentMsMax }, "ms", "time for one usage document", "connection closed"],
  [{ readerIdleMsMax }, "ms", "its reader takes nothing", "connection closed"],
  [{ usageTopMax }, "count", "`top`", "400"],
  [{ overlapMsMax }, "ms", "`overlap` of a rotation", "400"],
  [
    { auditKept },
    "count",
    "entries of the audit log beside the last segment",
    "the oldest are archived",
  ],
  [{ auditSegment }, "count", "entries of one archive of it", "the next archive"],
  [{ auditPageMax }, "count", "entries of one page of the audit log", "400"],
  [{ tokensMax }, "count", "named tokens, expired ones included", "409"],
  [{ wrongTokensMax }, "count", "wrong tokens of one address (IPv6: /64) in one go", "429"],
  [{ wrongTokenEveryMs }, "ms", "between further ones", "429"],
  [{ attemptAddressesMax }, "count", "addresses whose wrong tokens are counted", "share one count"],
  [
    { sessionsPerSubjectMax },
    "count",
    "sessions at browsers of one token or one person of the portal",
    "the one unused for longest ends",
  ],
  [{ browserSessionsMax }, "count", "sessions of all", "the one unused for longest ends"],
  [{ operatorIdleMsMax }, "ms", "of an operator's session without use", "log in again"],
  [{ operatorSessionMsMax }, "ms", "of an operator's session", "log in again"],
  [{ personIdleMsMax }, "ms", "of a person's session without use", "log in again"],
  [{ personSessionMsMax }, "ms", "of a person's session", "log in again"],
  [{ eventsKept }, "count", "events kept", "the oldest are forgotten"],
  [{ listenersMax }, "count", "listeners to events", "503"],
  [{ listenMsMax }, "ms", "of one listener", "connection closed"],
  [{ outcomeRowsMax }, "count", "rows of one answer of `/v1/outcomes`", "400"],
  [{ outcomeHoursMsMax }, "ms", "of its span in hours", "400"],
  [{ liveListenersMax }, "count", "pages that listen to `/v1/live`", "503"],
  [{ liveSamplesMax }, "count", "seconds of its history", "the oldest are forgotten"],
  [
    { nearCandidatesMax },
    "count",
    "counters of one walk of `/v1/near-limits` that are held against their plan",
    "counted as `more`",
  ],
  [{ nearListedMax }, "count", "counters that it lists", "counted as `more`"],
  [{ webBytesMax }, "bytes", "of the built pages, in memory", "the hub does not start"],
  [{ webFilesMax }, "count", "files of the built pages", "the hub does not start"],
  [{ configBodyMaxBytes }, "bytes", "body of a request with a configuration", "413"],
  [{ configsKept }, "count", "versions of applied configurations", "the oldest are forgotten"],
  [{ configTextMax }, "count", "characters of the configuration in it", "400"],
  [{ idempotencyMsMax }, "ms", "that an Idempotency-Key is remembered", "runs anew"],
  [{ idempotencyKeyLengthMax }, "count", "characters of an Idempotency-Key", "400"],
  [{ credentialsPerKeyMax }, "count", "secrets of one key that are valid at one time", "refused"],
  [{ restrictionsMax }, "count", "entries of each list in `restrict`", "400"],
  [{ name: keyTextBytesMax.name }, "bytes", "name of a key", "400"],
  [{ owner: keyTextBytesMax.owner }, "bytes", "owner of a key", "400"],
  [{ keysPerOwnerMax }, "count", "keys that a list by owner reaches", "not listed"],
];
