/** Usage rows and observations of many batches, summed by what they are reported under. */

import type { Batch } from "../metering/batch-codec.ts";
import type { Observation, UsageRow } from "../metering/usage.ts";
import type { LedgerObservation, LedgerRow } from "../ports/ledger-store.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Between the parts of a key: in no name, address or host. */
const separator = "\n";

export class RowSums {
  #rows = new Map<string, Mutable<LedgerRow>>();
  #observations = new Map<string, Mutable<LedgerObservation>>();

  get size(): number {
    return this.#rows.size + this.#observations.size;
  }

  add(batch: Batch): void {
    const { region } = batch;
    for (const row of batch.rows) this.#addRow(region, row);
    for (const seen of batch.observations) this.#addObservation(region, seen);
  }

  /** All sums; empty afterwards. */
  take(): { rows: LedgerRow[]; observations: LedgerObservation[] } {
    const rows = [...this.#rows.values()];
    const observations = [...this.#observations.values()];
    this.#rows = new Map();
    this.#observations = new Map();
    return { rows, observations };
  }

  #addRow(region: string, row: UsageRow): void {
    const key =
      row.key +
      separator +
      row.address +
      separator +
      row.referer +
      separator +
      row.hour +
      separator +
      row.route +
      separator +
      row.plan +
      separator +
      row.owner +
      separator +
      region;
    const known = this.#rows.get(key);
    if (known === undefined) {
      this.#rows.set(key, { region, ...row });
      return;
    }
    known.calls = capped(known.calls + row.calls);
    known.units = capped(known.units + row.units);
    known.refundedCalls = capped(known.refundedCalls + row.refundedCalls);
    known.refundedUnits = capped(known.refundedUnits + row.refundedUnits);
  }

  #addObservation(region: string, seen: Observation): void {
    const { hour, route, plan, outcome } = seen;
    const key = [hour, route, plan, outcome, region].join(separator);
    const known = this.#observations.get(key);
    if (known === undefined) {
      this.#observations.set(key, { region, ...seen });
      return;
    }
    known.calls = capped(known.calls + seen.calls);
    known.bytes = capped(known.bytes + seen.bytes);
    known.timeMs = capped(known.timeMs + seen.timeMs);
  }
}

/** Sums stay exact whole numbers; only a producer that makes figures up reaches the cap. */
function capped(sum: number): number {
  return sum < Number.MAX_SAFE_INTEGER ? sum : Number.MAX_SAFE_INTEGER;
}
