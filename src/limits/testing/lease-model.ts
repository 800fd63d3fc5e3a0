/**
 * A small world of leases for the search of all interleavings: one hub, two producers, one counter.
 * It adds to the real rules only what surrounds them: a stream, disks, a network and their faults.
 *
 * A message once sent stays in the network and may arrive at any time, in any order, any number of
 * times or never. A crash falls between any two steps; a step that writes to a disk and learns of
 * it stands for both orders, since a crash right after it is one where nobody learnt of it.
 */

import { present } from "../../base/assert.ts";
import * as book from "../lease-book.ts";
import * as spending from "../lease-spend.ts";

/** The rules that the model runs: the real ones, or one of them replaced by a wrong one. */
export const realRules = {
  ...book,
  ...spending,
  sendsBeforeDurable: false,
  /** Does the hub take held units back by itself? */
  reclaims: false,
  /** Is a restored hub fenced? */
  fences: true,
};
export type Rules = typeof realRules;

export interface Bounds {
  readonly quota: number;
  readonly want: number;
  /** Requests of one incarnation, at most. */
  readonly requests: number;
  /** Crashes of producers, in all. */
  readonly crashes: number;
  /** May the hub be restored from an older copy, once? */
  readonly restore: boolean;
}

interface Producer {
  readonly incarnation: number;
  /** Number of the latest request. */
  readonly asked: number;
  /** The request that is not answered yet, or 0. */
  readonly awaited: number;
  readonly leases: readonly spending.HeldLease[];
  /** What the journal knows of the open leases. */
  readonly disk: readonly (spending.LeaseName & { readonly mark: number })[];
}

export interface State {
  /**
   * Durable records, as a set, read with grants before finals and by rising request: their order decides only what an
   * older copy holds, and a restore here keeps any beginning of any order.
   */
  readonly log: readonly book.LeaseRecord[];
  /** Appended and not durable yet. */
  readonly tail: readonly book.LeaseRecord[];
  readonly restored: boolean;
  readonly requests: readonly book.LeaseRequest[];
  readonly grants: readonly book.LeaseGrant[];
  readonly finals: readonly spending.LeaseFinal[];
  readonly producers: readonly Producer[];
  readonly crashes: number;
  readonly admitted: number;
}

const newProducer = { asked: 0, awaited: 0, leases: [], disk: [] };

export function initialState(): State {
  return {
    ...{ log: [], tail: [], requests: [], grants: [], finals: [] },
    producers: [0, 1].map(() => ({ incarnation: 1, ...newProducer })),
    ...{ restored: false, crashes: 0, admitted: 0 },
  };
}

function sameName(a: spending.LeaseName, b: spending.LeaseName): boolean {
  return a.holder === b.holder && a.request === b.request;
}

/** A set, in an order of its own, so that the order of sending makes no other state. */
function withMember<T extends object>(set: readonly T[], member: T): readonly T[] {
  const text = JSON.stringify(member);
  if (set.some((other) => JSON.stringify(other) === text)) return set;
  return [...set, member].sort((a, b) => (JSON.stringify(a) > JSON.stringify(b) ? -1 : 1));
}

function replay(rules: Rules, records: readonly book.LeaseRecord[]): book.LeaseBook {
  const result = rules.emptyLeaseBook();
  const rank = ({ kind, request }: book.LeaseRecord): number =>
    (kind === "grant" ? 0 : 1_000) + request;
  for (const record of records.toSorted((a, b) => rank(a) - rank(b))) {
    rules.applyLeaseRecord(result, record);
  }
  return result;
}

/** Every state that one step may lead to. */
export function* steps(state: State, rules: Rules, bounds: Bounds): Generator<State> {
  yield* hubSteps(state, rules, bounds);
  for (let i = 0; i < state.producers.length; i++) {
    for (const change of producerSteps(state, i, rules, bounds)) yield { ...state, ...change };
  }
}

function* hubSteps(state: State, rules: Rules, bounds: Bounds): Generator<State> {
  const { log, tail } = state;
  const durable = replay(rules, log);
  for (const request of state.requests) {
    const pending = tail.filter((record) => record.kind === "grant");
    const isFenced = state.restored && rules.fences;
    const context = { quota: bounds.quota, producers: 2, pending, isFenced };
    const answer = rules.answerLeaseRequest(durable, request, context);
    if (answer.kind === "append") {
      const next = { ...state, tail: [...tail, answer.record] };
      yield rules.sendsBeforeDurable ? sent(next, answer.record) : next;
    } else if (answer.kind === "granted") {
      yield sent(state, { kind: "grant", ...request, units: answer.units });
    }
  }
  // Lost on the way to the disk is the same as lost in the network: one step for a final.
  for (const final of state.finals) {
    yield { ...state, log: withMember(log, { kind: "final", ...final }) };
  }
  const [first, ...rest] = tail;
  if (first !== undefined) {
    yield sent({ ...state, log: withMember(log, first), tail: rest }, first);
    yield { ...state, tail: [] };
  }
  if (bounds.restore && !state.restored) {
    for (const kept of olderCopies(log)) yield { ...state, log: kept, tail: [], restored: true };
  }
  if (rules.reclaims) {
    for (const { holder, request } of state.grants) {
      if (rules.openUnits(durable, { holder, request }) === undefined) continue;
      yield { ...state, log: withMember(log, { kind: "final", holder, request, spent: 0 }) };
    }
  }
}

