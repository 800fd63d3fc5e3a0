/** What the running hub says of itself: gauges and status, read from its parts. */

import type { Clock } from "../ports/clock.ts";
import type { LedgerStore } from "../ports/ledger-store.ts";
import type { Checkpoints } from "./checkpoints.ts";
import type { HubStatus, ProcessStatus } from "./hub-api.ts";
import type { HubGauges } from "./hub-metrics.ts";
import type { HubRules } from "./hub-options.ts";
import type { HubParts } from "./hub-parts.ts";
import type { BackupCoverage } from "./ledger-meta.ts";
import type { OvershootAudit } from "./overshoot.ts";
import type { Sessions } from "./sessions.ts";
import { lostRanges, processStatus, warnings } from "./status.ts";

export interface ReportSource {
  readonly hub: HubParts;
  readonly clock: Clock;
  readonly ledger: LedgerStore;
  readonly sessions: Sessions;
  readonly checkpoints: Checkpoints;
  readonly overshoot: OvershootAudit;
  readonly rules: () => HubRules;
  readonly now: () => {
    readonly backup: BackupCoverage | undefined;
    readonly findings: readonly string[];
    /** Monotonic; -Infinity: it never failed. */
    readonly streamFailedAtMs: number;
  };
}

export function processes({ hub, clock, sessions }: ReportSource): ProcessStatus[] {
  const at = { nowMonotonicMs: clock.monotonicMs(), state: hub.state };
  return sessions.all().flatMap((session) => processStatus(session, at) ?? []);
}

export function hubGauges(source: ReportSource): HubGauges & { counterUpdates: number } {
  const { hub, ledger, sessions, checkpoints, overshoot } = source;
  const { stream, state } = hub;
  let counterBytes = 0;
  for (const { table } of state.totals.windows.values()) counterBytes += table.bytes;
  const { heldUnits, unusedUnits } = hub.desk.status();
  return {
    streamPosition: state.position,
    streamPendingBytes: stream.pendingBytes,
    streamBytes: stream.bytes(),
    ledgerBytes: ledger.bytes(),
    counters: state.totals.counters,
    counterBytes,
    windows: state.totals.windows.size,
    sessions: sessions.connected().length,
    gaps: state.fold.gaps().length,
    checkpointPosition: checkpoints.saved.fold.version.position,
    registryVersion: hub.registry.version,
    epoch: hub.replicator.version.epoch,
    overshootBoundUnits: overshoot.status().boundUnits,
    leaseHeldUnits: heldUnits,
    leaseUnusedUnits: unusedUnits,
    counterUpdates: state.totals.counterUpdates,
  };
}

export function hubStatus(source: ReportSource): HubStatus {
  const { hub, clock, sessions, overshoot, ledger } = source;
  const { stream, state } = hub;
  const { backup, findings, streamFailedAtMs } = source.now();
  const { saved, failing } = source.checkpoints;
  const nowMs = hub.time.nowMs();
  const gaps = state.fold.gaps();
  const lost = lostRanges(state);
  const all = processes(source);
  return {
    clusterId: hub.cluster.clusterId,
    version: hub.replicator.version,
    timeMs: nowMs,
    checkpoint: { position: saved.fold.version.position, atMs: saved.atMs },
    stream: { first: stream.first, last: stream.last, bytes: stream.bytes() },
    ledgerBytes: ledger.bytes(),
    registry: { version: hub.registry.version, keys: hub.registry.count() },
    rulesVersion: source.rules().rulesVersion ?? "",
    backup: backup && { atMs: backup.atMs, position: backup.position },
    counters: state.totals.counters,
    gaps,
    lost,
    warnings: warnings({
      timeWarning: hub.time.warning(),
      isCheckpointFailing: failing,
      checkpointAgeMs: nowMs - saved.atMs,
      streamFailedAgoMs: clock.monotonicMs() - streamFailedAtMs,
      gaps,
      isConnected: (key) => sessions.isConnected(key.split("/")[0] as string),
      lost,
      processes: all,
      journalSizeMaxBytes: source.rules().journalSizeMaxBytes,
      rulesVersion: source.rules().rulesVersion ?? "",
      findings,
      fencedUntilMs: hub.desk.fencesNow() ? state.leases.fenceMs : 0,
    }),
    processes: all,
    overshoot: overshoot.status(),
    leases: hub.desk.status(),
  };
}
