/**
 * Room at one upstream for the calls of this process: how many may wait for its answers, see `concurrency-limit.ts`, and how many
 * may have a connection to it.
 *
 * A call has its connection until the end of the reply, so where the client is slow to send its body or to take the reply it is the
 * client that decides how long. Those must not take what others need: callers without a key get a part of the connections at most, and
 * where none is free, the call that has waited longest for its client is cut off.
 */

import type { CounterChild } from "../ports/metrics.ts";
import type { ConcurrencyLimit } from "./concurrency-limit.ts";

/** Share of the connections that callers without a key may have. */
const anonymousShare = 0.8;

/** Calls that may have one at least, be it after a wait: as many as the limit never goes below. */
const connectionsMin = 4;

/** Milliseconds after which a call that waits for its client can be cut off. */
export const clientWaitMsMin = 1_000;

/** A call that can be made to let go of its connection. */
export interface Holder {
  cutOff(): void;
}

export class UpstreamRoom {
  readonly limit: ConcurrencyLimit;
  readonly #cutOffs: CounterChild;
  readonly #max: number;
  readonly #anonymousMax: number;
  #connections = 0;
  /** Calls that wait for their clients, and since when. */
  readonly #waiting = new Map<Holder, number>();

  /** `connectionsMax`: sockets times targets. `cutOffs`: counts who is cut off. */
  constructor(limit: ConcurrencyLimit, connectionsMax: number, cutOffs: CounterChild) {
    this.limit = limit;
    this.#cutOffs = cutOffs;
    this.#max = Math.max(connectionsMin, connectionsMax);
    this.#anonymousMax = Math.floor(this.#max * anonymousShare);
  }

  /** Whether a call may go; then it has a connection and waits for the answer. With a key it may wait for a connection. */
  begin(isAnonymous: boolean, nowMs: number): boolean {
    const isFree = this.#isFree(isAnonymous, nowMs);
    if ((!isFree && isAnonymous) || !this.limit.begin(isAnonymous)) return false;
    this.#connections++;
    return true;
  }

  /** Whether a call that stood aside may have a connection now. */
  connect(isAnonymous: boolean, nowMs: number): boolean {
    if (!this.#isFree(isAnonymous, nowMs)) return false;
    this.#connections++;
    return true;
  }

  /** Of one that has begun or connected. */
  disconnect(holder: Holder): void {
    this.#connections--;
    this.#waiting.delete(holder);
  }

  /** It waits for its client, and has done so since `sinceMs`. */
  waits(holder: Holder, sinceMs: number): void {
    this.#waiting.set(holder, sinceMs);
  }

  goesOn(holder: Holder): void {
    this.#waiting.delete(holder);
  }

  #isFree(isAnonymous: boolean, nowMs: number): boolean {
    const max = isAnonymous ? this.#anonymousMax : this.#max;
    if (this.#connections >= max) this.#cutOffOldest(nowMs);
    return this.#connections < max;
  }

  #cutOffOldest(nowMs: number): void {
    let oldest: Holder | undefined;
    let leastMs = Number.POSITIVE_INFINITY;
    for (const [holder, sinceMs] of this.#waiting) {
      if (sinceMs >= leastMs) continue;
      leastMs = sinceMs;
      oldest = holder;
    }
    if (oldest === undefined || nowMs - leastMs < clientWaitMsMin) return;
    this.#waiting.delete(oldest);
    this.#cutOffs.add(1);
    oldest.cutOff();
  }
}
