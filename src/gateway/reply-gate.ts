/**
 * Holds replies back until the journal has stored the charges of their calls.
 *
 * Replies leave in the order in which they became ready. One that became ready late for an early
 * charge may so wait behind one group of records more than it must; in return neither a promise
 * nor a closure nor a sort is needed.
 */

import { assert } from "../base/assert.ts";

/** Milliseconds that a reply waits for the journal, at most. */
export const storeWaitMsMax = 5_000;

/** Replies that wait at one time, at most: more than the journal's ring has room for charges. */
export const heldRepliesMax = 1 << 20;

export interface HeldReply {
  /** Journal position of the call's charge. */
  readonly position: number;
  /** Clock's monotonic time at which the wait is over; set by the gate. */
  waitUntilMs: number;
  /** The charge is stored. */
  release(): void;
  /** The charge was not stored in time. */
  giveUp(): void;
}

/** Wants to know when a charge is stored. */
export interface Watcher {
  stored(): void;
}

/** Watchers at one time, at most: what comes beyond is not told. */
export const watchersMax = 1 << 16;

export class ReplyGate {
  /** A ring; its length is a power of two. */
  #ring: (HeldReply | undefined)[] = new Array<HeldReply | undefined>(64).fill(undefined);
  #head = 0;
  #count = 0;
  /** In the order of their positions. */
  #watchers: { readonly position: number; readonly watcher: Watcher }[] = [];

  get size(): number {
    return this.#count;
  }

  hold(reply: HeldReply, nowMs: number): void {
    if (this.#count === this.#ring.length) this.#grow();
    reply.waitUntilMs = nowMs + storeWaitMsMax;
    this.#ring[(this.#head + this.#count) & (this.#ring.length - 1)] = reply;
    this.#count++;
  }

  /** Tells when everything up to `position`, the newest charge's, is stored. */
  watch(position: number, watcher: Watcher): void {
    if (this.#watchers.length < watchersMax) this.#watchers.push({ position, watcher });
  }

  /** Everything up to `position` is stored. */
  stored(position: number): void {
    if (this.#watchers.length > 0) this.#tell(position);
    while (this.#count > 0) {
      const reply = this.#ring[this.#head] as HeldReply;
      if (reply.position > position) return;
      this.#drop();
      reply.release();
    }
  }

  /** Gives up on what has waited too long. Call it a few times a second. */
  expire(nowMs: number): void {
    while (this.#count > 0) {
      const reply = this.#ring[this.#head] as HeldReply;
      if (reply.waitUntilMs > nowMs) return;
      this.#drop();
      reply.giveUp();
    }
  }

  #tell(position: number): void {
    let told = 0;
    for (const { position: of, watcher } of this.#watchers) {
      if (of > position) break;
      watcher.stored();
      told++;
    }
    this.#watchers = this.#watchers.slice(told);
  }

  #drop(): void {
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#count--;
  }

  #grow(): void {
    const { length } = this.#ring;
    assert(length < heldRepliesMax, "the journal takes no more charges than replies can wait");
    const ring = new Array<HeldReply | undefined>(length * 2).fill(undefined);
    for (let i = 0; i < length; i++) ring[i] = this.#ring[(this.#head + i) & (length - 1)];
    this.#ring = ring;
    this.#head = 0;
  }
}
