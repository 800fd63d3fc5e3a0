/**
 * Keeps this producer in quota of strict limits: asks the hub for leases before the last is gone, marks on disk what may be
 * spent, gives back what is not needed, and closes what is used up or over.
 *
 * Nothing here is on the path of a request: the decision spends from `held` alone, and what it runs low on is looked after at
 * the end of the turn. Everything that is asked for is asked for again until it is answered, under the same number.
 */

import type { EpochMs, Incarnation } from "../base/words.ts";
import { producerKey } from "../base/words.ts";
import { HeldCounter, type HeldCounters } from "../limits/held-counters.ts";
import { grantUnitsMin } from "../limits/lease-book.ts";
import { closeLease, type HeldLease, openLease } from "../limits/lease-spend.ts";
import type { Plan } from "../limits/plan.ts";
import { windowAt, windowId } from "../limits/window.ts";
import type { ClosedLease } from "../metering/usage.ts";
import type { Timers } from "../ports/clock.ts";
import type { Journal } from "../ports/journal.ts";
import type { LeaseCounter, LeaseReply, LeaseResult } from "../ports/link.ts";
import { LeaseOutbox, type OutboxParts } from "./lease-outbox.ts";
import {
  askAheadMs,
  idleUnits,
  type LeaseDemand,
  leaseSpanMs,
  lowUnits,
  markAt,
  sample,
  type Tended,
  tend,
} from "./tended-counter.ts";

/** Counters that leases are kept for, at most: some 100 MB. What comes beyond is refused until some go. */
export const leasedCountersMax = 200_000;

/** Wait before another request after one that got nothing. */
const retryMs: Readonly<Record<Exclude<LeaseResult, "granted">, number>> = {
  "others-hold": 250,
  "used-up": 2_000,
  fenced: 5_000,
  refused: 1_000,
  soft: Number.POSITIVE_INFINITY,
};
/** A lease is kept this long though others want it, so that it does not travel for every call. */
const holdMsMin = 1_000;
/** Times what is needed that a lease may hold while others want units. */
const largestKept = 4;
/** After this time without a call, what is more than a few units is given back. */
const idleMs = 60_000;
/** How long after the end of a window its leases are closed: no call is charged to it any more. */
const endedMs = 1_000;
/** The next window is asked for this long before it begins, and up to `spreadMs` before that, so that not all ask at once. */
const nextWindowMs = 1_000;
const spreadMs = 4_000;
/** Counters that are looked over at each tick: all of them in some seconds. */
const sweptPerTick = 10_000;

/** Leases closed in one batch, at most: at about 60 bytes each far below what a message takes. */
export const leaseClosesPerBatch = 5_000;

export interface LeaseKeeperParts extends Omit<OutboxParts, "onMarked"> {
  readonly held: HeldCounters;
  readonly journal: Pick<Journal, "incarnation" | "identity" | "mark">;
  readonly timers: Timers;
  /** The hub's time: windows begin and end by it. */
  readonly nowMs: () => EpochMs;
  /** Epoch of the view in use: what an older hub grants is not taken. */
  readonly epoch: () => number;
  /** Writes a lease's end into the open batch. */
  readonly close: (lease: ClosedLease) => void;
}

export class LeaseKeeper {
  readonly held: HeldCounters;
  readonly #parts: LeaseKeeperParts;
  readonly #incarnation: Incarnation;
  readonly #holder: string;
  readonly #tended = new Map<HeldCounter, Tended>();
  /** Those that something is due for soon. */
  readonly #active = new Set<Tended>();
  readonly #outbox: LeaseOutbox;
  #isDue = false;
  #isStopped = false;
  #sweep: Iterator<Tended, undefined> | undefined;

