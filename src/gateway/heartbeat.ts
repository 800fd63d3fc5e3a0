/** What a gateway says of itself several times a second. */

import type { EpochMs } from "../base/words.ts";
import type { JournalHealth } from "../ports/journal.ts";
import type { Heartbeat, RefusalCount } from "../ports/link.ts";
import type { ConfigState } from "./config-offer.ts";
import type { LagMeter } from "./lag-meter.ts";
import type { Meter } from "./meter.ts";
import type { PeakUnits } from "./peak-units.ts";
import type { RegionView } from "./region-view.ts";

export function heartbeat(
  at: { readonly id: number; readonly sentAtMs: number; readonly nowMs: EpochMs },
  of: {
    readonly view: RegionView;
    readonly meter: Pick<Meter, "open" | "callSums">;
    readonly lag: LagMeter;
    readonly peak: PeakUnits;
    readonly health: JournalHealth;
    readonly registryVersion: number;
    readonly keyLagMs: number | undefined;
    readonly rulesVersion: string;
    readonly callsPerSecond: number;
    readonly roundTripMs: number | undefined;
    readonly config: ConfigState | undefined;
    readonly refusals: readonly RefusalCount[] | undefined;
  },
): Heartbeat {
  const { id, sentAtMs, nowMs } = at;
  const { view, lag, health, registryVersion, callsPerSecond, roundTripMs } = of;
  const own = view.own.outstanding();
  const { open, callSums } = of.meter;
  const oldestMs = own.oldestMs || open.firstChargeAtMs;
  return {
    kind: "heartbeat",
    id,
    sentAtMs,
    view: view.version,
    registryVersion,
    unacknowledgedUnits: own.units + open.units,
    oldestUnacknowledgedMs: oldestMs === 0 ? 0 : Math.max(0, nowMs - oldestMs),
    journalBytes: health.bytes,
    journalState: health.state,
    callsPerSecond,
    lagP50Ms: lag.percentile(0.5, nowMs),
    lagP99Ms: lag.percentile(0.99, nowMs),
    roundTripMs,
    peakUnits: of.peak.units,
    rulesVersion: of.rulesVersion,
    config: of.config?.inUse,
    configRefused: of.config?.refused,
    configProblem: of.config?.problem,
    refusals: of.refusals,
    calls: {
      atMs: callSums.atMs,
      outcomes: [...callSums.outcomes],
      overheadP50Ms: callSums.overheadP50Ms,
      overheadP99Ms: callSums.overheadP99Ms,
    },
    keyLagMs: of.keyLagMs,
  };
}
