/** The bounds that an operator or a caller can meet, with the values of their constants. */

import { listedBlocksMax } from "../../src/access/address-lists.ts";
import { forwardedEntriesMax } from "../../src/access/client-address.ts";
import { configLengthMax } from "../../src/access/config-source.ts";
import { planNamesMax } from "../../src/access/key-table.ts";
import { segmentsMax } from "../../src/access/route-pattern.ts";
import { subjectValueMax } from "../../src/access/subjects.ts";
import { linkConnectionsMax } from "../../src/adapters/direct/acceptor.ts";
import { linkBufferedMaxBytes } from "../../src/adapters/direct/socket-end.ts";
import { accessLogBufferMaxBytes } from "../../src/adapters/node/access-log.ts";
import { handshakeMsMax, handshakesMax } from "../../src/adapters/node/front-server.ts";
import { droppedBodyMaxBytes, handlerBodyMaxBytes } from "../../src/adapters/node/http-exchange.ts";
import { logBufferMaxBytes } from "../../src/adapters/node/log.ts";
import { metricChildrenMax } from "../../src/adapters/node/metrics.ts";
import { proxyHeaderBytesMax, proxyHeaderMsMax } from "../../src/adapters/node/proxy-protocol.ts";
import { replyHeadMaxBytes } from "../../src/adapters/node/upstream-client.ts";
import { sealMsMax } from "../../src/adapters/sqlite/journal.ts";
import { ringBytes } from "../../src/adapters/sqlite/journal-ring.ts";
import { firstContactMsMax } from "../../src/cli/first-contact.ts";
import { verifyMsMax } from "../../src/control/verify-routes.ts";
import { pathNotedMax } from "../../src/gateway/access-record.ts";
import { bodyAheadMaxBytes } from "../../src/gateway/body-ahead.ts";
import { reconnectMaxMs, silenceMaxMs } from "../../src/gateway/hub-session.ts";
import { keysAheadMax } from "../../src/gateway/lease-ahead.ts";
import { leasedCountersMax } from "../../src/gateway/lease-keeper.ts";
import { openBatchBoundBytes } from "../../src/gateway/meter.ts";
import { ownCountersMaxBytes } from "../../src/gateway/own-charges.ts";
import { storeWaitMsMax, watchersMax } from "../../src/gateway/reply-gate.ts";
import { inFlightMaxBatches, inFlightMaxBytes } from "../../src/gateway/sender.ts";
import { blockedAddressesMax, lookUpsPerSecond } from "../../src/gateway/strangers.ts";
import { addressesPerNameMax, waitingCallsMax } from "../../src/gateway/upstream-group.ts";
import { clientWaitMsMin } from "../../src/gateway/upstream-room.ts";
import { feedQueueMax } from "../../src/gateway/view-feed.ts";
import { auditTimeoutMs } from "../../src/hub/audit.ts";
import { differencesMax } from "../../src/hub/differences.ts";
import { epochsMax } from "../../src/hub/epochs.ts";
import { expiryGraceMs } from "../../src/hub/expiry.ts";
import { sessionBufferedMax, streamPendingBytesMax } from "../../src/hub/gateway-session.ts";
import { fenceMarginMs, leaseAheadMs, pendingGrantsMax } from "../../src/hub/lease-desk.ts";
import { unsavedBytesMax } from "../../src/hub/registry-sync.ts";
import { ringBytesMax, ringUpdatesMax } from "../../src/hub/replicator.ts";
import { sessionsMax } from "../../src/hub/sessions.ts";
import { connectWaitMs } from "../../src/hub/verify.ts";
import { dimensionsMax, limitsPerPlanMax } from "../../src/limits/plan.ts";
import { liveWindowsMax } from "../../src/limits/window-tables.ts";
import { lostRangesMax, parkedMax } from "../../src/metering/fold.ts";
import { linkMessageMaxBytes } from "../../src/ports/link.ts";
import { replayedBodyMaxBytes, triesMax } from "../../src/upstreams/retry-policy.ts";
import type { Bound, Unit } from "./bound.ts";
import { adminBounds } from "./control-bounds.ts";
import { code, table } from "./markdown.ts";
import { portalBounds } from "./portal-bounds.ts";
import { statusBounds } from "./status-bounds.ts";

