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

import type { ProducerKey } from "../base/words.ts";
import type { LeaseFinal, LeaseName } from "./lease-spend.ts";

export interface LeaseGrant extends LeaseName {
  readonly units: number;
}

/** What the stream says about the leases of one counter. */
export type LeaseRecord =
  | ({ readonly kind: "grant" } & LeaseGrant)
  | ({ readonly kind: "final" } & LeaseFinal);

/** What one incarnation of a producer was granted of a counter. */
interface HolderLeases {
  /** Highest request granted. Requests are granted in rising order: up to here, what is not open is closed. */
  last: number;
  /** Units by request. */
  readonly open: Map<number, number>;
  /** Closed ones above `last`, whose grants a restored hub does not know. */
  readonly forgotten: Set<number>;
}

export interface LeaseBook {
  held: number;
  consumed: number;
  readonly holders: Map<ProducerKey, HolderLeases>;
}

export function emptyLeaseBook(): LeaseBook {
  return { held: 0, consumed: 0, holders: new Map() };
}

/** Units of the open lease of that name; undefined if there is none. */
export function openUnits(book: Readonly<LeaseBook>, name: LeaseName): number | undefined {
  return book.holders.get(name.holder)?.open.get(name.request);
}

/** Applies the next durable record. Finals may be repeated: the first one of a lease is the one that counts. */
export function applyLeaseRecord(book: LeaseBook, record: LeaseRecord): void {
  const { holder, request } = record;
  let leases = book.holders.get(holder);
  if (leases === undefined) {
    leases = { last: 0, open: new Map(), forgotten: new Set() };
    book.holders.set(holder, leases);
  }
  if (record.kind === "grant") {
    // A repeat of the stream.
    if (request <= leases.last) return;
    leases.last = request;
    if (leases.forgotten.delete(request)) return;
    leases.open.set(request, record.units);
    book.held += record.units;
    return;
  }
  const units = leases.open.get(request);
  if (units !== undefined) {
    leases.open.delete(request);
    book.held -= units;
    book.consumed += Math.min(record.spent, units);
  } else if (request > leases.last && !leases.forgotten.has(request)) {
    // It gives nothing back, and what it says is used is.
    leases.forgotten.add(request);
    book.consumed += record.spent;
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
  /** What one call costs: less is of no use. */
  readonly needed: number;
}

export type LeaseAnswer =
  /** Append the record; the grant is sent when it is durable. */
  | { readonly kind: "append"; readonly record: LeaseRecord & { readonly kind: "grant" } }
  /** Appended for an earlier copy of the request and not durable yet: wait. */
  | { readonly kind: "pending" }
  /** Granted and durable: send it, again. */
  | { readonly kind: "granted"; readonly units: number }
  /** Free = 0: all is used, or others hold what is left. */
  | { readonly kind: "used-up" | "others-hold" }
  /** The hub may have forgotten grants of this window: nothing is granted in it any more. */
  | { readonly kind: "fenced" }
  /** An old copy of a request whose lease is closed. */
  | { readonly kind: "stale" };

export interface AnswerContext {
  readonly quota: number;
  readonly producers: number;
  /** Grants of this counter that were appended and are not in the book yet. */
  readonly pending: readonly LeaseGrant[];
  readonly isFenced: boolean;
}

/** What a request has got already: nothing that was decided since changes it. Undefined: nothing. */
export function earlierAnswer(
  book: Readonly<LeaseBook>,
  request: LeaseName,
  pending: readonly LeaseGrant[],
): LeaseAnswer | undefined {
  const known = openUnits(book, request);
  if (known !== undefined) return { kind: "granted", units: known };
  const isPending = pending.some(
    (grant) => grant.holder === request.holder && grant.request === request.request,
  );
  return isPending ? { kind: "pending" } : undefined;
}

/** What a request gets. The same request gets the same lease, however often it comes. */
export function answerLeaseRequest(
  book: Readonly<LeaseBook>,
  request: LeaseRequest,
  { quota, producers, pending, isFenced }: AnswerContext,
): LeaseAnswer {
  const { holder, request: number, want, needed } = request;
  const earlier = earlierAnswer(book, request, pending);
  if (earlier !== undefined) return earlier;
  if (number <= (book.holders.get(holder)?.last ?? 0)) return { kind: "stale" };
  if (isFenced) return { kind: "fenced" };
  const pendingUnits = pending.reduce((sum, grant) => sum + grant.units, 0);
  const free = Math.max(0, freeUnits(book, quota) - pendingUnits);
  // What is not consumed may come back yet; less than a call costs is as good as nothing.
  if (quota - book.consumed < needed) return { kind: "used-up" };
  if (free === 0) return { kind: "others-hold" };
  const units = grantUnits({ want, free, producers });
  return { kind: "append", record: { kind: "grant", holder, request: number, units } };
}
