/** What the hub says of itself to the operator. */

import type { ProducerKey, Seq } from "../base/words.ts";
import type { GatewaySession } from "./gateway-session.ts";
import type { HubStatus, ProcessStatus } from "./hub-api.ts";
import type { HubState } from "./hub-state.ts";

/** Lost ranges shown, at most: the newest of each producer. */
const lostShownMax = 100;

type Lost = HubStatus["lost"][number];

export function lostRanges(state: HubState): Lost[] {
  const lost: Lost[] = [];
  for (const [producer, known] of state.fold.producers) {
    for (const [from, to] of known.lost) lost.push({ producer, from, to });
  }
  return lost.slice(-lostShownMax);
}

export function processStatus(
  session: GatewaySession,
  hub: { nowMonotonicMs: number; state: HubState },
): ProcessStatus | undefined {
  const { hello, heard } = session;
  if (hello === undefined) return undefined;
  const { heartbeat } = heard;
  const view = heartbeat?.view ?? hello.view;
  return {
    producer: hello.producer,
    region: hello.region,
    process: hello.process,
    listen: hello.listen,
    connected: session.isOpen,
    heardAgoMs: Math.max(0, hub.nowMonotonicMs - heard.atMs),
    view,
    viewBehind: Math.max(0, hub.state.position - view.position),
    registryVersion: heartbeat?.registryVersion ?? hello.registryVersion,
    unacknowledgedUnits: heartbeat?.unacknowledgedUnits ?? 0,
    oldestUnacknowledgedMs: heartbeat?.oldestUnacknowledgedMs ?? 0,
    journalBytes: heartbeat?.journalBytes ?? 0,
    journalState: heartbeat?.journalState ?? "unknown",
    callsPerSecond: heartbeat?.callsPerSecond ?? 0,
    lagP50Ms: heartbeat?.lagP50Ms ?? 0,
    lagP99Ms: heartbeat?.lagP99Ms ?? 0,
    roundTripMs: heartbeat?.roundTripMs ?? 0,
    peakUnits: heartbeat?.peakUnits ?? 0,
    rulesVersion: heartbeat?.rulesVersion ?? "",
    config: heartbeat?.config ?? "",
    configProblem: heartbeat?.configProblem ?? "",
    watermarks: session.watermarks(),
    calls: heartbeat?.calls,
    keyLagMs: heartbeat?.keyLagMs,
  };
}

export interface WarningSource {
  readonly timeWarning: string | undefined;
  readonly isCheckpointFailing: boolean;
  readonly checkpointAgeMs: number;
  readonly streamFailedAgoMs: number | undefined;
  readonly gaps: readonly { readonly producer: ProducerKey; readonly from: Seq }[];
  readonly isConnected: (producer: ProducerKey) => boolean;
  readonly lost: readonly Lost[];
  readonly processes: readonly ProcessStatus[];
  readonly journalSizeMaxBytes: number;
  readonly rulesVersion: string;
  /** Damaged records, damaged rows of the ledger and other findings since the start. */
  readonly findings: readonly string[];
  /** Strict limits grant nothing in windows that began before this; 0: none such runs. */
  readonly fencedUntilMs: number;
}

/** Share of its size from which on a journal is worth a warning: full, it takes no charges. */
const journalFillingShare = 0.8;

/** A failed append is worth a warning for this long after it. */
const streamFailureShownMs = 60_000;

export function warnings(source: WarningSource): string[] {
  const all: string[] = [...source.findings];
  if (source.timeWarning !== undefined) all.push(source.timeWarning);
  if (source.fencedUntilMs > 0) {
    const until = new Date(source.fencedUntilMs).toISOString();
    all.push(
      `strict limits grant nothing in windows that begin before ${until}: the hub was restored or replaced, and grants that it does not know of may be out`,
    );
  }
  if (source.isCheckpointFailing) {
    const seconds = Math.round(source.checkpointAgeMs / 1_000);
    all.push(`the ledger cannot be written; its newest checkpoint is ${seconds} s old`);
  }
  if ((source.streamFailedAgoMs ?? Infinity) < streamFailureShownMs) {
    all.push("the usage stream could not be written; gateways keep their batches and send again");
  }
  for (const { region, process, journalBytes } of source.processes) {
    const share = journalBytes / source.journalSizeMaxBytes;
    if (share < journalFillingShare) continue;
    all.push(
      `the journal of ${region}/${process} is ${Math.floor(share * 100)} % full; back up the hub, or raise journal.sizeMax`,
    );
  }
  for (const { region, process, connected, rulesVersion } of source.processes) {
    if (!connected || rulesVersion === "" || source.rulesVersion === "") continue;
    if (rulesVersion === source.rulesVersion) continue;
    all.push(
      `${region}/${process} runs with other plans, routes or keys (${rulesVersion}) than the hub (${source.rulesVersion}): give both the same configuration`,
    );
  }
  for (const { region, process, connected, configProblem } of source.processes) {
    if (!connected || configProblem === "") continue;
    all.push(`${region}/${process} did not take the applied configuration: ${configProblem}`);
  }
  for (const { producer, from } of source.gaps) {
    if (source.isConnected(producer)) continue;
    all.push(
      `batch ${from} of ${producer} is missing and its gateway is not connected; start it, or declare the batch lost`,
    );
  }
  if (source.lost.length > 0) {
    all.push(`${source.lost.length} ranges of batches were declared lost`);
  }
  return all;
}
