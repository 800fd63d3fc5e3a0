/**
 * How many calls of an upstream may be sent a second time: retries must not become the load that keeps an upstream
 * down. Source: Finagle's retry budget, and the SRE book, chapter 21 (10 % keeps a storm at 1.1 times the load).
 *
 * What was refused before a byte was sent does not count: going elsewhere with it adds nothing to anybody's load.
 */

import { SlidingCount } from "./sliding-count.ts";

/** Retries per call, over the last ten seconds. */
export const retryShareMax = 0.1;

/** Seconds over which calls and retries are counted. */
const windowBuckets = 10;

/** Retries per window that are always there: at a call a minute a tenth of the calls is none. */
export const retriesPerWindowMin = 1;

export class RetryBudget {
  readonly #calls = new SlidingCount();
  readonly #retries = new SlidingCount();

  /** Counts a client's call, whatever becomes of it. */
  called(nowMs: number): void {
    this.#calls.add(1, nowMs);
  }

  /**
   * Takes one retry; false: none is left. Retries are looked at over at least ten seconds and calls over at most ten,
   * so that at every retry, retries ≤ 10 % of the calls of the last ten seconds (or the minimum).
   */
  take(nowMs: number): boolean {
    const retries = this.#retries.sum(windowBuckets + 1, nowMs) + 1;
    const allowed = this.#calls.sum(windowBuckets, nowMs) * retryShareMax;
    if (retries > Math.max(retriesPerWindowMin, allowed)) return false;
    this.#retries.add(1, nowMs);
    return true;
  }
}