  constructor(parts: LeaseKeeperParts) {
    this.#parts = parts;
    this.held = parts.held;
    const { incarnation, identity } = parts.journal;
    this.#incarnation = incarnation;
    this.#holder = producerKey(identity.producer, incarnation);
    parts.held.onNoted = () => this.#later();
    this.#outbox = new LeaseOutbox({
      ...parts,
      onMarked: ({ held }) => {
        held.measure();
        // What became free can be spent by the next call, and the next mark is due in time.
        if (this.#tended.has(held)) this.held.note(held);
      },
    });
  }

  /** Units granted here and not spent, and those of them that may be spent now. */
  units(): { readonly held: number; readonly spendable: number } {
    let held = 0;
    let ready = 0;
    for (const counter of this.#tended.keys()) {
      held += counter.left;
      ready += counter.spendable;
    }
    return { held, spendable: ready };
  }

  /** A call was refused for want of units, or is expected. Ignored at `leasedCountersMax`. */
  demand(demand: LeaseDemand): void {
    if (this.#isStopped) return;
    const { place, cost, plan, limit, quota, want } = demand;
    const known = this.held.find(place.id, place.lo, place.hi);
    let tended = known === undefined ? undefined : this.#tended.get(known);
    if (tended === undefined) {
      if (this.#tended.size >= leasedCountersMax) return;
      tended = tend(new HeldCounter(place), demand, this.#parts.clock.monotonicMs());
      this.held.add(tended.held);
      this.#tended.set(tended.held, tended);
    }
    if (plan !== tended.plan && !isShared(demand)) {
      this.#moved(tended);
      // Marks of them are on their way to the disk: until then nothing is spent under the new plan, and the caller comes again.
      if (tended.held.leases.length > 0) return;
    }
    tended.plan = plan;
    tended.limit = limit;
    tended.quota = quota;
    tended.held.plan = isShared(demand) ? "" : plan;
    if (cost >= tended.needed) {
      tended.needed = cost;
      tended.neededAtMs = this.#parts.clock.monotonicMs();
    }
    if (want > 0 && tended.granted === 0) tended.want = want;
    else tended.usedAtMs = this.#parts.clock.monotonicMs();
    this.held.note(tended.held);
  }

  /** The key has another plan now: what it was given under the old one goes back. */
  #moved(tended: Tended): void {
    this.#giveBack(tended, 0);
    tended.held.standing = "unknown";
    tended.retryAtMs = 0;
    tended.granted = 0;
  }

  /** The hub's answers; those to no request of ours, or from an older hub, change nothing. */
  answered(epoch: number, answers: readonly LeaseReply[]): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const isOld = epoch < this.#parts.epoch();
    for (const { request, result, units } of answers) {
      const tended = isOld ? undefined : this.#outbox.settle(request, result === "granted");
      if (tended === undefined) continue;
      const { held } = tended;
      if (!this.#tended.has(held)) {
        // Its window was over before the answer came.
        if (units > 0) this.#end(held, request, 0);
        continue;
      }
      if (result !== "granted") {
        held.standing = result;
        tended.retryAtMs = nowMs + retryMs[result];
      } else if (units > 0) {
        held.standing = "unknown";
        held.leases.push(openLease({ holder: this.#holder, request }, units));
        if (this.#isStopped) this.#giveBack(tended, 0);
        tended.granted = units;
        tended.grantedAtMs = nowMs;
        tended.want = 0;
      }
      this.held.note(held);
    }
  }

  /** Others ask for units of these counters. */
  wanted(counters: readonly LeaseCounter[]): void {
    for (const { window, lo, hi } of counters) {
      const held = this.held.find(window, lo, hi);
      const tended = held === undefined ? undefined : this.#tended.get(held);
      if (tended === undefined) continue;
      tended.isWanted = true;
      this.#active.add(tended);
    }
  }

  /**
   * A hub has welcomed this gateway: what was asked for and not answered is asked for again, and so is what another hub, or the
   * same with another configuration, refused.
   */
  connected(): void {
    this.#outbox.remindAll();
    for (const tended of this.#tended.values()) {
      const { standing } = tended.held;
      const isRefused = standing !== "unknown" && standing !== "soft";
      if (!isRefused || tended.awaited !== 0) continue;
      this.#outbox.ask(tended);
      this.#active.add(tended);
    }
    this.#outbox.flush();
  }

  /**
   * The configuration has changed: what is held for a limit that is not strict any more goes back by and by, and where nothing was
   * left of a quota that may be larger now, it is asked for again.
   */
  reconfigure(plans: readonly Plan[]): void {
    for (const tended of this.#tended.values()) {
      const limits = plans.find(({ name }) => name === tended.plan)?.limits;
      const limit = limits?.find(({ name }) => name === tended.limit);
      tended.isEnded = limit?.enforcement !== "strict";
      if (limit !== undefined) tended.quota = limit.quota;
      if (tended.held.standing !== "soft") tended.retryAtMs = 0;
    }
    this.connected();
  }

  /** Every few hundred milliseconds. */
  tick(): void {
    if (this.#isStopped) return;
    const nowMs = this.#parts.clock.monotonicMs();
    for (const tended of this.#active) this.#lookAfter(tended, nowMs);
    this.#sweepSome(nowMs);
    this.#outbox.flush();
  }

  /**
   * Gives everything back; nothing is spent any more. Leases whose marks are on their way to the disk stay: the next start closes
   * them. `onSome` runs between parts that fit a batch.
   */
  async stop(onSome: () => Promise<void>): Promise<void> {
    this.#isStopped = true;
    let closed = 0;
    for (const tended of this.#tended.values()) {
      closed += this.#giveBack(tended, 0);
      if (closed < leaseClosesPerBatch) continue;
      await onSome();
      closed = 0;
    }
  }

  #later(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#parts.timers.atTurnEnd(() => {
      this.#isDue = false;
      const nowMs = this.#parts.clock.monotonicMs();
      for (const held of this.held.takeNoted()) {
        const tended = this.#tended.get(held);
        if (tended !== undefined) this.#consider(tended, nowMs);
      }
      this.#outbox.flush();
    });
  }

  /** What is due for a counter: marks, the next lease, the end of one that is used up. */
  #consider(tended: Tended, nowMs: number): void {
    if (this.#isStopped) return;
    const { held } = tended;
    sample(tended, nowMs);
    if (tended.marking === 0) this.#closeSpent(tended);
    this.#outbox.mark(tended);
    held.measure();
    const { left } = held;
    // Nobody calls: what is there is enough.
    const isIdle = left > 0 && nowMs - tended.usedAtMs >= idleMs;
    const low = isIdle ? 0 : lowUnits(tended);
    if (left <= low && tended.awaited === 0 && nowMs >= tended.retryAtMs) this.#outbox.ask(tended);
    const nextMarkAt = tended.marking > 0 ? -1 : markAt(held);
    const nextAskAt = tended.awaited > 0 ? -1 : low - (left - held.spendable);
    held.noteAt = Math.max(nextMarkAt, nextAskAt);
    if (tended.awaited !== 0 || left <= low) this.#active.add(tended);
  }

  #closeSpent(tended: Tended): void {
    const { leases } = tended.held;
    for (let i = leases.length - 1; i >= 0; i--) {
      const lease = leases[i] as HeldLease;
      if (lease.spent === lease.granted) this.#close(tended, lease);
    }
  }

  #lookAfter(tended: Tended, nowMs: number): void {
    sample(tended, nowMs);
    if (tended.awaited !== 0) return this.#outbox.remind(tended, nowMs);
    if (tended.isWanted && nowMs - tended.grantedAtMs >= holdMsMin && tended.marking === 0) {
      tended.isWanted = false;
      this.#share(tended);
      if (tended.awaited !== 0) return;
    }
    const isUsed = nowMs - tended.usedAtMs <= askAheadMs;
    if (isUsed) this.#consider(tended, nowMs);
    else if (!tended.isWanted) this.#active.delete(tended);
  }

  #sweepSome(nowMs: number): void {
    const hubMs = this.#parts.nowMs();
    for (let i = 0; i < sweptPerTick; i++) {
      this.#sweep ??= this.#tended.values();
      const next = this.#sweep.next();
      if (next.done === true) {
        this.#sweep = undefined;
        return;
      }
      this.#sweepOne(next.value, nowMs, hubMs);
    }
  }

  #sweepOne(tended: Tended, nowMs: number, hubMs: EpochMs): void {
    const { held } = tended;
    const { endMs } = held.window;
    sample(tended, nowMs);
    if (tended.isEnded || hubMs >= endMs + endedMs) {
      if (tended.marking === 0) this.#drop(tended);
      return;
    }
    const isLast = endMs - hubMs <= nextWindowMs + (held.lo % spreadMs);
    if (isLast && !tended.isContinued && held.spent > 0) this.#askNextWindow(tended);
    if (nowMs - tended.usedAtMs < idleMs || tended.marking > 0 || tended.awaited !== 0) return;
    if (held.left <= idleUnits(tended)) return;
    this.#giveBack(tended, 0);
    // A few units stay, so that the next call need not wait.
    tended.want = idleUnits(tended);
    this.#outbox.ask(tended);
    this.#active.add(tended);
  }

  #askNextWindow(tended: Tended): void {
    tended.isContinued = true;
    const { held, plan, limit, quota, subject, needed } = tended;
    const { spec, anchorDay, endMs, region } = held.window;
    const window = { spec, ...windowAt(spec, endMs, anchorDay), anchorDay, region };
    const place = { id: windowId(window), window, lo: held.lo, hi: held.hi };
    const want = Math.ceil(Math.max(grantUnitsMin, needed, tended.rate * leaseSpanMs));
    this.demand({ plan, limit, quota, subject, place, cost: needed, want });
  }

  /** Others want units: keeps what calls need for a moment. A lease of far more is exchanged for a smaller one. */
  #share(tended: Tended): void {
    const keep = tended.rate * askAheadMs;
    this.#giveBack(tended, keep);
    if (tended.held.left <= largestKept * keep || tended.awaited !== 0) return;
    this.#giveBack(tended, 0);
    tended.want = Math.ceil(Math.max(keep, tended.needed));
    this.#outbox.ask(tended);
  }

  /** Closes leases from the last on, as long as more than `keep` units stay. Returns how many. */
  #giveBack(tended: Tended, keep: number): number {
    if (tended.marking > 0) return 0;
    const { held } = tended;
    let closed = 0;
    for (let i = held.leases.length - 1; i >= 0; i--) {
      const lease = held.leases[i] as HeldLease;
      if (keep > 0 && held.left - (lease.granted - lease.spent) < keep) break;
      this.#close(tended, lease);
      closed++;
    }
    held.measure();
    return closed;
  }

  #close(tended: Tended, lease: HeldLease): void {
    const { held } = tended;
    held.leases.splice(held.leases.indexOf(lease), 1);
    const { request, spent } = closeLease(lease);
    this.#end(held, request, spent);
  }

  #end({ id, lo, hi }: HeldCounter, request: number, spent: number): void {
    this.#parts.close({ incarnation: this.#incarnation, request, window: id, lo, hi, spent });
  }

  #drop(tended: Tended): void {
    this.#giveBack(tended, 0);
    this.held.remove(tended.held);
    this.#tended.delete(tended.held);
    this.#active.delete(tended);
    this.#outbox.forget(tended);
  }
}

/** An owner's quota is that of all its keys, whatever their plans. */
function isShared({ subject }: LeaseDemand): boolean {
  return subject.startsWith("owner:");
}
