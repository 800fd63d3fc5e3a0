/**
 * The meter: turns admitted calls into charge records, gathers them in the open batch, and seals it.
 *
 * A charge is in three places at once: `own` of its counters (done by the decision), the open batch, and
 * the journal's ring. It leaves `own` when a watermark covers the batch it was sealed in.
 *
 * Finding the row of a call allocates nothing when the row is known in this batch.
 */

import { assert } from "../base/assert.ts";
import type { EpochMs, Incarnation, Seq } from "../base/words.ts";
import type { WindowTables } from "../limits/window-tables.ts";
import { ByteWriter } from "../metering/bytes.ts";
import { hourMs, writeCharge, writeDefine, writeRefund } from "../metering/charge-record.ts";
import { OpenBatch } from "../metering/open-batch.ts";
import type { ClosedLease, RowDefinition } from "../metering/usage.ts";
import type { Journal } from "../ports/journal.ts";
import { CallSums } from "./call-sums.ts";
import type { OwnBatch, OwnCharges } from "./own-charges.ts";
import { addOwn } from "./region-view.ts";
import { type ChargedCall, RowFinder } from "./row-finder.ts";

/** A batch is sealed when its records reach this, whatever the interval: 64 KB. */
export const openBatchMaxBytes = 64 * 1024;

/** Beyond this no call is taken: seals are so slow that the batch would not fit a message. 2 MB. */
export const openBatchBoundBytes = 2 * 1024 * 1024;

/** What a closed lease takes in a batch, about. */
const closedLeaseBytes = 48;

/** Batches handed to the journal and not on disk yet, at most; above, the open batch grows instead. */
export const pendingSealsMax = 8;

export interface SealListener {
  /** The batch is on disk and may be sent. */
  sealed(seq: Seq, bytes: Uint8Array): void;
  failed(cause: unknown): void;
}

export interface MeterOptions {
  readonly journal: Journal;
  readonly region: string;
  /** The tables and own charges of the view in use now. */
  readonly tables: () => WindowTables;
  readonly own: () => OwnCharges;
  readonly listener: SealListener;
}

export class Meter {
  readonly incarnation: Incarnation;
  /** Of what `observe` was told. */
  readonly callSums = new CallSums();
  readonly #journal: Journal;
  readonly #options: MeterOptions;
  readonly #scratch = new ByteWriter(1024);
  readonly #finder = new RowFinder();
  /** Rows of refunds, which are found by the definition that their charge was given. */
  readonly #refundRows = new Map<RowDefinition, number>();
  readonly #pendingSeals: OwnBatch[] = [];
  #open = new OpenBatch();
  #openBytes = 0;
  #seq: Seq = 0;
  #lastRow: RowDefinition | undefined;
  /** Calls admitted while the journal could not record them, where their limits allow it. */
  unmeteredCalls = 0;
  /** Calls and units charged by this start; units net of refunds. */
  calls = 0;
  chargedUnits = 0;
  /** The same without taking refunds off. */
  grossUnits = 0;

  constructor(options: MeterOptions) {
    this.#options = options;
    this.#journal = options.journal;
    this.incarnation = options.journal.incarnation;
  }

  /** False while the journal cannot take charges: the limits' `onFailure` decides. */
  accepts(): boolean {
    return this.#openBytes < openBatchBoundBytes && this.#journal.accepts();
  }

  get storedPosition(): number {
    return this.#journal.storedPosition;
  }

