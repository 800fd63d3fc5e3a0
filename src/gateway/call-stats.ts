/**
 * What the pipeline tells about calls: metrics, and observations for the reports, summed here and
 * handed to the meter now and then. Adding to a sum that exists allocates nothing.
 */

import type { EpochMs } from "../base/words.ts";
import type { CounterChild, Family, HistogramChild, Metrics } from "../ports/metrics.ts";

/** How a call ended. `limited:<limit>` names the first violated limit in the order of the plan. */
export type Outcome =
  | "admitted"
  | "unmetered"
  | "malformed"
  | "unauthorized"
  | "forbidden"
  | "not-found"
  | "preflight"
  | "unready"
  | "unrecordable"
  | "unleased"
  | "shed"
  | "handler-error"
  | "upstream-error"
  | "timeout"
  | `limited:${string}`;

/** `unleased`: refused since this process held too little of a strict quota, while not all of it was used. */
type Decided = "admitted" | "denied" | "unleased" | "shadow";

/** Seconds: from what metering costs to the longest time-outs. */
const durationBuckets = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30,
];

export interface ObservationSink {
  observe(seen: {
    route: string;
    plan: string;
    outcome: string;
    calls: number;
    bytes: number;
    timeMs: number;
    nowMs: EpochMs;
  }): void;
  /** All that ended until now was told. `overhead`: undefined where no metrics are kept. */
  observed(
    nowMs: EpochMs,
    overhead:
      | { readonly counts: ArrayLike<number>; readonly bounds: readonly number[] }
      | undefined,
  ): void;
}

interface Cell {
  readonly route: string;
  readonly plan: string;
  readonly outcome: Outcome;
  readonly requests: CounterChild;
  calls: number;
  bytes: number;
  timeMs: number;
}

/** Named only by configuration, so bounded: a route's and a plan's cells by outcome. */
type CellsByOutcome = Map<Outcome, Cell>;

export interface EndedCall {
  /** As configured; "" if none was found. */
  readonly route: string;
  /** "" if the caller is not known. */
  readonly plan: string;
  readonly outcome: Outcome;
  /** Of the reply's body. */
  readonly bytes: number;
  readonly durationMs: number;
  /** Spent waiting for handler or upstream. */
  readonly elsewhereMs: number;
}

export class CallStats {
  readonly #region: string;
  readonly #requests: Family<CounterChild>;
  readonly #decisions: Family<CounterChild>;
  readonly #crowded: Family<CounterChild>;
  readonly #duration: HistogramChild;
  readonly #overhead: HistogramChild;
  readonly #cells = new Map<string, Map<string, CellsByOutcome>>();
  #touched: Cell[] = [];

  constructor(metrics: Metrics, region: string) {
    this.#region = region;
    this.#requests = metrics.counter({
      name: "tallygate_requests_total",
      help: "Requests answered, by outcome.",
      labels: ["region", "route", "outcome"],
    });
    this.#decisions = metrics.counter({
      name: "tallygate_decisions_total",
      help: "Decisions: admitted calls of a plan, and refusals (or what a shadow limit would have refused) by limit.",
      labels: ["plan", "limit", "decision"],
    });
    this.#crowded = metrics.counter({
      name: "tallygate_shared_counter_calls_total",
      help: "Calls that were held against the counter which addresses and the like share that came when a window was full (clients.addressesMax).",
      labels: ["plan", "per"],
    });
    const histogram = (name: string, help: string): HistogramChild =>
      metrics.histogram({ name, help, labels: ["region"], buckets: durationBuckets }).child(region);
    this.#duration = histogram(
      "tallygate_request_duration_seconds",
      "From a request's head to its whole reply.",
    );
    this.#overhead = histogram(
      "tallygate_overhead_seconds",
      "Time that the gateway adds: duration without handler and upstream.",
    );
  }

  decision(plan: string, limit: string, decision: Decided): CounterChild {
    return this.#decisions.child(plan, limit, decision);
  }

  /** Calls of a plan whose subject found no room. */
  crowded(plan: string, per: string): CounterChild {
    return this.#crowded.child(plan, per);
  }

  ended(call: EndedCall): void {
    const cell = this.#cell(call);
    if (cell.calls === 0) this.#touched.push(cell);
    cell.requests.add(1);
    cell.calls++;
    cell.bytes += call.bytes;
    cell.timeMs += call.durationMs;
    this.#duration.observe(call.durationMs / 1_000);
    this.#overhead.observe(Math.max(0, call.durationMs - call.elsewhereMs) / 1_000);
  }

  /** Hands what was summed since the last time to `sink`. */
  flush(sink: ObservationSink, nowMs: EpochMs): void {
    const touched = this.#touched;
    this.#touched = [];
    for (const cell of touched) {
      const { route, plan, outcome, calls, bytes, timeMs } = cell;
      sink.observe({ route, plan, outcome, calls, bytes, timeMs, nowMs });
      cell.calls = 0;
      cell.bytes = 0;
      cell.timeMs = 0;
    }
    const { counts } = this.#overhead;
    sink.observed(nowMs, counts === undefined ? undefined : { counts, bounds: durationBuckets });
  }

  #cell(call: EndedCall): Cell {
    const { route, plan, outcome } = call;
    let byPlan = this.#cells.get(route);
    if (byPlan === undefined) {
      byPlan = new Map();
      this.#cells.set(route, byPlan);
    }
    let byOutcome = byPlan.get(plan);
    if (byOutcome === undefined) {
      byOutcome = new Map();
      byPlan.set(plan, byOutcome);
    }
    let cell = byOutcome.get(outcome);
    if (cell === undefined) {
      const requests = this.#requests.child(this.#region, route, outcome);
      cell = { route, plan, outcome, requests, calls: 0, bytes: 0, timeMs: 0 };
      byOutcome.set(outcome, cell);
    }
    return cell;
  }
}
