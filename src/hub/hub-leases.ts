/**
 * What the stream says about leases: for every counter that was leased of what is held and consumed, since when limits are
 * strict, and in which windows nothing is granted any more. Part of the fold's state: a function of the records alone,
 * saved with the totals and computed again by a replay.
 */

import type { EpochMs, ProducerKey, WindowId } from "../base/words.ts";
import { producerKey } from "../base/words.ts";
import {
  applyLeaseRecord,
  emptyLeaseBook,
  type LeaseBook,
  type LeaseRecord,
} from "../limits/lease-book.ts";
import { parseWindowId } from "../limits/window.ts";
import type { Batch } from "../metering/batch-codec.ts";
import type { CounterName, Grant, StrictSince } from "../metering/stream-record.ts";
import type { LedgerLeases } from "../ports/ledger-store.ts";

interface LeasedCounter extends CounterName {
  readonly book: LeaseBook;
  /** Not all use of this window was leased: its limits are enforced by the totals. */
  isSoft: boolean;
}

interface LeasedWindow {
  readonly endMs: EpochMs;
  readonly counters: Map<string, LeasedCounter>;
}

/** The book of a counter of which nothing was leased. */
const empty = { book: emptyLeaseBook(), isSoft: false } as const;

export class HubLeases {
  readonly #windows = new Map<WindowId, LeasedWindow>();
  readonly #changed = new Set<LeasedCounter>();
  readonly #dropped = new Set<WindowId>();
  #strictSince = new Map<string, EpochMs>();
  horizonMs: EpochMs = 0;
  /** Nothing is granted in windows that begin before this instant. */
  fenceMs: EpochMs = 0;
  /** Called with each grant that is in the book now, repeats too. */
  onGrant: (grant: Grant) => void = () => {};

  /** Takes up what a ledger holds, before any record. */
  load(leases: readonly LedgerLeases[]): void {
    for (const { window, lo, hi, book } of leases) {
      const counter = this.#open({ window, lo, hi });
      if (counter !== undefined) readBook(book, counter);
    }
  }

  restore(saved: { fenceMs: EpochMs; strictSince: StrictSince; horizonMs: EpochMs }): void {
    this.fenceMs = saved.fenceMs;
    this.horizonMs = saved.horizonMs;
    this.#strictSince = new Map(saved.strictSince);
  }

  get strictSince(): StrictSince {
    return [...this.#strictSince];
  }

  /** From which instant on windows of the limit `plan/limit/per/window` are strict; undefined: it is not. */
  strictFrom(limit: string): EpochMs | undefined {
    return this.#strictSince.get(limit);
  }

  /** Of one counter; as of now, not a copy. */
  counter({ window, lo, hi }: CounterName): Readonly<Pick<LeasedCounter, "book" | "isSoft">> {
    return this.#windows.get(window)?.counters.get(nameOf(lo, hi)) ?? empty;
  }

  grant(grant: Grant): void {
    const { producer, incarnation, request, units } = grant;
    const holder = producerKey(producer, incarnation);
    this.#apply(grant, { kind: "grant", holder, request, units });
    this.onGrant(grant);
  }

  batch({ producer, leases }: Batch): void {
    for (const lease of leases) {
      const { incarnation, request, spent } = lease;
      const holder = producerKey(producer, incarnation);
      this.#apply(lease, { kind: "final", holder, request, spent });
    }
  }

  expire(horizonMs: EpochMs): void {
    this.horizonMs = horizonMs;
    for (const [id, { endMs, counters }] of this.#windows) {
      if (endMs > horizonMs) continue;
      this.#windows.delete(id);
      this.#dropped.add(id);
      for (const counter of counters.values()) this.#changed.delete(counter);
    }
  }

  fence(untilMs: EpochMs): void {
    // 0 takes a fence back; the operator answers for it.
    this.fenceMs = untilMs === 0 ? 0 : Math.max(this.fenceMs, untilMs);
  }

  strict(since: StrictSince): void {
    this.#strictSince = new Map(since);
  }

  soft(name: CounterName): void {
    const counter = this.#open(name);
    if (counter === undefined || counter.isSoft) return;
    counter.isSoft = true;
    this.#changed.add(counter);
  }

  /** What changed since the last call. */
  take(): { leases: readonly LedgerLeases[]; dropped: readonly WindowId[] } {
    const leases = [...this.#changed].map(ledgerLeases);
    const dropped = [...this.#dropped];
    this.#changed.clear();
    this.#dropped.clear();
    return { leases, dropped };
  }

  /** Every counter, as the ledger has it. */
  all(): LedgerLeases[] {
    return [...this.counters()].map(ledgerLeases);
  }

  *counters(): Generator<Readonly<LeasedCounter>> {
    for (const { counters } of this.#windows.values()) yield* counters.values();
  }

  #apply(name: CounterName, record: LeaseRecord): void {
    const counter = this.#open(name);
    if (counter === undefined) return;
    applyLeaseRecord(counter.book, record);
    this.#changed.add(counter);
  }

  /** Undefined if the window is over and dropped, or is none. */
  #open({ window: id, lo, hi }: CounterName): LeasedCounter | undefined {
    let window = this.#windows.get(id);
    if (window === undefined) {
      const instance = parseWindowId(id);
      if (instance === undefined || instance.endMs <= this.horizonMs) return undefined;
      window = { endMs: instance.endMs, counters: new Map() };
      this.#windows.set(id, window);
    }
    let counter = window.counters.get(nameOf(lo, hi));
    if (counter === undefined) {
      counter = { window: id, lo, hi, book: emptyLeaseBook(), isSoft: false };
      window.counters.set(nameOf(lo, hi), counter);
    }
    return counter;
  }
}

function nameOf(lo: number, hi: number): string {
  return `${lo}/${hi}`;
}

/** `[soft, consumed, [[holder, last, [[request, units]…], [forgotten…]]…]]`: the same text for the same book. */
type BookText = readonly [
  soft: 0 | 1,
  consumed: number,
  holders: readonly (readonly [
    ProducerKey,
    number,
    readonly (readonly [number, number])[],
    readonly number[],
  ])[],
];

function ledgerLeases({ window, lo, hi, book, isSoft }: LeasedCounter): LedgerLeases {
  const holders = [...book.holders]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([holder, { last, open, forgotten }]) => {
      return [holder, last, [...open], [...forgotten]] as const;
    });
  const text: BookText = [isSoft ? 1 : 0, book.consumed, holders];
  return { window, lo, hi, book: JSON.stringify(text) };
}

function readBook(text: string, into: LeasedCounter): void {
  const [soft, consumed, holders] = JSON.parse(text) as BookText;
  into.isSoft = soft === 1;
  into.book.consumed = consumed;
  for (const [holder, last, open, forgotten] of holders) {
    into.book.holders.set(holder, { last, open: new Map(open), forgotten: new Set(forgotten) });
    for (const [, units] of open) into.book.held += units;
  }
}
