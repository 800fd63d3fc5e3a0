/**
 * What the folded batches add up to: totals by window, usage rows and observations, and what of it is not yet
 * published and not yet in the ledger. Synchronous; knows neither stream nor time.
 *
 * Charges to a window at or before the horizon, whose totals are gone, go to the usage rows alone: reports and
 * invoices stay exact, and no limit asks for that window any more.
 */

import type { EpochMs, ProducerId, ProducerKey, WindowId } from "../base/words.ts";
import { producerKey } from "../base/words.ts";
import { emptyCounterRef } from "../limits/counter-ref.ts";
import { parseWindowId, windowId } from "../limits/window.ts";
import type { Batch } from "../metering/batch-codec.ts";
import type { FeedMark, FeedWindow } from "../metering/feed-codec.ts";
import type { LedgerColumns, LedgerObservation, LedgerRow } from "../ports/ledger-store.ts";
import { HubWindow } from "./hub-window.ts";
import { RowSums } from "./row-sums.ts";

/** Counters whose places are read before the first of them is added to: the reads of large tables overlap then. */
const readAheadCount = 32;

/** What is read ahead is found again by the look-up itself. */
const ahead = emptyCounterRef();

/** What changed since the last update: what the next one will say. */
export interface FeedChanges {
  readonly windows: readonly FeedWindow[];
  readonly producers: readonly ProducerKey[];
  readonly marks: readonly FeedMark[];
}

/** What changed since the last checkpoint. */
export interface LedgerChanges {
  readonly totals: readonly LedgerColumns[];
  readonly dropped: readonly WindowId[];
  readonly rows: readonly LedgerRow[];
  readonly observations: readonly LedgerObservation[];
}

export class HubTotals {
  readonly windows = new Map<WindowId, HubWindow>();
  horizonMs: EpochMs = 0;
  /** Counter updates folded so far, and those that came after their window's totals were dropped. */
  counterUpdates = 0;
  lateUpdates = 0;
  /** Entries of the change logs that the next update will carry, repeats included. */
  unpublished = 0;
  readonly #feedDirty = new Set<HubWindow>();
  readonly #ledgerDirty = new Set<HubWindow>();
  readonly #dropped = new Set<WindowId>();
  readonly #producers = new Set<ProducerKey>();
  readonly #marks = new Map<ProducerId, EpochMs>();
  #rows = new RowSums();

  /** Takes up totals from a ledger, before any batch. */
  load(columns: LedgerColumns): void {
    const window = this.#window(columns.window);
    if (window === undefined) return;
    const { lo, hi, charged, refunded } = columns;
    for (let i = 0; i < lo.length; i++) {
      const sums = { charged: charged[i] as number, refunded: refunded[i] as number };
      window.set(lo[i] as number, hi[i] as number, sums);
    }
  }

  batch(batch: Batch): void {
    this.noteProducer(producerKey(batch.producer, batch.incarnation));
    if (batch.firstChargeAtMs > 0) this.#mark(batch.producer, batch.firstChargeAtMs);
    this.#addCounters(batch);
    this.#rows.add(batch);
  }

  expire(horizonMs: EpochMs): void {
    this.horizonMs = horizonMs;
    for (const window of this.windows.values()) {
      if (window.endMs > horizonMs) continue;
      this.windows.delete(window.id);
      this.#feedDirty.delete(window);
      this.#ledgerDirty.delete(window);
      this.#dropped.add(window.id);
    }
  }

  /** A producer's watermark moved, by a batch or by a declaration of loss. */
  noteProducer(producer: ProducerKey): void {
    this.#producers.add(producer);
  }

  get counters(): number {
    let count = 0;
    for (const window of this.windows.values()) count += window.table.count;
    return count;
  }

  /** True if some window would be dropped by this horizon. */
  hasEndedBy(horizonMs: EpochMs): boolean {
    for (const window of this.windows.values()) if (window.endMs <= horizonMs) return true;
    return false;
  }

  takeFeedChanges(): FeedChanges {
    const windows: FeedWindow[] = [];
    for (const window of this.#feedDirty) {
      const { lo, hi } = window.feedChanges.take();
      window.ledgerChanges.appendAll(lo, hi);
      this.#ledgerDirty.add(window);
      const net = new Float64Array(lo.length);
      for (let i = 0; i < lo.length; i++) {
        net[i] = window.table.total(lo[i] as number, hi[i] as number);
      }
      windows.push({ id: window.id, lo, hi, net });
    }
    const producers = [...this.#producers];
    const marks: FeedMark[] = [];
    for (const [producer, firstChargeAtMs] of this.#marks)
      marks.push({ producer, firstChargeAtMs });
    this.#feedDirty.clear();
    this.#producers.clear();
    this.#marks.clear();
    this.unpublished = 0;
    return { windows, producers, marks };
  }

  /** `takeFeedChanges` must have been called since the last batch: what is not published is not saved either. */
  takeLedgerChanges(): LedgerChanges {
    const totals: LedgerColumns[] = [];
    for (const window of this.#ledgerDirty) totals.push(window.takeLedgerColumns());
    const dropped = [...this.#dropped];
    const { rows, observations } = this.#rows.take();
    this.#ledgerDirty.clear();
    this.#dropped.clear();
    return { totals, dropped, rows, observations };
  }

  #addCounters(batch: Batch): void {
    const windows = batch.windows.map((id) => this.#window(id));
    const { counters } = batch;
    for (const window of windows) if (window !== undefined) this.#feedDirty.add(window);
    this.counterUpdates += counters.count;
    this.unpublished += counters.count;
    for (let from = 0; from < counters.count; from += readAheadCount) {
      const to = Math.min(from + readAheadCount, counters.count);
      for (let i = from; i < to; i++) {
        const window = windows[counters.window[i] as number];
        window?.table.locate(counters.lo[i] as number, counters.hi[i] as number, ahead);
      }
      for (let i = from; i < to; i++) this.#addCounter(batch, i, windows);
    }
  }

  #addCounter(batch: Batch, i: number, windows: readonly (HubWindow | undefined)[]): void {
    const { counters } = batch;
    const window = windows[counters.window[i] as number];
    if (window === undefined) {
      this.lateUpdates++;
      return;
    }
    const lo = counters.lo[i] as number;
    const hi = counters.hi[i] as number;
    const charged = counters.charged[i] as number;
    const refunded = counters.refunded[i] as number;
    if (window.add(lo, hi, charged, refunded)) {
      window.noteFresh(lo, hi, batch.subject(i));
    }
    window.feedChanges.append(lo, hi);
  }

  /** The live window; undefined if it ended at or before the horizon or names none. */
  #window(id: WindowId): HubWindow | undefined {
    let window = this.windows.get(id);
    if (window !== undefined) return window;
    const instance = parseWindowId(id);
    if (instance === undefined || instance.endMs <= this.horizonMs) return undefined;
    // Not `id` itself: it is cut out of a batch's strings and would keep them all.
    const ownId = windowId(instance);
    window = new HubWindow(ownId, instance.endMs);
    this.windows.set(ownId, window);
    // A window dropped and then made again cannot be: horizons only rise.
    return window;
  }

  #mark(producer: ProducerId, firstChargeAtMs: EpochMs): void {
    const known = this.#marks.get(producer);
    if (known === undefined || firstChargeAtMs < known) this.#marks.set(producer, firstChargeAtMs);
  }
}
