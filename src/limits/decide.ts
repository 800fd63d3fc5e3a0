/**
 * May this caller spend? A call of `cost` units is admitted iff E + cost ≤ quota for every limit of
 * the plan that applies to it, where E = total + own is all that this process knows to be used; it
 * is then charged to each distinct counter once, or to none. Synchronous, and between looking and
 * charging nothing else runs, so that one process never admits beyond a quota that it alone serves.
 *
 * A limit applies if the call has its subject. A shadow limit is looked at and charged like the
 * others and refuses nothing. A strict limit asks instead whether this process holds the cost in leases, below their
 * durable marks, and spends it from there; what it has spent is charged like the rest.
 *
 * Strangers choose addresses, header values and the like. Once a window has `subjectsMax` counters, subjects of these dimensions
 * that are new in it share one counter for each dimension, with a quota of its own: memory is bounded, the sum stays exact, and
 * who has a counter keeps it. Keys and owners always get one.
 *
 * Left to others: making fingerprints and filling in what a call lacks (identify), refusing on an
 * old view or a failed journal (gateway), writing charges down (meter).
 */

import { assert, present } from "../base/assert.ts";
import { costMax, type EpochMs } from "../base/words.ts";
import { type CounterRef, emptyCounterRef } from "./counter-ref.ts";
import { type CounterPlace, type HeldCounter, HeldCounters } from "./held-counters.ts";
import { type Limit, limitsAtWorkMax, type Plan, type Subjects } from "./plan.ts";
import type { LiveWindow, WindowTables } from "./window-tables.ts";

/** The counters that one call was charged to: the first `count` of each list. */
export interface Charge {
  count: number;
  /** Units charged to each of them. */
  cost: number;
  /** Place of the counter in `plan.counters`. */
  readonly counters: Uint8Array;
  readonly windows: LiveWindow[];
  readonly lo: Uint32Array;
  readonly hi: Uint32Array;
}

export function emptyCharge(): Charge {
  return {
    count: 0,
    cost: 0,
    counters: new Uint8Array(limitsAtWorkMax),
    windows: [],
    lo: new Uint32Array(limitsAtWorkMax),
    hi: new Uint32Array(limitsAtWorkMax),
  };
}

/** Copies a charge, for a refund after the decision is used again. */
export function copyCharge(from: Charge, to: Charge): void {
  to.count = from.count;
  to.cost = from.cost;
  for (let i = 0; i < from.count; i++) {
    to.counters[i] = from.counters[i] as number;
    to.windows[i] = from.windows[i] as LiveWindow;
    to.lo[i] = from.lo[i] as number;
    to.hi[i] = from.hi[i] as number;
  }
}

/** The outcome of the latest `decide`; the next one overwrites it. Bit i of a mask: limit i. */
export interface Decision {
  admitted: boolean;
  /** Limits that refuse the call; 0 iff it is admitted. */
  violated: number;
  /** Shadow limits that would have refused it. */
  shadowViolated: number;
  /** Of the violated, strict limits of which this process holds too little, while not all of the quota is used. */
  unleased: number;
  /** Counters of the plan (bit i: counter i) that are those which subjects without room share. */
  shared: number;
  /**
   * The limit to tell the caller about: lowest remaining/quota after this call, of equals the
   * longest window, of equals the first. Never a shadow limit. -1: no limit applies.
   */
  tightest: number;
  /** Units that the tightest limit leaves, never negative. */
  remaining: number;
  /** When the tightest limit's window ends. */
  resetsAtMs: EpochMs;
  /** When the last of the violated limits' windows ends, those of `unleased` excepted; 0: there is none. */
  retryAtMs: EpochMs;
  /** What an admitted call was charged to; count 0 if denied or if the cost is 0. */
  readonly charge: Charge;
}

/** One limit as `/-/usage` reports it. */
export interface LimitUsage {
  readonly limit: Limit;
  readonly quota: number;
  readonly used: number;
  /** Never negative, though `used` may be above the quota. */
  readonly remaining: number;
  readonly resetsAtMs: EpochMs;
  /** `used` and `quota` are those of all subjects without room together. */
  readonly isShared: boolean;
}

