/**
 * Leases, the hub's side: for one counter, what is free, held and consumed of its quota, and how
 * much the next request is granted. The book is a pure function of the records in their order, so
 * that a replay of the usage stream gives the same book.
 *
 * Free + held + consumed = quota. A grant moves units from free to held, the holder's final moves
 * them on: what was spent to consumed, the rest to free. Nothing else moves held units: no time-out,
 * no expiry, no opinion about the holder, for none of these says how much it had spent.
 *
 * Left to others: making records durable before a grant is sent, and which quota holds (hub).
 */

import { assert } from "../base/assert.ts";
import type { ProducerKey } from "../base/words.ts";
import type { LeaseFinal, LeaseName } from "./lease-spend.ts";

export interface LeaseGrant extends LeaseName {
  readonly units: number;
}

/**
 * What the stream says about the leases of one counter. `fence`: the hub may have forgotten grants
 * of this window (it was restored or replaced), so that nothing more is granted in it.
 */
export type LeaseRecord =
  | ({ readonly kind: "grant" } & LeaseGrant)
  | ({ readonly kind: "report" } & LeaseFinal)
  | ({ readonly kind: "final" } & LeaseFinal)
  | { readonly kind: "fence" };

interface BookedLease {
  readonly units: number;
  /** Highest figure reported. */
  spent: number;
  closed: boolean;
}

export interface LeaseBook {
  held: number;
  consumed: number;
  fenced: boolean;
  /** By holder, then by request. */
  readonly leases: Map<ProducerKey, Map<number, BookedLease>>;
}

export function emptyLeaseBook(): LeaseBook {
  return { held: 0, consumed: 0, fenced: false, leases: new Map() };
}

/**
 * Applies the next durable record. Reports and finals may be repeated and come in any order; the
 * first final of a lease is the one that counts.
 */
export function applyLeaseRecord(book: LeaseBook, record: LeaseRecord): void {
  if (record.kind === "fence") {
    book.fenced = true;
    return;
  }
  const ofHolder = book.leases.get(record.holder) ?? new Map<number, BookedLease>();
  book.leases.set(record.holder, ofHolder);
  const lease = ofHolder.get(record.request);
  if (record.kind === "grant") {
    assert(lease === undefined, "one grant for a request");
    ofHolder.set(record.request, { units: record.units, spent: 0, closed: false });
    book.held += record.units;
  } else if (lease === undefined) {
    // Of a grant that a restored hub has forgotten: it gives nothing back, what it says is used is.
    if (record.kind === "report") return;
    ofHolder.set(record.request, { units: record.spent, spent: record.spent, closed: true });
    book.consumed += record.spent;
  } else if (!lease.closed) {
    lease.spent = Math.min(lease.units, Math.max(lease.spent, record.spent));
    if (record.kind === "report") return;
    lease.closed = true;
    book.held -= lease.units;
    book.consumed += lease.spent;
  }
}

/** Units that may be granted; 0, not less, where a quota was lowered below what is out. */
export function freeUnits(book: Readonly<LeaseBook>, quota: number): number {
  return Math.max(0, quota - book.consumed - book.held);
}

/**
 * Below this many units for each producer, a grant is not divided any further: sixteen requests for
 * one unit would cost more records than the units are worth, and halving for ever never ends.
 */
export const grantUnitsMin = 16;

export interface GrantSize {
  /** Units that the producer asks for, at least 1. */
  readonly want: number;
  readonly free: number;
  /** Producers that hold or ask, at least 1. */
  readonly producers: number;
}

/**
 * Half of an equal share, so that a producer that asks late finds something; what is left is
 * granted in ever smaller parts, and the last units (fewer than `grantUnitsMin` for each) to whoever
 * asks first, so that the quota is used to its last unit.
 */
export function grantUnits({ want, free, producers }: GrantSize): number {
  const share = Math.ceil(free / (2 * producers));
  return Math.min(want, free, Math.max(share, grantUnitsMin));
}

export interface LeaseRequest extends LeaseName {
  readonly want: number;
}

export type LeaseAnswer =
  /** Append the record; the grant is sent when it is durable. */
  | { readonly kind: "append"; readonly record: LeaseRecord & { readonly kind: "grant" } }
  /** Appended for an earlier copy of the request and not durable yet: wait. */
  | { readonly kind: "pending" }
  /** Granted and durable: send it, again. */
  | { readonly kind: "granted"; readonly units: number }
  /** Free = 0: all is used, others hold what is left, or the window is fenced. */
  | { readonly kind: "used-up" | "others-hold" | "fenced" };

export interface AnswerContext {
  readonly quota: number;
  readonly producers: number;
  /** Grants of this counter that were appended and are not in the book yet. */
  readonly pending: readonly LeaseGrant[];
}

/** What a request gets. The same request gets the same lease, however often it comes. */
export function answerLeaseRequest(
  book: Readonly<LeaseBook>,
  request: LeaseRequest,
  { quota, producers, pending }: AnswerContext,
): LeaseAnswer {
  const { holder, request: number, want } = request;
  const known = book.leases.get(holder)?.get(number);
  if (known !== undefined) return { kind: "granted", units: known.units };
  if (pending.some((grant) => grant.holder === holder && grant.request === number)) {
    return { kind: "pending" };
  }
  if (book.fenced) return { kind: "fenced" };
  const pendingUnits = pending.reduce((sum, grant) => sum + grant.units, 0);
  const free = Math.max(0, freeUnits(book, quota) - pendingUnits);
  if (free === 0) return { kind: book.consumed >= quota ? "used-up" : "others-hold" };
  const units = grantUnits({ want, free, producers });
  return { kind: "append", record: { kind: "grant", holder, request: number, units } };
}