  /** The row of the last charge: what a refund of that call names. */
  get lastRow(): RowDefinition {
    assert(this.#lastRow !== undefined, "a call was charged");
    return this.#lastRow;
  }

  /** Units and age of what is not sealed yet. */
  get open(): { readonly units: number; readonly firstChargeAtMs: EpochMs } {
    return this.#open;
  }

  /**
   * Records an admitted call, whose units are in the tables already. Returns the journal position that its reply waits
   * for, or 0 if the journal did not take it: then nothing is recorded, and the caller takes the units out again.
   */
  charge(call: ChargedCall): number {
    const out = this.#scratch;
    out.reset();
    const hour = Math.floor(call.nowMs / hourMs) * hourMs;
    let row = this.#finder.find(call, hour);
    let definition: RowDefinition | undefined;
    if (row < 0) {
      definition = this.#finder.define(call, hour);
      writeDefine(out, definition);
      row = this.#open.rowCount;
    }
    writeCharge(out, row, call.cost);
    const position = this.#journal.append(out.bytes, out.length);
    if (position === 0) return 0;
    if (definition !== undefined) {
      this.#open.define(definition);
      this.#finder.add(call, { row, definition });
      this.#lastRow = definition;
    } else {
      this.#lastRow = this.#finder.definition(row);
    }
    this.#open.charge(row, call.cost, call.nowMs);
    this.calls++;
    this.chargedUnits += call.cost;
    this.grossUnits += call.cost;
    this.#grew(out.length, call.nowMs);
    return position;
  }

  /**
   * Gives back the units of one call, under the row and counters of its charge. If the journal
   * cannot take it now, the caller is not refunded, as after a crash; that is counted.
   */
  refund(row: RowDefinition, units: number, nowMs: EpochMs): boolean {
    const out = this.#scratch;
    out.reset();
    let index = this.#refundRows.get(row);
    const isNew = index === undefined;
    if (index === undefined) {
      writeDefine(out, row);
      index = this.#open.rowCount;
    }
    writeRefund(out, index, units);
    if (this.#journal.append(out.bytes, out.length) === 0) return false;
    if (isNew) {
      this.#open.define(row);
      this.#finder.skip();
      this.#refundRows.set(row, index);
    }
    this.#open.refund(index, units, nowMs);
    this.chargedUnits -= units;
    for (const { window, lo, hi } of row.counters) {
      this.#options.tables().get(window)?.table.addOwn(lo, hi, -units);
    }
    this.#grew(out.length, nowMs);
    return true;
  }

  /** The end of a lease, in the batch that is open: spent from it is nothing any more. */
  closeLease(lease: ClosedLease, nowMs: EpochMs): void {
    this.#open.close(lease);
    this.#grew(closedLeaseBytes, nowMs);
  }

  observe(seen: {
    route: string;
    plan: string;
    outcome: string;
    calls: number;
    bytes: number;
    timeMs: number;
    nowMs: EpochMs;
  }): void {
    const { route, plan, outcome, calls, bytes, timeMs } = seen;
    this.callSums.add(outcome, calls);
    const hour = Math.floor(seen.nowMs / hourMs) * hourMs;
    this.#open.observe(`${hour}|${route}|${plan}|${outcome}`, () => {
      return { hour, route, plan, outcome, calls, bytes, timeMs };
    });
  }

  observed(nowMs: EpochMs, overhead: Parameters<CallSums["observed"]>[1]): void {
    this.callSums.observed(nowMs, overhead);
  }

  /** Seals what is open, if anything is. Resolves when it is on disk. */
  async flush(nowMs: EpochMs): Promise<void> {
    if (this.#open.isEmpty || this.#pendingSeals.length >= pendingSealsMax) return;
    const open = this.#open;
    const seq = ++this.#seq;
    this.#open = new OpenBatch();
    this.#openBytes = 0;
    this.#finder.clear();
    this.#refundRows.clear();
    const { producer } = this.#journal.identity;
    const { region, listener } = this.#options;
    const header = { producer, incarnation: this.incarnation, seq, region, sealedAtMs: nowMs };
    const { bytes, windows, counters } = open.seal(header);
    const closed = open.leases.map(({ incarnation, request }) => ({ incarnation, request }));
    const { units, firstChargeAtMs } = open;
    const own = { seq, windows, counters, units, firstChargeAtMs };
    this.#pendingSeals.push(own);
    this.#options.own().add(this.incarnation, own);
    try {
      await this.#journal.seal(seq, bytes, closed);
      this.#pendingSeals.shift();
      listener.sealed(seq, bytes);
    } catch (cause) {
      listener.failed(cause);
    }
  }

  /**
   * Adds what is not on disk yet to tables and own charges that are about to replace the view's: batches being sealed,
   * then the open one. `own` has everything that the journal lists.
   */
  carryOver(tables: WindowTables, own: OwnCharges): void {
    for (const batch of this.#pendingSeals) {
      if (batch.seq <= own.last(this.incarnation)) continue;
      addOwn(tables, batch, 1);
      own.add(this.incarnation, batch);
    }
    const { windows, counters } = this.#open.sums();
    addOwn(tables, { seq: 0, windows, counters, units: 0, firstChargeAtMs: 0 }, 1);
  }

  #grew(bytes: number, nowMs: EpochMs): void {
    this.#openBytes += bytes;
    if (this.#openBytes >= openBatchMaxBytes) void this.flush(nowMs);
  }
}