const calls: readonly Bound[] = [
  [{ handshakesMax }, "count", "TLS handshakes in progress", "the oldest is closed"],
  [{ handshakeMsMax }, "ms", "of one TLS handshake", "closed"],
  [{ proxyHeaderBytesMax }, "bytes", "of a PROXY protocol header", "closed"],
  [{ proxyHeaderMsMax }, "ms", "until a PROXY protocol header is there", "closed"],
  [{ handlerBodyMaxBytes }, "bytes", "body that a handler reads", "413"],
  [
    { bodyAheadMaxBytes },
    "bytes",
    "body of known length that is read before an upstream is asked",
    "the rest is passed on as it comes",
  ],
  [
    { clientWaitMsMin },
    "ms",
    "that a call waits for a slow client while others need its connection to the upstream",
    "it can be cut off: 503, or a broken reply",
  ],
  [{ droppedBodyMaxBytes }, "bytes", "body that nobody reads", "answered, then closed"],
  [
    { forwardedEntriesMax },
    "count",
    "X-Forwarded-For entries, from the right",
    "that one counts as the caller",
  ],
  [
    { subjectValueMax },
    "count",
    "characters of a header, query or path value that is counted by",
    "counts as missing",
  ],
  [{ triesMax }, "count", "tries of one call at an upstream's targets", "the last failure is told"],
  [
    { replayedBodyMaxBytes },
    "bytes",
    "body that is kept to be sent to another target",
    "not sent again",
  ],
  [{ addressesPerNameMax }, "count", "addresses of one target's name", "the others are not used"],
  [{ waitingCallsMax }, "count", "calls that wait for a connection to one target", "503"],
  [{ replyHeadMaxBytes }, "bytes", "head of an upstream's reply", "502"],
  [
    { storeWaitMsMax },
    "ms",
    "that a reply waits for its charge to be stored",
    "503, and given back",
  ],
];

const gateway: readonly Bound[] = [
  [
    { ringBytes },
    "bytes",
    "charges on their way to the journal's thread",
    "503, or uncounted with `onFailure: allow`",
  ],
  [{ openBatchBoundBytes }, "bytes", "batch that is not sealed yet", "the same"],
  [{ sealMsMax }, "ms", "time that a sealed batch waits for the disk", "the same"],
  [
    { inFlightMaxBatches },
    "count",
    "batches sent and not in the view yet",
    "later ones wait in the journal",
  ],
  [{ inFlightMaxBytes }, "bytes", "the same, by size", "later ones wait in the journal"],
  [
    { ownCountersMaxBytes },
    "bytes",
    "counters of batches not in the view, kept in memory",
    "read from the journal again",
  ],
  [
    { feedQueueMax },
    "count",
    "updates that wait for the journal to be read",
    "a snapshot is asked for",
  ],
  [
    { blockedAddressesMax },
    "count",
    "addresses blocked for a while (`clients.block`)",
    "no further one is blocked; its calls stay 429",
  ],
  [
    { lookUpsPerSecond },
    "count",
    "keys looked up in a second for addresses with too many wrong ones",
    "429",
  ],
  [
    { listedBlocksMax },
    "count",
    "addresses and blocks of `clients.allowFile` or `denyFile`",
    "the configuration is refused",
  ],
  [
    { liveWindowsMax },
    "count",
    "windows counted at one time",
    "the one that ended first makes room",
  ],
  [
    { leasedCountersMax },
    "count",
    "counters of strict limits that quota is held of",
    "503 until some are over",
  ],
  [{ keysAheadMax }, "count", "new keys of one message given quota ahead", "their first call asks"],
  [
    { firstContactMsMax },
    "ms",
    "that a start waits for the hub's time",
    "serves by its own wall clock",
  ],
  [{ reconnectMaxMs }, "ms", "between two attempts to reach the hub", ""],
  [{ silenceMaxMs }, "ms", "without a word from the hub", "connects anew"],
];

