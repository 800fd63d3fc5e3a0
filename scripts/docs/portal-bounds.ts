/** The bounds of the portal, with the values of their constants. */

import { referenceLengthMax } from "../../src/access/portal-reference.ts";
import { mailsWaitingMax } from "../../src/adapters/node/smtp-mailer.ts";
import {
  personChangeEveryMs,
  personChangesMax,
} from "../../src/control/portal/person-key-routes.ts";
import { personKeysShown } from "../../src/control/portal/person-keys.ts";
import { portalBodyMaxBytes } from "../../src/control/portal/portal-app.ts";
import { reportKeptMs, reportsAtOnceMax } from "../../src/control/portal/shared-reports.ts";
import {
  linkAskedEveryMs,
  linksAskedMax,
  mailInAllEveryMs,
  mailPerMailboxEveryMs,
  mailsInAllMax,
  mailsPerMailboxMax,
  peopleMax,
} from "../../src/control/portal/sign-up.ts";
import { refusalKeptMs, refusalsPerKeyMax, refusedKeysMax } from "../../src/hub/key-refusals.ts";
import { refusalsToldMax } from "../../src/ports/link.ts";
import { linksKept } from "../../src/ports/portal-store.ts";
import type { Bound } from "./bound.ts";

export const portalBounds: readonly Bound[] = [
  [{ peopleMax }, "count", "people", "503"],
  [{ linksAskedMax }, "count", "links that one address (IPv6: /64) asks for in one go", "429"],
  [{ linkAskedEveryMs }, "ms", "between further ones", "429"],
  [{ mailsPerMailboxMax }, "count", "mails to one mailbox in one go", "429"],
  [{ mailPerMailboxEveryMs }, "ms", "between further ones", "429"],
  [{ mailsInAllMax }, "count", "mails in all in one go", "429"],
  [{ mailInAllEveryMs }, "ms", "between further ones", "429"],
  [{ mailsWaitingMax }, "count", "mails that wait for the mail server", "503"],
  [
    { linksKept },
    "count",
    "links that were not used yet",
    "the one that expires first is forgotten",
  ],
  [{ portalBodyMaxBytes }, "bytes", "body of a request", "413"],
  [{ personKeysShown }, "count", "keys of one person that are listed", "the others are not shown"],
  [{ personChangesMax }, "count", "changes of keys that one person makes in one go", "429"],
  [{ personChangeEveryMs }, "ms", "between further ones", "429"],
  [{ reportKeptMs }, "ms", "between reports of one person's usage", "the last one again"],
  [{ reportsAtOnceMax }, "count", "reports of usage in progress", "503"],
  [{ referenceLengthMax }, "count", "characters of the operator's OpenAPI document", "refused"],
  [{ refusalsToldMax }, "count", "entries about refused calls in one heartbeat", "not told"],
  [
    { refusedKeysMax },
    "count",
    "keys whose refused calls are remembered",
    "the oldest is forgotten",
  ],
  [
    { refusalsPerKeyMax },
    "count",
    "regions, routes and reasons of one key",
    "the oldest is forgotten",
  ],
  [{ refusalKeptMs }, "ms", "that a refused call is remembered", "forgotten"],
];
