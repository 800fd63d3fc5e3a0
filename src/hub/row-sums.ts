/** Usage rows and observations of many batches, summed by what they are reported under. */

import type { Batch } from "../metering/batch-codec.ts";
import type { Observation, UsageRow } from "../metering/usage.ts";
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

  add(batch: Batch): void {
    const { region } = batch;
    for (const row of batch.rows) this.#addRow(region, row);
    for (const seen of batch.observations) this.#addObservation(region, seen);
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

  #addRow(region: string, row: UsageRow): void {
    const caller = row.key === "" ? row.address : row.key;
    const known = this.#callers.get(caller);
    if (known === undefined) {
      this.#callers.set(caller, rowSum(region, row));
    } else if (Array.isArray(known)) {
      const same = known.find((sum) => isSame(sum, region, row));
      if (same !== undefined) addTo(same, row);
      else if (known.length < listMax) known.push(rowSum(region, row));
      else {
        const map = new Map(known.map((sum) => [fullKey(sum.region, sum), sum] as const));
        map.set(fullKey(region, row), rowSum(region, row));
        this.#callers.set(caller, map);
      }
    } else if (known instanceof Map) {
      const key = fullKey(region, row);
      const same = known.get(key);
      if (same !== undefined) addTo(same, row);
      else known.set(key, rowSum(region, row));
    } else if (isSame(known, region, row)) {
      addTo(known, row);
    } else {
      this.#callers.set(caller, [known, rowSum(region, row)]);
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

/** Written out: spreading the row takes three times as long. */
function rowSum(region: string, row: UsageRow): RowSum {
  return {
    hour: row.hour,
    region,
    route: row.route,
    plan: row.plan,
    owner: row.owner,
    key: row.key,
    address: row.address,
    referer: row.referer,
    calls: row.calls,
    units: row.units,
    refundedCalls: row.refundedCalls,
    refundedUnits: row.refundedUnits,
  };
}

function isSame(sum: RowSum, region: string, row: UsageRow): boolean {
  return (
    sum.hour === row.hour &&
    sum.region === region &&
    sum.route === row.route &&
    sum.plan === row.plan &&
    sum.owner === row.owner &&
    sum.key === row.key &&
    sum.address === row.address &&
    sum.referer === row.referer
  );
}

function fullKey(region: string, row: UsageRow): string {
  const { hour, route, plan, owner, key, address, referer } = row;
  return [hour, region, route, plan, owner, key, address, referer].join(separator);
}

function addTo(sum: RowSum, row: UsageRow): void {
  sum.calls = capped(sum.calls + row.calls);
  sum.units = capped(sum.units + row.units);
  sum.refundedCalls = capped(sum.refundedCalls + row.refundedCalls);
  sum.refundedUnits = capped(sum.refundedUnits + row.refundedUnits);
}

/** Sums stay exact whole numbers; only a producer that makes figures up reaches the cap. */
function capped(sum: number): number {
  return sum < Number.MAX_SAFE_INTEGER ? sum : Number.MAX_SAFE_INTEGER;
}
