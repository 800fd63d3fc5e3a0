/** The gateway's metrics beside those of the pipeline. */

import type { JournalHealth } from "../ports/journal.ts";
import type { HistogramChild, Metrics } from "../ports/metrics.ts";

/** From the flush interval of a laptop to a region that was cut off for a minute. */
const lagBuckets = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 15, 60];
const propagationBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 30];

export interface GatewayReadings {
  readonly viewAgeSeconds: number;
  readonly unacknowledgedUnits: number;
  readonly pendingBatches: number;
  readonly journal: JournalHealth;
  readonly unmeteredCalls: number;
  readonly connected: boolean;
  readonly keys: number;
  readonly timeDisciplined: boolean;
  readonly leases: { readonly held: number; readonly spendable: number };
}

export interface GatewayMetrics {
  /** Seconds from admission in another process to this view. */
  readonly lag: HistogramChild;
  /** Seconds from a key's change at the hub to its being in force here. */
  readonly propagation: HistogramChild;
  collect(readings: GatewayReadings): void;
}

export function gatewayMetrics(metrics: Metrics, region: string): GatewayMetrics {
  const gauge = (name: string, help: string): { set(value: number): void } =>
    metrics.gauge({ name: `tallygate_${name}`, help, labels: ["region"] }).child(region);
  const histogram = (name: string, help: string, buckets: readonly number[]): HistogramChild =>
    metrics
      .histogram({ name: `tallygate_${name}`, help, labels: ["region"], buckets })
      .child(region);
  const viewAge = gauge("view_age_seconds", "Age of the region's view of all regions' totals.");
  const unacknowledged = gauge("unacknowledged_charges", "Units charged that no view covers yet.");
  const pending = gauge("journal_pending_batches", "Sealed batches that no view covers yet.");
  const bytes = gauge("journal_bytes", "Bytes of the journal on disk.");
  const limit = gauge("journal_size_max_bytes", "Bytes at which the journal counts as full.");
  const accepting = gauge("journal_ok", "1 while the journal takes charges.");
  const store = gauge("journal_store_seconds", "Time that the last group took to store.");
  const unmetered = gauge("unmetered_calls", "Calls admitted while the journal was failing.");
  const connected = gauge("hub_connected", "1 while the link to the hub is open.");
  const keys = gauge("keys", "Secrets in the key table.");
  const disciplined = gauge("time_disciplined", "1 once the hub's time is known.");
  const held = gauge("lease_units", "Units of strict quotas held here and not spent.");
  const spendable = gauge("lease_spendable_units", "Of those, what may be spent at once.");
  return {
    lag: histogram(
      "view_lag_seconds",
      "From the oldest charge of another process's batch to its being in this view.",
      lagBuckets,
    ),
    propagation: histogram(
      "key_propagation_seconds",
      "From a key's change at the hub to its being in force here.",
      propagationBuckets,
    ),
    collect(readings) {
      viewAge.set(readings.viewAgeSeconds);
      unacknowledged.set(readings.unacknowledgedUnits);
      pending.set(readings.pendingBatches);
      bytes.set(readings.journal.bytes);
      limit.set(readings.journal.sizeMaxBytes);
      accepting.set(readings.journal.state === "ok" ? 1 : 0);
      store.set(readings.journal.lastStoreMs / 1000);
      unmetered.set(readings.unmeteredCalls);
      connected.set(readings.connected ? 1 : 0);
      keys.set(readings.keys);
      disciplined.set(readings.timeDisciplined ? 1 : 0);
      held.set(readings.leases.held);
      spendable.set(readings.leases.spendable);
    },
  };
}
