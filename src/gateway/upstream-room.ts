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

export interface RoomParts {
  /** Counts who is cut off. */
  readonly cutOffs: CounterChild;
  /** How many there may be at once now. */
  readonly connections: () => number;
  /** How late the turns of this process usually are, ms. */
  readonly latenessMs: () => number;
}

export class UpstreamRoom {
  /** Undefined: there is none, and callers without a key wait for a connection like the others. */
  readonly limit: ConcurrencyLimit | undefined;
  readonly #parts: RoomParts;
  #connections = 0;
  /** Calls that wait for their clients, and since when. */
  readonly #waiting = new Map<Holder, number>();

  constructor(limit: ConcurrencyLimit | undefined, parts: RoomParts) {
    this.limit = limit;
    this.#parts = parts;
  }

  /** Whether a call may go; then it has a connection, or waits for one, and awaits the answer. */
  begin(isAnonymous: boolean, nowMs: number): boolean {
    const isFree = this.#isFree(isAnonymous, nowMs);
    const { limit } = this;
    if (limit !== undefined && ((!isFree && isAnonymous) || !limit.begin(isAnonymous)))
      return false;
    this.#connections++;
    return true;
  }

  /** A call has its answer, or gets none. `latencyMs`: undefined if it tells nothing of the upstream. */
  end(latencyMs: number | undefined, nowMs: number): void {
    // An answer waits for the present turn to end, and for those that are read before it in the next: that is not the upstream's doing.
    const ownMs = latencyMs === undefined ? 0 : 2 * this.#parts.latenessMs();
    this.limit?.end(latencyMs && Math.max(0, latencyMs - ownMs), nowMs);
  }

  /** Whether a call that stood aside may have a connection now. */
  connect(isAnonymous: boolean, nowMs: number): boolean {
    if (!this.#isFree(isAnonymous, nowMs) && this.limit !== undefined) return false;
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
    const all = Math.max(connectionsMin, this.#parts.connections());
    const max = isAnonymous ? Math.floor(all * anonymousShare) : all;
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
    this.#parts.cutOffs.add(1);
    oldest.cutOff();
  }
}
