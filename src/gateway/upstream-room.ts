/**
 * Room at one upstream for the calls of this process: how many may wait for its answers, see `concurrency-limit.ts`, and how many
 * may have a connection to it.
 *
 * A call has its connection until the end of the reply, so where the client is slow to send its body or to take the reply it is the
 * client that decides how long. Those must not take what others need: callers without a key get a part of the connections at most, and
 * where none is free, the call that has waited longest for its client is cut off. A caller without a key has only others of its kind
 * cut off, and none in vain.
 */

import type { CounterChild } from "../ports/metrics.ts";
import { anonymousShare, type ConcurrencyLimit } from "./concurrency-limit.ts";

/** Calls that may have one at least, be it after a wait: as many as the limit never goes below. */
const connectionsMin = 4;

/** Milliseconds after which a call that waits for its client can be cut off. */
export const clientWaitMsMin = 1_000;

export interface RoomParts {
  /** Counts who is cut off. */
  readonly cutOffs: CounterChild;
  /** How many there may be at once now. */
  readonly connections: () => number;
  /** How late the turns of this process usually are, ms. */
  readonly latenessMs: () => number;
}

/** A call that can be made to let go of its connection. */
export interface Holder {
  cutOff(): void;
}

export class UpstreamRoom {
  /** Undefined: there is none, and callers without a key wait for a connection like the others. */
  readonly limit: ConcurrencyLimit | undefined;
  readonly #parts: RoomParts;
  #connections = 0;
  /** Those that wait for their clients. */
  readonly #waiting = new Set<Seat>();

  constructor(limit: ConcurrencyLimit | undefined, parts: RoomParts) {
    this.limit = limit;
    this.#parts = parts;
  }

  /** The seat of a call that is sent at once; undefined: there is none. */
  begin(isAnonymous: boolean, nowMs: number): Seat | undefined {
    const seat = new Seat(this, isAnonymous);
    return seat.connect(true, nowMs) ? seat : undefined;
  }

  /** The seat, not taken yet, of a call whose body has to come; undefined: if it came now, there would be none. */
  expect(isAnonymous: boolean, nowMs: number): Seat | undefined {
    const isRefused = this.limit?.allows(isAnonymous) === false;
    if (isRefused || this.#wayFor(isAnonymous, nowMs) === "none") return undefined;
    return new Seat(this, isAnonymous);
  }

  /** Whether a call has a connection now, or waits for one. */
  connect(isAnonymous: boolean, nowMs: number): boolean {
    const way = this.#wayFor(isAnonymous, nowMs);
    if (way === "none") return false;
    if (way !== "free") {
      this.#parts.cutOffs.add(1);
      way.cutOff();
    }
    this.#connections++;
    return true;
  }

  disconnect(seat: Seat): void {
    this.#connections--;
    this.#waiting.delete(seat);
  }

  answered(latencyMs: number, nowMs: number): void {
    // An answer waits for the present turn to end, and for those that are read before it in the next: that is not the upstream's doing.
    this.limit?.end(latencyMs, nowMs, 2 * this.#parts.latenessMs());
  }

  waits(seat: Seat): void {
    this.#waiting.add(seat);
  }

  goesOn(seat: Seat): void {
    this.#waiting.delete(seat);
  }

  /** `free`: it has a connection at once, or waits for one. A seat: that has to be given up for it. */
  #wayFor(isAnonymous: boolean, nowMs: number): "free" | "none" | Seat {
    const all = Math.max(connectionsMin, this.#parts.connections());
    const isBounded = isAnonymous && this.limit !== undefined;
    const max = isBounded ? Math.floor(all * anonymousShare) : all;
    if (this.#connections < max) return "free";
    // One less would not be enough.
    if (isBounded && this.#connections > max) return "none";
    return this.#slowest(isAnonymous, nowMs) ?? (isBounded ? "none" : "free");
  }

  #slowest(isAnonymous: boolean, nowMs: number): Seat | undefined {
    let slowest: Seat | undefined;
    for (const seat of this.#waiting) {
      if (isAnonymous && !seat.isAnonymous) continue;
      if (slowest === undefined || seat.waitsSinceMs < slowest.waitsSinceMs) slowest = seat;
    }
    if (slowest === undefined || nowMs - slowest.waitsSinceMs < clientWaitMsMin) return undefined;
    return slowest;
  }
}

/** One call's place at its upstream. */
export class Seat {
  readonly isAnonymous: boolean;
  /** Told when others need the connection; set by whoever has its client wait. */
  holder: Holder | undefined;
  /** Of one that waits for its client. */
  waitsSinceMs = 0;
  readonly #room: UpstreamRoom;
  /** Is counted among those that have a connection. */
  #isConnected = false;
  /** Is counted among those that wait for an answer. */
  #awaitsAnswer = false;

  constructor(room: UpstreamRoom, isAnonymous: boolean) {
    this.#room = room;
    this.isAnonymous = isAnonymous;
  }

  /** Whether the upstream can be asked now. `awaitsAnswer`: it gets all of the request at once. */
  connect(awaitsAnswer: boolean, nowMs: number): boolean {
    const { limit } = this.#room;
    // Asked first, so that no other is cut off for a call that is refused after all.
    if (awaitsAnswer && limit?.allows(this.isAnonymous) === false) return false;
    if (!this.#room.connect(this.isAnonymous, nowMs)) return false;
    this.#isConnected = true;
    if (awaitsAnswer) limit?.begin(this.isAnonymous);
    this.#awaitsAnswer = awaitsAnswer;
    return true;
  }

  /** The upstream, asked before, has the rest of the request: from now on the answer is its business. */
  awaitsAnswer(): void {
    if (this.#awaitsAnswer || !this.#isConnected) return;
    this.#awaitsAnswer = true;
    this.#room.limit?.enter();
  }

  /** The answer has come, or will not. `latencyMs`: undefined if that tells nothing of the upstream. */
  answered(latencyMs: number | undefined, nowMs: number): void {
    if (!this.#awaitsAnswer) return;
    this.#awaitsAnswer = false;
    if (latencyMs === undefined) this.#room.limit?.leave();
    else this.#room.answered(latencyMs, nowMs);
  }

  /** The client is waited for, and has been since `sinceMs`: if others need the connection, the holder is cut off. */
  waits(sinceMs: number): void {
    if (!this.#isConnected) return;
    this.waitsSinceMs = sinceMs;
    this.#room.waits(this);
  }

  goesOn(): void {
    this.#room.goesOn(this);
  }

  cutOff(): void {
    this.leave();
    this.holder?.cutOff();
  }

  /** Nothing is kept of the upstream. */
  leave(): void {
    if (this.#awaitsAnswer) this.#room.limit?.leave();
    if (this.#isConnected) this.#room.disconnect(this);
    this.#awaitsAnswer = false;
    this.#isConnected = false;
  }
}
