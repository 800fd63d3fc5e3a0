/** Usage rows and observations of many batches, summed by what they are reported under. */

import type { Batch } from "../metering/batch-codec.ts";
import type { Observation } from "../metering/usage.ts";
import type { LedgerObservation, LedgerRow } from "../ports/ledger-store.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type RowSum = Mutable<LedgerRow>;

/** Rows of one caller that are searched one by one; a caller with more gets a map of its own. */
const listMax = 8;

/** Between the parts of a key: in no name, address or host. */
const separator = "\n";

/**
 * Rows are found by their caller first: one look-up of a string that is there already, where a key put together of all
 * parts would have to be built and hashed for every row.
 */
export class RowSums {
  #callers = new Map<string, RowSum | RowSum[] | Map<string, RowSum>>();
  #observations = new Map<string, Mutable<LedgerObservation>>();

  /** Takes the batch's rows over: the first of a kind becomes the sum that later ones are added to. */
  add(batch: Batch): void {
    for (const row of batch.rows) this.#addRow(row);
    for (const seen of batch.observations) this.#addObservation(batch.region, seen);
  }

  /** All sums; empty afterwards. */
  take(): { rows: LedgerRow[]; observations: LedgerObservation[] } {
    const rows: LedgerRow[] = [];
    for (const known of this.#callers.values()) {
      if (Array.isArray(known)) rows.push(...known);
      else if (known instanceof Map) for (const row of known.values()) rows.push(row);
      else rows.push(known);
    }
    const observations = [...this.#observations.values()];
    this.#callers = new Map();
    this.#observations = new Map();
    return { rows, observations };
  }

  #addRow(row: RowSum): void {
    const caller = row.key === "" ? row.address : row.key;
    const known = this.#callers.get(caller);
    if (known === undefined) {
      this.#callers.set(caller, row);
    } else if (Array.isArray(known)) {
      const same = known.find((sum) => isSame(sum, row));
      if (same !== undefined) addTo(same, row);
      else if (known.length < listMax) known.push(row);
      else {
        const map = new Map(known.map((sum) => [fullKey(sum), sum] as const));
        map.set(fullKey(row), row);
        this.#callers.set(caller, map);
      }
    } else if (known instanceof Map) {
      const key = fullKey(row);
      const same = known.get(key);
      if (same !== undefined) addTo(same, row);
      else known.set(key, row);
    } else if (isSame(known, row)) {
      addTo(known, row);
    } else {
      this.#callers.set(caller, [known, row]);
    }
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

function isSame(sum: RowSum, row: RowSum): boolean {
  return (
    sum.hour === row.hour &&
    sum.region === row.region &&
    sum.route === row.route &&
    sum.plan === row.plan &&
    sum.owner === row.owner &&
    sum.key === row.key &&
    sum.address === row.address &&
    sum.referer === row.referer
  );
}

function fullKey(row: RowSum): string {
  const { hour, region, route, plan, owner, key, address, referer } = row;
  return [hour, region, route, plan, owner, key, address, referer].join(separator);
}

function addTo(sum: RowSum, row: RowSum): void {
  sum.calls = capped(sum.calls + row.calls);
  sum.units = capped(sum.units + row.units);
  sum.refundedCalls = capped(sum.refundedCalls + row.refundedCalls);
  sum.refundedUnits = capped(sum.refundedUnits + row.refundedUnits);
}

/** Sums stay exact whole numbers; only a producer that makes figures up reaches the cap. */
function capped(sum: number): number {
  return sum < Number.MAX_SAFE_INTEGER ? sum : Number.MAX_SAFE_INTEGER;
}
