/**
 * The leases that this producer holds, by counter: what the decision reads and spends from, in memory and without a
 * wait. Spending never allocates, and says when a counter wants looking after: the next mark or the next lease is due.
 *
 * Left to others: asking, marking and giving back (gateway/lease-keeper), the rules of one lease (`lease-spend.ts`).
 */

import { assert } from "../base/assert.ts";
import type { WindowId } from "../base/words.ts";
import { type HeldLease, spend, spendable } from "./lease-spend.ts";
import type { WindowInstance } from "./window.ts";

/**
 * What the hub last said of a counter of which nothing more was granted. `soft`: in this window the limit is enforced
 * by the totals, since not everything that was used in it was leased.
 */
export type LeaseStanding = "unknown" | "others-hold" | "used-up" | "fenced" | "refused" | "soft";

export interface CounterPlace {
  readonly id: WindowId;
  readonly window: WindowInstance;
  readonly lo: number;
  readonly hi: number;
}

export class HeldCounter implements CounterPlace {
  readonly id: WindowId;
  readonly window: WindowInstance;
  readonly lo: number;
  readonly hi: number;
  /** In the order in which they are spent. */
  readonly leases: HeldLease[] = [];
  standing: LeaseStanding = "unknown";
  /** The plan that the leases are for, where a key may be moved to another; "": any (an owner's, of all its keys). */
  plan = "";
  /** Units that may be spent now. */
  spendable = 0;
  /** Units spent here in all, of leases closed too. */
  spent = 0;
  /** Once `spendable` is as low as this, the counter wants looking after; -1: never. */
  noteAt = 0;
  isNoted = false;
  /** The next counter whose fingerprint begins with the same bits. */
  next: HeldCounter | undefined;

  constructor(place: CounterPlace) {
    this.id = place.id;
    this.window = place.window;
    this.lo = place.lo;
    this.hi = place.hi;
  }

  /** Units granted and not spent, below the marks or not. */
  get left(): number {
    let left = 0;
    for (const { granted, spent } of this.leases) left += granted - spent;
    return left;
  }

  /** After leases or marks have changed. */
  measure(): void {
    this.spendable = 0;
    for (const lease of this.leases) this.spendable += spendable(lease);
  }
}

/** Counters, by window and fingerprint. */
export class HeldCounters {
  readonly #windows = new Map<WindowId, Map<number, HeldCounter>>();
  #noted: HeldCounter[] = [];
  size = 0;
  /** Called with the first counter that wants looking after since `takeNoted`. */
  onNoted: () => void = () => {};

  find(id: WindowId, lo: number, hi: number): HeldCounter | undefined {
    let counter = this.#windows.get(id)?.get(lo);
    while (counter !== undefined && counter.hi !== hi) counter = counter.next;
    return counter;
  }

  add(counter: HeldCounter): void {
    const { id, lo, hi } = counter;
    assert(this.find(id, lo, hi) === undefined, "a counter is held once");
    let byLo = this.#windows.get(id);
    if (byLo === undefined) {
      byLo = new Map();
      this.#windows.set(id, byLo);
    }
    counter.next = byLo.get(lo);
    byLo.set(lo, counter);
    this.size++;
  }

  remove(counter: HeldCounter): void {
    const { id, lo } = counter;
    const byLo = this.#windows.get(id);
    const first = byLo?.get(lo);
    if (byLo === undefined || first === undefined) return;
    if (first === counter) {
      if (counter.next !== undefined) byLo.set(lo, counter.next);
      else byLo.delete(lo);
      if (byLo.size === 0) this.#windows.delete(id);
    } else {
      let before = first;
      while (before.next !== undefined && before.next !== counter) before = before.next;
      if (before.next === undefined) return;
      before.next = counter.next;
    }
    this.size--;
  }

  /** Spends units that the counter has below its durable marks. */
  spend(counter: HeldCounter, cost: number): void {
    assert(spend(counter.leases, cost), "what is spent is held below a durable mark");
    counter.spendable -= cost;
    counter.spent += cost;
    if (counter.spendable <= counter.noteAt) this.note(counter);
  }

  /** Takes back what was just spent, before anything else happened to the counter. */
  unspend(counter: HeldCounter, cost: number): void {
    let left = cost;
    for (let i = counter.leases.length - 1; i >= 0 && left > 0; i--) {
      const lease = counter.leases[i] as HeldLease;
      const part = Math.min(left, lease.spent);
      lease.spent -= part;
      left -= part;
    }
    counter.spendable += cost;
    counter.spent -= cost;
  }

  note(counter: HeldCounter): void {
    if (counter.isNoted) return;
    counter.isNoted = true;
    this.#noted.push(counter);
    if (this.#noted.length === 1) this.onNoted();
  }

  /** Those that want looking after; they may be noted again from now on. */
  takeNoted(): readonly HeldCounter[] {
    const noted = this.#noted;
    this.#noted = [];
    for (const counter of noted) counter.isNoted = false;
    return noted;
  }
}
