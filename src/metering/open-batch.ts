/**
 * The open batch: calls charged since the last seal, summed by row. Sealing sums the rows into
 * counters and encodes both, so that totals, reports and invoices come from one source.
 *
 * Left to others: which row a call belongs to (gateway/meter), where bytes are stored (journal).
 */

import { assert, present } from "../base/assert.ts";
import type { EpochMs } from "../base/words.ts";
import { type BatchHeader, type EncodableBatch, encodeBatch } from "./batch-codec.ts";
import { ByteReader, MalformedBytes } from "./bytes.ts";
import { readRecords } from "./charge-record.ts";
import type { ClosedLease, CounterColumns, Observation, RowDefinition, UsageRow } from "./usage.ts";

/** Observations of one batch, at most; more are summed under the outcome `other`. */
const observationsMax = 1_000;

interface OpenRow {
  readonly definition: RowDefinition;
  calls: number;
  units: number;
  refundedCalls: number;
  refundedUnits: number;
}

/** A sealed batch: its bytes, and the counters that the gateway's view subtracts once it is covered. */
export interface SealedBatch {
  readonly bytes: Uint8Array;
  readonly windows: readonly string[];
  readonly counters: CounterColumns;
}

export class OpenBatch {
  readonly #rows: OpenRow[] = [];
  readonly #observations = new Map<
    string,
    { -readonly [K in keyof Observation]: Observation[K] }
  >();
  readonly #leases: ClosedLease[] = [];
  /** Node time of the first charge or refund; 0: none yet. */
  firstChargeAtMs: EpochMs = 0;
  calls = 0;
  /** Net units. */
  units = 0;

  get rowCount(): number {
    return this.#rows.length;
  }

  /** True if nothing was charged, refunded, observed or given back. */
  get isEmpty(): boolean {
    const isSilent = this.#observations.size === 0 && this.#leases.length === 0;
    return this.firstChargeAtMs === 0 && isSilent;
  }

  get leases(): readonly ClosedLease[] {
    return this.#leases;
  }

  /** Adds a row; returns its index. */
  define(definition: RowDefinition): number {
    return (
      this.#rows.push({ definition, calls: 0, units: 0, refundedCalls: 0, refundedUnits: 0 }) - 1
    );
  }

  charge(row: number, units: number, nowMs: EpochMs): void {
    const open = this.#row(row);
    open.calls++;
    open.units += units;
    this.calls++;
    this.units += units;
    if (this.firstChargeAtMs === 0) this.firstChargeAtMs = nowMs;
  }

  refund(row: number, units: number, nowMs: EpochMs): void {
    const open = this.#row(row);
    open.refundedCalls++;
    open.refundedUnits += units;
    this.units -= units;
    if (this.firstChargeAtMs === 0) this.firstChargeAtMs = nowMs;
  }

  /** A lease of which nothing is spent any more. */
  close(lease: ClosedLease): void {
    this.#leases.push(lease);
  }

  /** Sums an outcome; `key` names route, plan and outcome together. */
  observe(key: string, make: () => Observation): void {
    const known = this.#observations.get(key);
    const one = make();
    if (known !== undefined) {
      known.calls += one.calls;
      known.bytes += one.bytes;
      known.timeMs += one.timeMs;
    } else if (this.#observations.size < observationsMax) {
      this.#observations.set(key, { ...one });
    } else {
      const other = { ...one, route: "", plan: "", outcome: "other" };
      const all = this.#observations.get("other");
      if (all === undefined) this.#observations.set("other", other);
      else {
        all.calls += one.calls;
        all.bytes += one.bytes;
        all.timeMs += one.timeMs;
      }
    }
  }

  seal(header: BatchHeader): SealedBatch {
    const summed = this.#sum();
    const batch: EncodableBatch = {
      ...header,
      firstChargeAtMs: this.firstChargeAtMs,
      ...summed,
      rows: this.#rows.map(usageRow),
      observations: [...this.#observations.values()],
      leases: this.#leases,
    };
    return { bytes: encodeBatch(batch), windows: summed.windows, counters: summed.counters };
  }

  /** The counters of what is open now. */
  sums(): { windows: readonly string[]; counters: CounterColumns } {
    return this.#sum();
  }

  #row(row: number): OpenRow {
    return present(this.#rows[row], "row of the open batch");
  }

  /** Sums rows into counters. Their order is that of first use, so the same calls give the same bytes. */
  #sum(): { windows: string[]; subjects: string[]; counters: CounterColumns } {
    const windowIndex = new Map<string, number>();
    const counterIndex: Map<string, number>[] = [];
    const window: number[] = [];
    const lo: number[] = [];
    const hi: number[] = [];
    const charged: number[] = [];
    const refunded: number[] = [];
    const subjects: string[] = [];
    for (const row of this.#rows) {
      for (const counter of row.definition.counters) {
        let w = windowIndex.get(counter.window);
        if (w === undefined) {
          w = windowIndex.size;
          windowIndex.set(counter.window, w);
          counterIndex.push(new Map());
        }
        const bySubject = counterIndex[w] as Map<string, number>;
        let c = bySubject.get(counter.subject);
        if (c === undefined) {
          c = subjects.push(counter.subject) - 1;
          bySubject.set(counter.subject, c);
          window.push(w);
          lo.push(counter.lo);
          hi.push(counter.hi);
          charged.push(0);
          refunded.push(0);
        }
        charged[c] = (charged[c] as number) + row.units;
        refunded[c] = (refunded[c] as number) + row.refundedUnits;
      }
    }
    return {
      windows: [...windowIndex.keys()],
      subjects,
      counters: {
        count: subjects.length,
        window: Uint32Array.from(window),
        lo: Uint32Array.from(lo),
        hi: Uint32Array.from(hi),
        charged: Float64Array.from(charged),
        refunded: Float64Array.from(refunded),
      },
    };
  }
}

function usageRow(row: OpenRow): UsageRow {
  const { hour, route, plan, owner, key, address, referer } = row.definition;
  const { calls, units, refundedCalls, refundedUnits } = row;
  return {
    ...{ hour, route, plan, owner, key, address, referer },
    ...{ calls, units, refundedCalls, refundedUnits },
  };
}

/**
 * Rebuilds an open batch from what the journal kept. A malformed record ends it: what follows was
 * never acknowledged in order, and `intact` is false so that the operator hears of it.
 */
export function replayRecords(
  groups: readonly Uint8Array[],
  nowMs: EpochMs,
): { batch: OpenBatch; intact: boolean } {
  const batch = new OpenBatch();
  const visitor = {
    define: (row: RowDefinition) => void batch.define(row),
    charge: (row: number, units: number) => {
      if (row >= batch.rowCount) throw new MalformedBytes("row not defined");
      batch.charge(row, units, nowMs);
    },
    refund: (row: number, units: number) => {
      if (row >= batch.rowCount) throw new MalformedBytes("row not defined");
      batch.refund(row, units, nowMs);
    },
  };
  assert(nowMs > 0, "time of the replay");
  try {
    for (const group of groups) readRecords(new ByteReader(group), visitor);
    return { batch, intact: true };
  } catch (error) {
    if (error instanceof MalformedBytes) return { batch, intact: false };
    throw error;
  }
}
