/** What the pipeline is given. */

import type { EpochMs } from "../base/words.ts";
import type { HeldCounters } from "../limits/held-counters.ts";
import type { WindowTables } from "../limits/window-tables.ts";
import type { RowDefinition } from "../metering/usage.ts";
import type { Clock, Random, Timers } from "../ports/clock.ts";
import type { HandlerHost } from "../ports/handler.ts";
import type { Log } from "../ports/log.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { UpstreamClient } from "../ports/upstream.ts";
import type { CallObserver } from "./access-record.ts";
import type { ObservationSink } from "./call-stats.ts";
import type { Credentials } from "./identify.ts";
import type { RefusalTally } from "./refusal-tally.ts";
import type { ChargedCall } from "./row-finder.ts";
import type { LeaseDemand } from "./tended-counter.ts";

/** The meter, as far as calls need it; see `meter.ts`. */
export interface CallMeter extends ObservationSink {
  accepts(): boolean;
  charge(call: ChargedCall): number;
  readonly lastRow: RowDefinition;
  refund(row: RowDefinition, units: number, nowMs: EpochMs): boolean;
  readonly storedPosition: number;
  unmeteredCalls: number;
}

/** Quota of strict limits, as far as calls need it; see `lease-keeper.ts`. */
export interface CallLeases {
  readonly held: HeldCounters;
  demand(demand: LeaseDemand): void;
}

export interface PipelineParts {
  readonly region: string;
  readonly meter: CallMeter;
  readonly leases: CallLeases;
  /** The hub's time. */
  readonly time: { nowMs(): EpochMs };
  /** Those of the view in use now. */
  readonly tables: () => WindowTables;
  /** Body of `/-/status`; undefined while there is none. */
  publicStatus(): Uint8Array | undefined;
  /** For `/-/usage`. */
  readonly viewAgeMs: (nowMs: EpochMs) => number;
  /** How long the gateway has been deciding without the others: held against a limit's `staleness`. */
  readonly cutOffMs: (nowMs: EpochMs) => number;
  /** Undefined until the gateway has joined a cluster; the same object for as long as it is the same cluster. */
  readonly credentials: () => Credentials | undefined;
  /** Why no call can be decided yet; "" if calls can. */
  readonly unready: () => string;
  /** Told to the hub. */
  readonly refusals: RefusalTally;
  readonly upstreams: UpstreamClient;
  readonly handlers: HandlerHost;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Left out: nothing is noted of requests. */
  readonly observer?: CallObserver | undefined;
}
