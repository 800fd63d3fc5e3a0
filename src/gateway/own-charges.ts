/**
 * The node's own charges that the view's watermarks do not cover: which sealed batches they are, and
 * their counters, so that they leave `own` in the same step in which the view brings them.
 *
 * Counters are kept in memory up to a bound; beyond it only seqs are known, and the journal gives the
 * counters back when a watermark reaches them.
 */

import { assert } from "../base/assert.ts";
import type { EpochMs, Incarnation, Seq, WindowId } from "../base/words.ts";
import type { CounterColumns } from "../metering/usage.ts";

/** Bytes of counters kept in memory; about a million counters. */
export const ownCountersMaxBytes = 32 * 1024 * 1024;

/** Two words, two doubles and an index. */
const counterBytes = 28;
const batchBytes = 200;

export interface OwnBatch {
  readonly seq: Seq;
  readonly windows: readonly WindowId[];
  readonly counters: CounterColumns;
  /** Net units of its calls. */
  readonly units: number;
  readonly firstChargeAtMs: EpochMs;
}

/** What must be read from the journal before a watermark can be applied. Inclusive. */
export interface MissingRange {
  readonly incarnation: Incarnation;
  readonly from: Seq;
  readonly to: Seq;
}

interface OwnIncarnation {
  /** Watermark of the view. */
  covered: Seq;
  /** Highest sealed seq. */
  last: Seq;
  readonly loaded: Map<Seq, OwnBatch>;
  /** First charge of what was covered last; 0: none. */
  releasedMs: EpochMs;
  /** No batch before this one is both uncovered and known to hold a charge. */
  oldest: Seq;
}

export class OwnCharges {
  readonly #incarnations = new Map<Incarnation, OwnIncarnation>();
  readonly #maxBytes: number;
  #bytes = 0;
  /** Of all batches in memory. */
  #units = 0;

  constructor(maxBytes = ownCountersMaxBytes) {
    this.#maxBytes = maxBytes;
  }

  /** Notes a batch above the watermark. Its counters are already in the tables. */
  add(incarnation: Incarnation, batch: OwnBatch): void {
    const own = this.#own(incarnation);
    assert(batch.seq === own.last + 1, "own batches are noted in order");
    own.last = batch.seq;
    this.#keep(own, batch);
  }

  /** Notes that an incarnation's journal starts above `covered`: those before need no counters. */
  begin(incarnation: Incarnation, covered: Seq): void {
    const own = this.#own(incarnation);
    own.covered = covered;
    if (own.last < covered) own.last = covered;
  }

  covered(incarnation: Incarnation): Seq {
    return this.#incarnations.get(incarnation)?.covered ?? 0;
  }

  last(incarnation: Incarnation): Seq {
    return this.#incarnations.get(incarnation)?.last ?? 0;
  }

  /** The first range that a watermark of `upTo` would need and memory does not have. */
  missing(incarnation: Incarnation, upTo: Seq): MissingRange | undefined {
    const own = this.#incarnations.get(incarnation);
    if (own === undefined) return undefined;
    const end = Math.min(upTo, own.last);
    for (let from = own.covered + 1; from <= end; from++) {
      if (own.loaded.has(from)) continue;
      let to = from;
      while (to < end && !own.loaded.has(to + 1)) to++;
      return { incarnation, from, to };
    }
    return undefined;
  }

  /** Gives counters back that were not in memory; a batch that the journal lost has none. */
  supply(incarnation: Incarnation, batch: OwnBatch): void {
    const own = this.#own(incarnation);
    if (batch.seq <= own.covered || batch.seq > own.last) return;
    const known = own.loaded.get(batch.seq);
    if (known !== undefined) this.#forget(own, known);
    this.#hold(own, batch);
  }

  /** Moves the watermark; calls `release` with each batch that is covered now. None may be missing. */
  cover(incarnation: Incarnation, upTo: Seq, release: (batch: OwnBatch) => void): void {
    const own = this.#incarnations.get(incarnation);
    if (own === undefined) return;
    while (own.covered < upTo && own.covered < own.last) {
      own.covered++;
      const batch = own.loaded.get(own.covered);
      if (batch === undefined) continue;
      this.#forget(own, batch);
      own.releasedMs = batch.firstChargeAtMs || own.releasedMs;
      release(batch);
    }
  }

  /** Units not covered, of sealed batches in memory; `oldestMs`; and how many batches are not covered. */
  outstanding(): { units: number; oldestMs: EpochMs; batches: number } {
    let batches = 0;
    for (const own of this.#incarnations.values()) batches += own.last - own.covered;
    return { units: this.#units, oldestMs: this.oldestMs(), batches };
  }

  /**
   * The time of the oldest charge not covered, or an earlier one where its batch is not in memory; 0: there is none. Takes the
   * same time however long the hub has been away: it is asked on the thread that answers calls, and for every call of a plan
   * with `staleness`.
   */
  oldestMs(): EpochMs {
    let oldestMs = 0;
    for (const own of this.#incarnations.values()) {
      own.oldest = Math.max(own.oldest, own.covered + 1);
      // A batch of observations alone holds no charge. Time does not go back: the first that has one is the oldest.
      while (own.loaded.get(own.oldest)?.firstChargeAtMs === 0) own.oldest++;
      if (own.oldest > own.last) continue;
      // Not in memory: what was covered last is older.
      const sinceMs = own.loaded.get(own.oldest)?.firstChargeAtMs ?? own.releasedMs;
      if (sinceMs > 0 && (oldestMs === 0 || sinceMs < oldestMs)) oldestMs = sinceMs;
    }
    return oldestMs;
  }

  #own(incarnation: Incarnation): OwnIncarnation {
    let own = this.#incarnations.get(incarnation);
    if (own === undefined) {
      own = { covered: 0, last: 0, loaded: new Map(), releasedMs: 0, oldest: 1 };
      this.#incarnations.set(incarnation, own);
    }
    return own;
  }

  #keep(own: OwnIncarnation, batch: OwnBatch): void {
    if (this.#bytes + bytesOf(batch) <= this.#maxBytes) this.#hold(own, batch);
  }

  #hold(own: OwnIncarnation, batch: OwnBatch): void {
    own.loaded.set(batch.seq, batch);
    this.#bytes += bytesOf(batch);
    this.#units += batch.units;
  }

  #forget(own: OwnIncarnation, batch: OwnBatch): void {
    own.loaded.delete(batch.seq);
    this.#units -= batch.units;
    this.#bytes -= bytesOf(batch);
  }
}

function bytesOf(batch: OwnBatch): number {
  return batchBytes + batch.counters.count * counterBytes;
}
