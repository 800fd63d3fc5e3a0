/** The hub's metrics: `tallygate_stream_*`, `tallygate_fold_*`, `tallygate_hub_*`. */

import type { FoldOutcome } from "../metering/fold.ts";
import type { LeaseResult } from "../ports/link.ts";
import type { CounterChild, Metrics } from "../ports/metrics.ts";

/** Read at each exposition. */
export interface HubGauges {
  readonly streamPosition: number;
  readonly streamPendingBytes: number;
  readonly streamBytes: number;
  readonly ledgerBytes: number;
  readonly counters: number;
  readonly counterBytes: number;
  readonly windows: number;
  readonly sessions: number;
  readonly gaps: number;
  readonly checkpointPosition: number;
  readonly registryVersion: number;
  readonly epoch: number;
  readonly overshootBoundUnits: number;
  readonly leaseHeldUnits: number;
  readonly leaseUnusedUnits: number;
}

const gauges: Readonly<Record<keyof HubGauges, readonly [string, string]>> = {
  streamPosition: ["tallygate_stream_position", "Position of the last record folded"],
  streamPendingBytes: ["tallygate_stream_pending_bytes", "Bytes appended and not yet durable"],
  streamBytes: ["tallygate_stream_bytes", "Bytes of the usage stream on disk"],
  ledgerBytes: ["tallygate_hub_ledger_bytes", "Bytes of the ledger on disk"],
  counters: ["tallygate_hub_counters", "Counters of all live windows"],
  counterBytes: ["tallygate_hub_counter_bytes", "Bytes of memory that counters take"],
  windows: ["tallygate_hub_windows", "Live window instances"],
  sessions: ["tallygate_hub_sessions", "Gateways connected"],
  gaps: ["tallygate_fold_gaps", "Incarnations that wait for a missing batch"],
  checkpointPosition: ["tallygate_hub_checkpoint_position", "Position that the ledger holds"],
  registryVersion: ["tallygate_hub_registry_version", "Newest version of the registry"],
  epoch: ["tallygate_hub_epoch", "Epoch of the versions that are published"],
  overshootBoundUnits: [
    "tallygate_overshoot_bound_units",
    "What one counter may hold beyond its quota, with the peaks and lags of late",
  ],
  leaseHeldUnits: [
    "tallygate_lease_held_units",
    "Units of strict quotas granted and not given back",
  ],
  leaseUnusedUnits: [
    "tallygate_lease_unused_units",
    "Of the held units, those not charged yet: stranded if nobody spends them",
  ],
};

export class HubMetrics {
  readonly #records: ReadonlyMap<FoldOutcome, CounterChild>;
  readonly #batches: (result: string) => CounterChild;
  readonly #refused: (code: string) => CounterChild;
  readonly #overshoot: (plan: string, limit: string) => CounterChild;
  readonly #leases: (result: string) => CounterChild;
  readonly #counterUpdates: CounterChild;
  readonly #snapshots: CounterChild;
  readonly #resends: CounterChild;
  readonly #updates: CounterChild;
  readonly #updateBytes: CounterChild;
  readonly #checkpointSeconds: { observe(value: number): void };
  readonly #checkpointFailures: CounterChild;
  #counted = 0;

  constructor(metrics: Metrics, read: () => HubGauges & { counterUpdates: number }) {
    const plain = (name: string, help: string): CounterChild =>
      metrics.counter({ name, help }).child();
    const records = metrics.counter({
      name: "tallygate_fold_records_total",
      help: "Records of the stream by what folding them came to",
      labels: ["outcome"],
    });
    this.#records = new Map(foldOutcomes.map((outcome) => [outcome, records.child(outcome)]));
    const batches = metrics.counter({
      name: "tallygate_stream_batches_total",
      help: "Batches that gateways sent, by what became of them",
      labels: ["result"],
    });
    this.#batches = (result) => batches.child(result);
    const refused = metrics.counter({
      name: "tallygate_hub_refused_total",
      help: "Connections of gateways that the hub ended, by reason",
      labels: ["code"],
    });
    this.#refused = (code) => refused.child(code);
    const overshoot = metrics.counter({
      name: "tallygate_overshoot_units_total",
      help: "Units beyond their quotas that the counters of closed windows hold",
      labels: ["plan", "limit"],
    });
    this.#overshoot = (plan, limit) => overshoot.child(plan, limit);
    const leases = metrics.counter({
      name: "tallygate_lease_requests_total",
      help: "Requests for quota of strict limits, by what became of them",
      labels: ["result"],
    });
    this.#leases = (result) => leases.child(result);
    this.#counterUpdates = plain("tallygate_fold_counter_updates_total", "Counter updates folded");
    this.#snapshots = plain("tallygate_hub_snapshots_total", "Snapshots begun");
    this.#resends = plain("tallygate_stream_resends_total", "Missing batches asked for again");
    this.#updates = plain("tallygate_hub_updates_total", "Updates published");
    this.#updateBytes = plain("tallygate_hub_update_bytes_total", "Bytes of updates published");
    this.#checkpointFailures = plain(
      "tallygate_hub_checkpoint_failures_total",
      "Checkpoints that could not be written and were tried again",
    );
    this.#checkpointSeconds = metrics
      .histogram({
        name: "tallygate_hub_checkpoint_seconds",
        help: "Time to write a checkpoint",
        buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30],
      })
      .child();
    const children = Object.entries(gauges).map(
      ([key, [name, help]]) =>
        [key as keyof HubGauges, metrics.gauge({ name, help }).child()] as const,
    );
    metrics.onCollect(() => {
      const values = read();
      for (const [key, child] of children) child.set(values[key]);
      this.#counterUpdates.add(values.counterUpdates - this.#counted);
      this.#counted = values.counterUpdates;
    });
  }

  record(outcome: FoldOutcome): void {
    this.#records.get(outcome)?.add(1);
  }

  batch(result: "accepted" | "repeat" | "refused" | "failed"): void {
    this.#batches(result).add(1);
  }

  /** `code` is one of a few words of ours. */
  refused(code: string): void {
    this.#refused(code).add(1);
  }

  overshoot({ plan, limit }: { plan: string; limit: string }, units: number): void {
    this.#overshoot(plan, limit).add(units);
  }

  lease(result: LeaseResult): void {
    this.#leases(result).add(1);
  }

  snapshot(): void {
    this.#snapshots.add(1);
  }

  resend(): void {
    this.#resends.add(1);
  }

  update(bytes: number): void {
    this.#updates.add(1);
    this.#updateBytes.add(bytes);
  }

  checkpoint(seconds: number): void {
    this.#checkpointSeconds.observe(seconds);
  }

  checkpointFailed(): void {
    this.#checkpointFailures.add(1);
  }
}

const foldOutcomes: readonly FoldOutcome[] = [
  "folded",
  "repeat",
  "parked",
  "overflow",
  "late",
  "malformed",
  "control",
];
