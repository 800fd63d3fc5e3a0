/**
 * How often something may happen for each of many: a burst, then once every so often (a leaky bucket, as GCRA keeps it: one number
 * for each).
 *
 * The table is bounded. While it is full, those that are not in it share one bucket: nobody is pushed out of it by a flood
 * of others.
 */

/** A full table is searched for entries that are over at most once in so many milliseconds. */
const sweepEveryMs = 1_000;
/** Of those for which there is no room. */
const shared = "";

export interface Rate {
  /** In one go. */
  readonly burst: number;
  /** After that one in so many milliseconds. */
  readonly everyMs: number;
  /** Remembered at one time. */
  readonly entriesMax: number;
}

export class RateTable {
  readonly #rate: Rate;
  /** When each bucket will be empty. */
  readonly #emptyAtMs = new Map<string, number>();
  #sweptAtMs = Number.NEGATIVE_INFINITY;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** How long until it may happen again for `name`; 0: now. */
  waitMs(name: string, nowMs: number): number {
    const { burst, everyMs } = this.#rate;
    const emptyAtMs = this.#emptyAtMs.get(this.#bucketOf(name)) ?? nowMs;
    return Math.max(0, emptyAtMs + everyMs - (nowMs + burst * everyMs));
  }

  /** It has happened. */
  note(name: string, nowMs: number): void {
    if (this.#emptyAtMs.size >= this.#rate.entriesMax) this.#sweep(nowMs);
    const bucket = this.#bucketOf(name);
    const emptyAtMs = Math.max(nowMs, this.#emptyAtMs.get(bucket) ?? nowMs);
    this.#emptyAtMs.set(bucket, emptyAtMs + this.#rate.everyMs);
  }

  #bucketOf(name: string): string {
    const isFull = this.#emptyAtMs.size >= this.#rate.entriesMax;
    return isFull && !this.#emptyAtMs.has(name) ? shared : name;
  }

  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptAtMs < sweepEveryMs) return;
    this.#sweptAtMs = nowMs;
    for (const [bucket, emptyAtMs] of this.#emptyAtMs) {
      if (emptyAtMs <= nowMs) this.#emptyAtMs.delete(bucket);
    }
  }
}
