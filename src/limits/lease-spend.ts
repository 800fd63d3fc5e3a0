/**
 * Leases, the holder's side: how much of a lease one producer may spend, when it must move the
 * durable mark, and at which figure a lease is closed. A lease is a number of units of one counter
 * that the hub has given to one incarnation of one producer to spend alone.
 *
 * What makes it safe is that nothing is spent above a mark that is on disk: whoever finds the
 * journal after a crash knows an upper bound of what was spent, and closes the lease there.
 *
 * Left to others: storing leases, marks and finals (journal), asking for leases (gateway), giving
 * them (`lease-book.ts`).
 */

import { assert } from "../base/assert.ts";
import type { ProducerKey } from "../base/words.ts";

/**
 * A lease's name: who asked for it, and with which of its requests (1, 2, 3…). The hub allots no
 * numbers, so that a hub restored from an old copy cannot give one name to two leases.
 */
export interface LeaseName {
  readonly holder: ProducerKey;
  readonly request: number;
}

/** 0 ≤ spent ≤ mark ≤ granted, always. */
export interface HeldLease extends LeaseName {
  readonly granted: number;
  /** The mark that is on disk. */
  mark: number;
  spent: number;
}

/** The holder's last word on a lease: stored before it is sent, and never changed. */
export interface LeaseFinal extends LeaseName {
  readonly spent: number;
}

/**
 * Chunks that a lease is marked in. A crash burns less than one chunk, an eighth of the lease, for
 * eight syncs over its life; sixteen would sync twice as often to save a sixteenth, four would burn a quarter.
 */
export const chunksPerLease = 8;

/**
 * May the grant be taken? Only for the request that is awaited (0: none is), and by the incarnation that sent it:
 * a repeated grant would otherwise open again what was closed, with nothing spent.
 */
export function isAwaited(grant: LeaseName, holder: ProducerKey, awaited: number): boolean {
  return grant.holder === holder && awaited !== 0 && grant.request === awaited;
}

/** A lease just granted. It has to be in the journal before its first mark is. */
export function openLease(name: LeaseName, granted: number): HeldLease {
  assert(granted > 0, "a lease of at least one unit");
  return { holder: name.holder, request: name.request, granted, mark: 0, spent: 0 };
}

/** Units that may be spent now, without waiting for anything. */
export function spendable(lease: Readonly<HeldLease>): number {
  return lease.mark - lease.spent;
}

/**
 * Spends `cost` from the leases of one counter, the first ones first; all of it or, if they do not
 * hold as much below their marks, nothing. Allocates nothing.
 */
export function spend(leases: readonly HeldLease[], cost: number): boolean {
  let held = 0;
  for (const lease of leases) held += spendable(lease);
  if (held < cost) return false;
  let left = cost;
  for (const lease of leases) {
    const part = Math.min(left, spendable(lease));
    lease.spent += part;
    left -= part;
  }
  return true;
}

/**
 * The mark to store next, or 0 for none: one chunk further, asked for when half a chunk or less is
 * left below the present one, so that calls need not wait for the disk. `needed` units are to be
 * spendable afterwards if the lease has them, for calls that cost more than a chunk.
 */
export function nextMark(lease: Readonly<HeldLease>, needed: number): number {
  if (lease.mark === lease.granted) return 0;
  const chunk = Math.ceil(lease.granted / chunksPerLease);
  const left = spendable(lease);
  if (left > chunk / 2 && left >= needed) return 0;
  return Math.min(lease.granted, Math.max(lease.mark + chunk, lease.spent + needed));
}

/** The journal has stored `mark`; marks may come back in any order. */
export function markStored(lease: HeldLease, mark: number): void {
  assert(mark <= lease.granted, "a mark within the lease");
  lease.mark = Math.max(lease.mark, mark);
}

/** Closes a lease that its holder gives back or has used up: nothing is spent from it any more. */
export function closeLease(lease: Readonly<HeldLease>): LeaseFinal {
  return { holder: lease.holder, request: lease.request, spent: lease.spent };
}

/**
 * Closes a lease that an earlier incarnation left in the journal. What it spent is not known, only
 * that it was no more than the mark.
 */
export function closeAfterRestart(stored: Readonly<LeaseName & { mark: number }>): LeaseFinal {
  return { holder: stored.holder, request: stored.request, spent: stored.mark };
}
