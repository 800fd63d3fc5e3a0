/** A counter that leases are kept for: what is known of its use, and what follows for its leases. Pure. */

import type { CounterPlace, HeldCounter } from "../limits/held-counters.ts";
import { grantUnitsMin } from "../limits/lease-book.ts";
import { chunksPerLease, type HeldLease, spendable } from "../limits/lease-spend.ts";

/** A lease is to last this long at the present rate: some round trips to a hub far away, and to a disk that is slow. */
export const leaseSpanMs = 4_000;
/** The next lease is asked for when what is left would be gone in this time. */
export const askAheadMs = 1_000;
/** The first lease of a counter whose rate is not known: this part of the quota. */
const firstShare = 1 / 32;

/** A refused call, or a first one that is to come: what to ask for. */
export interface LeaseDemand {
  readonly plan: string;
  readonly limit: string;
  readonly quota: number;
  readonly subject: string;
  readonly place: CounterPlace;
  /** Units that one call needs. */
  readonly cost: number;
  /** Units to ask for; 0: as the keeper sees fit. */
  readonly want: number;
}

export interface Tended extends Omit<LeaseDemand, "place" | "cost" | "want"> {
  readonly held: HeldCounter;
  plan: string;
  limit: string;
  quota: number;
  /** The most that one call needed. */
  needed: number;
  neededAtMs: number;
  want: number;
  /** Number of the request that is not answered; 0: none is. */
  awaited: number;
  /** Copies of it that were sent, and when the last was. */
  sends: number;
  sentAtMs: number;
  retryAtMs: number;
  grantedAtMs: number;
  granted: number;
  /** Marks on their way to the disk. */
  marking: number;
  isWanted: boolean;
  isContinued: boolean;
  /** Its limit is not strict any more. */
  isEnded: boolean;
  usedAtMs: number;
  /** Units a millisecond, and what it was measured from. */
  rate: number;
  sampledAtMs: number;
  sampledSpent: number;
}

/** A counter of which nothing was asked for yet. */
export function tend(held: HeldCounter, demand: LeaseDemand, nowMs: number): Tended {
  const { plan, limit, quota, subject, cost } = demand;
  return {
    ...{ held, plan, limit, quota, subject, needed: cost, neededAtMs: nowMs, want: 0 },
    ...{ awaited: 0, sends: 0, sentAtMs: 0, retryAtMs: 0, grantedAtMs: 0, granted: 0, marking: 0 },
    ...{ isWanted: false, isContinued: false, isEnded: false, usedAtMs: nowMs },
    ...{ rate: 0, sampledAtMs: nowMs, sampledSpent: 0 },
  };
}

/** What calls of this counter cost is forgotten by and by, so that a dear one does not make this process hoard for ever. */
const neededForgottenMs = 60_000;

/** Units that are kept though nobody calls: enough for a few calls. */
export function idleUnits({ needed }: Tended): number {
  return Math.max(grantUnitsMin, needed);
}

/** Notes how fast a counter is being spent. */
export function sample(tended: Tended, nowMs: number): void {
  const { held } = tended;
  const elapsedMs = nowMs - tended.sampledAtMs;
  if (elapsedMs < 100) return;
  const rate = (held.spent - tended.sampledSpent) / elapsedMs;
  if (held.spent > tended.sampledSpent) tended.usedAtMs = nowMs;
  // Up at once, down by halves: a lease too large comes back, one too small refuses calls.
  tended.rate = Math.max(rate, (tended.rate + rate) / 2);
  tended.sampledAtMs = nowMs;
  tended.sampledSpent = held.spent;
  if (nowMs - tended.neededAtMs < neededForgottenMs) return;
  tended.needed = Math.ceil(tended.needed / 2);
  tended.neededAtMs = nowMs;
}

/** Units left at which the next lease is asked for. */
export function lowUnits({ granted, rate, needed }: Tended): number {
  return Math.max(granted / 2, rate * askAheadMs, needed);
}

/** Units to ask for. */
export function wantOf({ want, rate, needed, quota, granted }: Tended): number {
  const least = Math.max(grantUnitsMin, needed);
  if (want > 0) return Math.max(1, want);
  const first = granted === 0 ? quota * firstShare : 0;
  return Math.ceil(Math.min(quota, Math.max(least, first, rate * leaseSpanMs)));
}

/** At which number of spendable units the next mark of some lease is due; -1: all are marked to their ends. */
export function markAt({ leases }: HeldCounter): number {
  let at = -1;
  let behind = 0;
  for (let i = leases.length - 1; i >= 0; i--) {
    const lease = leases[i] as HeldLease;
    if (lease.mark < lease.granted) {
      at = Math.max(at, behind + Math.ceil(lease.granted / chunksPerLease) / 2);
    }
    behind += spendable(lease);
  }
  return at;
}