/**
 * Parts of the log: more than there are older copies, which are beginnings of it, for the log keeps no order but that
 * of the requests of one producer.
 */
function* olderCopies(log: State["log"]): Generator<State["log"]> {
  for (let mask = 0; mask < 2 ** log.length; mask++) {
    const kept = log.filter((_, i) => (mask >> i) % 2 === 1);
    const isKept = (record: book.LeaseRecord): boolean => kept.includes(record);
    const isBeginning = kept.every((record) =>
      log.every((other) => !precedes(other, record) || isKept(other)),
    );
    if (isBeginning) yield kept;
  }
}

function precedes(a: book.LeaseRecord, b: book.LeaseRecord): boolean {
  return a.holder === b.holder && a.kind === "grant" && a.request < b.request;
}

function sent(state: State, record: book.LeaseRecord): State {
  if (record.kind !== "grant") return state;
  const { holder, request, units } = record;
  return { ...state, grants: withMember(state.grants, { holder, request, units }) };
}

function* producerSteps(
  state: State,
  index: number,
  rules: Rules,
  bounds: Bounds,
): Generator<Partial<State>> {
  const producer = present(state.producers[index], "producer");
  const { leases, disk, asked, awaited, incarnation } = producer;
  const become = (change: Partial<Producer>): Partial<State> => ({
    producers: state.producers.with(index, { ...producer, ...change }),
  });
  const holder = `${index}/${incarnation}`;
  if (awaited === 0 && asked < bounds.requests) {
    const request = { holder, request: asked + 1, want: bounds.want, needed: 1 };
    const requests = withMember(state.requests, request);
    yield { ...become({ asked: asked + 1, awaited: asked + 1 }), requests };
  }
  for (const grant of state.grants) {
    if (!rules.isAwaited(grant, holder, awaited)) continue;
    const lease = rules.openLease(grant, grant.units);
    const stored = { holder, request: grant.request, mark: 0 };
    yield become({ awaited: 0, leases: [...leases, lease], disk: [...disk, stored] });
  }
  for (const [i, lease] of leases.entries()) {
    const mark = rules.nextMark(lease, 1);
    if (mark > 0) {
      const marked = { ...lease };
      rules.markStored(marked, mark);
      const stored = disk.map((entry) => (sameName(entry, lease) ? { ...entry, mark } : entry));
      yield become({ leases: leases.with(i, marked), disk: stored });
    }
    const others = disk.filter((entry) => !sameName(entry, lease));
    const finals = withMember(state.finals, rules.closeLease(lease));
    yield { ...become({ leases: leases.toSpliced(i, 1), disk: others }), finals };
  }
  const spent = leases.map((lease) => ({ ...lease }));
  if (rules.spend(spent, 1)) {
    yield { ...become({ leases: spent }), admitted: state.admitted + 1 };
  }
  if (state.crashes < bounds.crashes) {
    const crashes = state.crashes + 1;
    const anew = become({ ...newProducer, incarnation: incarnation + 1 });
    yield { ...anew, crashes };
    let { finals } = state;
    for (const entry of disk) finals = withMember(finals, rules.closeAfterRestart(entry));
    if (disk.length > 0) yield { ...anew, crashes, finals };
  }
}

/** What is wrong with a state, by the contract alone; undefined if nothing is. */
export function violation(state: State, rules: Rules, { quota }: Bounds): string | undefined {
  if (state.admitted > quota) return `${state.admitted} units admitted of ${quota}`;
  for (const { leases, disk } of state.producers) {
    for (const lease of leases) {
      const mark = disk.find((entry) => sameName(entry, lease))?.mark ?? 0;
      if (lease.spent > mark) return "spent above the durable mark";
      if (mark > lease.granted) return "marked above what is granted";
    }
  }
  if (!state.restored) {
    for (const grant of state.grants) {
      if (!state.log.some((r) => r.kind === "grant" && sameName(r, grant))) {
        return "a grant was sent that is not durable";
      }
    }
  }
  return bookViolation(state, rules, quota);
}

/** The book against a count of its own over the records, first finals only. */
function bookViolation(state: State, rules: Rules, quota: number): string | undefined {
  const kept = replay(rules, state.log);
  const finals = state.log.filter((record) => record.kind === "final");
  const grants = state.log.filter((record) => record.kind === "grant");
  const firstFinal = (name: spending.LeaseName) => finals.find((final) => sameName(final, name));
  let held = 0;
  let consumed = 0;
  for (const grant of grants) {
    const final = firstFinal(grant);
    if (final === undefined) held += grant.units;
    else consumed += final.spent;
  }
  for (const final of finals) {
    const isKnown = grants.some((grant) => sameName(grant, final));
    if (!isKnown && firstFinal(final) === final) consumed += final.spent;
  }
  // Every final once more than the stream has it: a repeated one changes nothing.
  for (const final of finals) rules.applyLeaseRecord(kept, final);
  if (kept.held !== held || kept.consumed !== consumed) return "the book differs from its records";
  // After a restore, what forgotten grants have used comes on top, and nothing is granted any more.
  if (!state.restored && held + consumed > quota) return "held and consumed exceed the quota";
  return undefined;
}