export class Decider {
  readonly #tables: WindowTables;
  readonly #held: HeldCounters;
  readonly #subjectsMax: number;
  readonly #decision: Decision = {
    admitted: false,
    violated: 0,
    shadowViolated: 0,
    unleased: 0,
    shared: 0,
    tightest: -1,
    remaining: 0,
    resetsAtMs: 0,
    retryAtMs: 0,
    charge: emptyCharge(),
  };
  /** By counter of the plan at hand: its window, undefined if the call has no such subject. */
  readonly #windows = new Array<LiveWindow | undefined>(limitsAtWorkMax).fill(undefined);
  readonly #used = new Float64Array(limitsAtWorkMax);
  readonly #refs: readonly CounterRef[] = Array.from({ length: limitsAtWorkMax }, emptyCounterRef);
  /** By limit of the plan at hand: what is held for it, where it is strict in this window. */
  readonly #leased = new Array<HeldCounter | undefined>(limitsAtWorkMax).fill(undefined);
  /** Whether the call at hand spends from any. */
  #isLeased = false;

  /** `subjectsMax`: counters of one window from which on new subjects share one. */
  constructor(tables: WindowTables, held = new HeldCounters(), subjectsMax = Number.MAX_VALUE) {
    this.#tables = tables;
    this.#held = held;
    this.#subjectsMax = subjectsMax;
  }

  /**
   * Decides and, if admitted, charges; `cost` is 0 to costMax. A call of cost 0 is denied where a
   * quota is overdrawn already. `nowMs` never goes back. (Four parameters: an object for them would
   * be garbage on the path of every call.)
   */
  decide(plan: Plan, subjects: Subjects, cost: number, nowMs: EpochMs): Readonly<Decision> {
    assert(cost >= 0 && cost <= costMax, "a cost from 0 to costMax");
    const decision = this.#decision;
    this.#look(plan, subjects, nowMs);
    this.#judge(plan, cost);
    decision.charge.count = 0;
    decision.charge.cost = cost;
    if (decision.admitted && cost > 0) this.#charge(plan, cost);
    this.#chooseTightest(plan, decision.admitted ? cost : 0);
    return decision;
  }

  /** What each limit that applies has left; charges nothing. */
  peek(plan: Plan, subjects: Subjects, nowMs: EpochMs): LimitUsage[] {
    this.#look(plan, subjects, nowMs);
    const usages: LimitUsage[] = [];
    for (const limit of plan.limits) {
      const live = this.#windows[limit.counter];
      if (live === undefined) continue;
      const quota = this.#quotaOf(limit);
      const isShared = this.#isShared(limit);
      const used = Math.max(0, this.#used[limit.counter] as number);
      const left = quota - used;
      const isStrict = limit.enforcement === "strict";
      const remaining = Math.max(0, isStrict ? this.#leasable(plan, limit, live, left) : left);
      usages.push({ limit, quota, used, remaining, resetsAtMs: live.endMs, isShared });
    }
    return usages;
  }

  /** Takes the latest decision's charge back, before the next one: it could not be written down. */
  undo(plan: Plan): void {
    const { charge } = this.#decision;
    this.refund(charge);
    if (!this.#isLeased || charge.count === 0) return;
    for (let i = 0; i < plan.limits.length; i++) {
      const held = this.#leased[i];
      if (held !== undefined) this.#held.unspend(held, charge.cost);
    }
  }

  /** The counter of a strict limit that the latest decision found too little held of. */
  unleased(plan: Plan, limit: number): CounterPlace {
    const at = present(plan.limits[limit], "limit of the plan").counter;
    const { id, window } = present(this.#windows[at], "window of the limit");
    const { lo, hi } = this.#refs[at] as CounterRef;
    return { id, window, lo: lo >>> 0, hi: hi >>> 0 };
  }

  /** Takes a charge back from the counters whose windows are still live. Once for each charge. */
  refund(charge: Charge): void {
    for (let i = 0; i < charge.count; i++) {
      const { id, table } = present(charge.windows[i], "window of the charge");
      if (this.#tables.get(id)?.table !== table) continue;
      table.addOwn(charge.lo[i] as number, charge.hi[i] as number, -charge.cost);
    }
  }

  /**
   * Finds every counter of the plan that the call has, and what is used of it. In two rounds, so that the reads of tables
   * larger than the caches, which take longer than all the rest, overlap.
   */
  #look(plan: Plan, subjects: Subjects, nowMs: EpochMs): void {
    const { counters } = plan;
    for (let i = 0; i < counters.length; i++) {
      const counter = counters[i] as Plan["counters"][number];
      const at = counter.dimension;
      const lo = subjects.lo[at] as number;
      if (lo === 0) {
        this.#windows[i] = undefined;
        continue;
      }
      const hi = subjects.hi[at] as number;
      const live = this.#tables.current(counter, nowMs, subjects.anchorDay[at] as number);
      this.#windows[i] = live;
      live.table.locate(lo, hi, this.#refs[i] as CounterRef);
    }
    const subjectsMax = this.#subjectsMax;
    let shared = 0;
    for (let i = 0; i < counters.length; i++) {
      const live = this.#windows[i];
      if (live === undefined) continue;
      const ref = this.#refs[i] as CounterRef;
      this.#used[i] = live.table.usedAt(ref);
      if (ref.at >= 0 || live.table.count < subjectsMax) continue;
      const at = (counters[i] as Plan["counters"][number]).dimension;
      const lo = subjects.overflowLo[at] as number;
      if (lo === 0) continue;
      this.#used[i] = live.table.used(lo, subjects.overflowHi[at] as number, ref);
      shared |= 1 << i;
    }
    this.#decision.shared = shared;
  }

  #isShared(limit: Limit): boolean {
    return (this.#decision.shared & (1 << limit.counter)) !== 0;
  }

  #quotaOf(limit: Limit): number {
    return this.#isShared(limit) ? limit.sharedQuota : limit.quota;
  }

  #judge(plan: Plan, cost: number): void {
    const decision = this.#decision;
    let violated = 0;
    let shadowViolated = 0;
    let unleased = 0;
    let retryAtMs = 0;
    this.#isLeased = false;
    for (let i = 0; i < plan.limits.length; i++) {
      const limit = plan.limits[i] as Limit;
      const live = this.#windows[limit.counter];
      if (live === undefined) continue;
      if (limit.enforcement === "strict") {
        const held = this.#heldOf(plan, limit, live);
        if (held?.standing !== "soft") {
          this.#leased[i] = held;
          this.#isLeased = true;
          if (cost <= (held === undefined ? 0 : held.spendable)) continue;
          violated |= 1 << i;
          const isUsedUp = held?.standing === "used-up" && held.left < cost;
          if (!isUsedUp) unleased |= 1 << i;
          else if (live.endMs > retryAtMs) retryAtMs = live.endMs;
          continue;
        }
        this.#leased[i] = undefined;
      }
      if ((this.#used[limit.counter] as number) + cost <= this.#quotaOf(limit)) continue;
      if (limit.enforcement === "shadow") {
        shadowViolated |= 1 << i;
      } else {
        violated |= 1 << i;
        if (live.endMs > retryAtMs) retryAtMs = live.endMs;
      }
    }
    decision.admitted = violated === 0;
    decision.violated = violated;
    decision.shadowViolated = shadowViolated;
    decision.unleased = unleased;
    decision.retryAtMs = retryAtMs;
  }

  /** What is held for the plan: a key that was moved spends nothing of what it was given before. */
  #heldOf(plan: Plan, limit: Limit, live: LiveWindow): HeldCounter | undefined {
    const ref = this.#refs[limit.counter] as CounterRef;
    const held = this.#held.find(live.id, ref.lo >>> 0, ref.hi >>> 0);
    return held === undefined || held.plan === "" || held.plan === plan.name ? held : undefined;
  }

  #charge(plan: Plan, cost: number): void {
    const charge = this.#decision.charge;
    let count = 0;
    for (let i = 0; i < plan.counters.length; i++) {
      const live = this.#windows[i];
      if (live === undefined) continue;
      const ref = this.#refs[i] as CounterRef;
      live.table.addOwnAt(ref, cost);
      charge.counters[count] = i;
      charge.windows[count] = live;
      charge.lo[count] = ref.lo;
      charge.hi[count] = ref.hi;
      count++;
    }
    charge.count = count;
    if (this.#isLeased) this.#spend(plan, cost);
  }

  #spend(plan: Plan, cost: number): void {
    for (let i = 0; i < plan.limits.length; i++) {
      const limit = plan.limits[i] as Limit;
      if (limit.enforcement !== "strict" || this.#windows[limit.counter] === undefined) {
        this.#leased[i] = undefined;
        continue;
      }
      const held = this.#leased[i];
      if (held !== undefined) this.#held.spend(held, cost);
    }
  }

  #chooseTightest(plan: Plan, charged: number): void {
    const decision = this.#decision;
    let tightest: LiveWindow | undefined;
    let lowestShare = 0;
    decision.tightest = -1;
    decision.remaining = 0;
    decision.resetsAtMs = 0;
    for (let i = 0; i < plan.limits.length; i++) {
      const limit = plan.limits[i] as Limit;
      const live = this.#windows[limit.counter];
      if (live === undefined || limit.enforcement === "shadow") continue;
      const quota = this.#quotaOf(limit);
      let remaining = quota - (this.#used[limit.counter] as number) - charged;
      if (limit.enforcement === "strict") remaining = this.#leasable(plan, limit, live, remaining);
      const share = remaining > 0 ? remaining / quota : 0;
      if (tightest !== undefined) {
        if (share > lowestShare) continue;
        if (share === lowestShare && lengthOf(live) <= lengthOf(tightest)) continue;
      }
      tightest = live;
      lowestShare = share;
      decision.tightest = i;
      // What a shared counter has left is nobody's own.
      if (quota !== limit.quota) remaining = Math.min(remaining, limit.quota);
      decision.remaining = remaining > 0 ? remaining : 0;
    }
    if (tightest !== undefined) decision.resetsAtMs = tightest.endMs;
  }

  /** What a caller can still get of a strict limit: what is held here at least, and no more once all is given out. */
  #leasable(plan: Plan, limit: Limit, live: LiveWindow, left: number): number {
    const held = this.#heldOf(plan, limit, live);
    if (held === undefined || held.standing === "soft") return left;
    return held.standing === "used-up" ? held.left : Math.max(left, held.spendable);
  }
}

function lengthOf({ window }: LiveWindow): number {
  return window.spec.nominalMs;
}
