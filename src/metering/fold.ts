/**
 * The fold: (state, record) → state. Decides which records of the stream count, exactly once and in
 * each producer's order, whatever the stream repeats, reorders or loses.
 *
 *   seq = last + 1        folded, and after it whatever was parked behind it
 *   seq ≤ last            a repeat, skipped; unless it was declared lost: folded once, then a repeat
 *   seq > last + 1        a gap: parked until what is missing comes (bounded), `gaps()` names it
 *
 * The state is a function of the records alone: no clock, no order of maps. What a folded batch does
 * to totals and rows is the sink's business.
 */

import type { EpochMs, Incarnation, Position, ProducerKey, Seq } from "../base/words.ts";
import { producerKey } from "../base/words.ts";
import { type Batch, decodeBatch } from "./batch-codec.ts";
import type { CounterName, Grant, LostRange, StreamEntry, StrictSince } from "./stream-record.ts";

/** Batches of one incarnation parked behind a gap, at most. What comes beyond is dropped: it will be sent again. */
export const parkedMax = 256;

/** Lost ranges remembered for one incarnation, at most; a further one is refused. */
export const lostRangesMax = 1_024;

export interface FoldSink {
  /** Each batch exactly once; those of an incarnation in order of seq (but a lost one that turned up). */
  batch(batch: Batch): void;
  /** Windows that ended at or before `horizonMs` are to be dropped. Only ever rises. */
  expire(horizonMs: EpochMs): void;
  /** May be a repeat. */
  grant(grant: Grant): void;
  fence(untilMs: EpochMs): void;
  strict(since: StrictSince): void;
  soft(counter: CounterName): void;
}

export type FoldOutcome =
  | "folded"
  | "repeat"
  | "parked"
  | "overflow"
  | "late"
  | "malformed"
  | "control";

export interface ProducerState {
  last: Seq;
  /** Whole records by seq, so that a checkpoint can keep them. */
  readonly parked: Map<Seq, Uint8Array>;
  /** Inclusive ranges declared lost and not turned up since. */
  lost: [Seq, Seq][];
}

export interface Gap {
  readonly producer: ProducerKey;
  /** First missing seq. */
  readonly from: Seq;
}

export class Fold {
  /** Position of the last record applied. */
  position: Position = 0;
  readonly producers = new Map<ProducerKey, ProducerState>();
  readonly #sink: FoldSink;
  #horizonMs: EpochMs = 0;

  constructor(sink: FoldSink) {
    this.#sink = sink;
  }

  get horizonMs(): EpochMs {
    return this.#horizonMs;
  }

  /** Takes up a saved state; the sink's own state must be that of the same checkpoint. */
  restore(saved: {
    position: Position;
    horizonMs: EpochMs;
    producers: readonly {
      producer: ProducerKey;
      last: Seq;
      parked: readonly { seq: Seq; bytes: Uint8Array }[];
      lost: readonly (readonly [Seq, Seq])[];
    }[];
  }): void {
    this.position = saved.position;
    this.#horizonMs = saved.horizonMs;
    this.producers.clear();
    for (const { producer, last, parked, lost } of saved.producers) {
      this.producers.set(producer, {
        last,
        parked: new Map(parked.map(({ seq, bytes }) => [seq, bytes])),
        lost: lost.map(([from, to]) => [from, to]),
      });
    }
  }

  watermark(producer: ProducerKey): Seq {
    return this.producers.get(producer)?.last ?? 0;
  }

  /** Applies the record at `position`, which must be the next one. */
  apply(position: Position, entry: StreamEntry): FoldOutcome {
    this.position = position;
    switch (entry.kind) {
      case "batch":
        return this.#batch(entry.batch, entry.bytes);
      case "lost":
        this.#lost(entry);
        return "control";
      case "expire":
        if (entry.horizonMs > this.#horizonMs) {
          this.#horizonMs = entry.horizonMs;
          this.#sink.expire(entry.horizonMs);
        }
        return "control";
      case "grant":
        this.#sink.grant(entry);
        return "control";
      case "fence":
        this.#sink.fence(entry.untilMs);
        return "control";
      case "strict":
        this.#sink.strict(entry.since);
        return "control";
      case "soft":
        this.#sink.soft(entry);
        return "control";
      case "malformed":
        return "malformed";
    }
  }

  /** Incarnations that wait for a missing seq, in the order in which they were first heard of. */
  gaps(): Gap[] {
    const gaps: Gap[] = [];
    for (const [producer, state] of this.producers) {
      if (state.parked.size > 0) gaps.push({ producer, from: state.last + 1 });
    }
    return gaps;
  }

  #state(producer: string, incarnation: Incarnation): ProducerState {
    const key = producerKey(producer, incarnation);
    let state = this.producers.get(key);
    if (state === undefined) {
      state = { last: 0, parked: new Map(), lost: [] };
      this.producers.set(key, state);
    }
    return state;
  }

  #batch(batch: Batch, bytes: Uint8Array): FoldOutcome {
    const state = this.#state(batch.producer, batch.incarnation);
    const { seq } = batch;
    if (seq === state.last + 1) {
      this.#sink.batch(batch);
      state.last = seq;
      this.#unpark(state);
      return "folded";
    }
    if (seq <= state.last) {
      if (!takeFromRanges(state.lost, seq)) return "repeat";
      this.#sink.batch(batch);
      return "late";
    }
    if (state.parked.has(seq)) return "repeat";
    if (state.parked.size >= parkedMax) return "overflow";
    state.parked.set(seq, bytes);
    return "parked";
  }

  #unpark(state: ProducerState): void {
    for (;;) {
      const bytes = state.parked.get(state.last + 1);
      if (bytes === undefined) return;
      state.parked.delete(state.last + 1);
      const decoded = decodeBatch(bytes);
      // Checked when it was parked; if memory or a checkpoint spoiled it, the gap stays and it is asked for again.
      if ("malformed" in decoded) return;
      this.#sink.batch(decoded.batch);
      state.last++;
    }
  }

  /**
   * Skips what is missing of the range. Seqs already folded or parked are not lost, whoever says so.
   * A range that does not start right behind the watermark's gap is skipped as far as it goes.
   */
  #lost(range: LostRange): void {
    const state = this.#state(range.producer, range.incarnation);
    while (state.last < range.to && state.last + 1 >= range.from) {
      const seq = state.last + 1;
      if (!state.parked.has(seq)) {
        if (!addToRanges(state.lost, seq)) return;
        state.last = seq;
      }
      this.#unpark(state);
    }
  }
}

/** Appends a seq above all others to sorted ranges; false if there are too many ranges. */
function addToRanges(ranges: [Seq, Seq][], seq: Seq): boolean {
  const top = ranges.at(-1);
  if (top !== undefined && top[1] === seq - 1) {
    top[1] = seq;
    return true;
  }
  if (ranges.length >= lostRangesMax) return false;
  ranges.push([seq, seq]);
  return true;
}

/** Takes one seq out of sorted ranges; false if it was in none. */
function takeFromRanges(ranges: [Seq, Seq][], seq: Seq): boolean {
  const at = ranges.findIndex(([from, to]) => from <= seq && seq <= to);
  const range = ranges[at];
  if (range === undefined) return false;
  const [from, to] = range;
  const rest: [Seq, Seq][] = [];
  if (from < seq) rest.push([from, seq - 1]);
  if (seq < to) rest.push([seq + 1, to]);
  ranges.splice(at, 1, ...rest);
  return true;
}