const hub: readonly Bound[] = [
  [
    { sessionsMax },
    "count",
    "gateway processes remembered",
    "those that left are forgotten; if none has, a further one is refused",
  ],
  [{ linkConnectionsMax }, "count", "connections of gateways", "refused, tried again"],
  [
    { linkMessageMaxBytes },
    "bytes",
    "message between gateway and hub",
    "refused and counted, connection closed",
  ],
  [
    { sessionBufferedMax },
    "bytes",
    "updates queued to one gateway",
    "held back until it has read them",
  ],
  [
    { unsavedBytesMax },
    "bytes",
    "keys that a gateway has not saved yet",
    "held back until it has saved some",
  ],
  [{ linkBufferedMaxBytes }, "bytes", "anything queued to one gateway", "connection closed"],
  [
    { streamPendingBytesMax },
    "bytes",
    "batches not yet durable in the stream",
    "sender closed, sends again",
  ],
  [
    { parkedMax },
    "count",
    "batches of one process that wait for an earlier one",
    "dropped, asked for again",
  ],
  [{ lostRangesMax }, "count", "ranges of one process declared lost", "further ones are refused"],
  [
    { epochsMax },
    "count",
    "epochs of earlier starts, and of other hubs, that the hub remembers",
    "the oldest are forgotten: who comes with one is let in without a warning",
  ],
  [{ pendingGrantsMax }, "count", "grants on their way into the stream", "asked for again"],
  [{ leaseAheadMs }, "ms", "before its start that a window is granted of", "refused, asked again"],
  [
    { fenceMarginMs },
    "ms",
    "that a restored hub's clock may be behind, for strict limits",
    "quota can be exceeded",
  ],
  [{ ringUpdatesMax }, "count", "updates kept for gateways that come back", "those get a snapshot"],
  [{ ringBytesMax }, "bytes", "the same, by size", "those get a snapshot"],
  [
    { expiryGraceMs },
    "ms",
    "that a window is kept after its end",
    "later charges of it are in the reports, not in totals",
  ],
  [
    { connectWaitMs },
    "ms",
    "that `verify` waits for a gateway to connect",
    "the region counts as not asked, exit 1",
  ],
  [
    { auditTimeoutMs },
    "ms",
    "for a gateway's answer to `verify`",
    "the region counts as not asked, exit 1",
  ],
  [{ verifyMsMax }, "ms", "for one `verify`", "fails"],
  [{ differencesMax }, "count", "differences that `verify` lists", "counted only"],
];

const files: readonly Bound[] = [
  [{ configLengthMax }, "count", "characters of the configuration file", "refused"],
  [{ limitsPerPlanMax }, "count", "limits of one plan", "refused"],
  [{ dimensionsMax }, "count", "different `per` in all plans", "refused"],
  [{ segmentsMax }, "count", "segments of a route's path", "refused"],
  [{ planNamesMax }, "count", "plan names in keys", "further keys are refused"],
  [{ accessLogBufferMaxBytes }, "bytes", "lines of the access log that wait", "dropped"],
  [{ watchersMax }, "count", "charges whose storing is noted for traces", "not noted"],
  [{ pathNotedMax }, "count", "characters of a path in the access log and traces", "cut"],
  [{ logBufferMaxBytes }, "bytes", "log lines that wait for a slow reader", "dropped"],
  [
    { metricChildrenMax },
    "count",
    "label combinations of one metric",
    "share one labelled `other`",
  ],
];

export function boundTables(): string {
  return [
    section("Calls", calls),
    section("A gateway process", gateway),
    section("The hub", hub),
    section("Admin API and keys", adminBounds),
    section("Portal", portalBounds),
    section("Public status", statusBounds),
    section("Configuration, log and metrics", files),
  ].join("\n\n");
}

function section(title: string, bounds: readonly Bound[]): string {
  const rows = bounds.map(([constant, unit, what, beyond]) => {
    const [[name, value] = ["", 0]] = Object.entries(constant);
    return [what, amount(value, unit), beyond, code(name)];
  });
  return `### ${title}\n\n${table(["what", "at most", "beyond it", "constant"], rows)}`;
}

function amount(value: number, unit: Unit): string {
  switch (unit) {
    case "count":
      return value.toLocaleString("en-US");
    case "bytes":
      return bytesText(value);
    case "ms":
      return timeText(value);
  }
}

function bytesText(bytes: number): string {
  if (bytes % 2 ** 20 === 0) return `${bytes / 2 ** 20} MiB`;
  return bytes % 1_024 === 0 ? `${bytes / 1_024} KiB` : `${bytes} bytes`;
}

function timeText(ms: number): string {
  for (const [length, unit] of [
    [86_400_000, "days"],
    [3_600_000, "h"],
    [60_000, "min"],
    [1_000, "s"],
  ] as const) {
    if (ms % length === 0 && ms > length) return `${ms / length} ${unit}`;
  }
  return `${ms} ms`;
}
