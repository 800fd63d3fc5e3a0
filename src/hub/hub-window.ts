/**
 * The totals of one window instance in the hub. In the table, `total` is the net (charged − refunded), which is what
 * gateways hold, so that digests compare directly; `own` is what was refunded.
 */

import { assert } from "../base/assert.ts";
import type { EpochMs, WindowId } from "../base/words.ts";
import { emptyCounterRef } from "../limits/counter-ref.ts";
import { ownMax } from "../limits/counter-shard.ts";
import { CounterTable } from "../limits/counter-table.ts";
import type { LedgerColumns } from "../ports/ledger-store.ts";
import { ChangeLog } from "./change-log.ts";

/** Where `has` looked last. */
const ref = emptyCounterRef();

export class HubWindow {
  readonly id: WindowId;
  readonly endMs: EpochMs;
  readonly table = new CounterTable();
  /** Changed since the last update to the gateways, and since the last checkpoint. */
  readonly feedChanges = new ChangeLog();
  readonly ledgerChanges = new ChangeLog();
  /** Counters that the ledger does not know yet, in the order in which they were made. */
  #fresh: { readonly lo: number; readonly hi: number; readonly subject: string }[] = [];
  /**
   * Refunded beyond what was charged, by fingerprint: only where the batch with the charge was lost. The total
   * is 0 then, and the charge, should it turn up, is first set against this.
   */
  #deficits: Map<string, number> | undefined;
  /** False: nothing in this window was ever refunded, which most look-ups need not find out one by one. */
  #hasRefunds = false;

  constructor(id: WindowId, endMs: EpochMs) {
    this.id = id;
    this.endMs = endMs;
  }

  /** Adds a batch's units to one counter; true if the counter is new. */
  // Four positional parameters: called for every counter of every batch, where an object would show.
  add(lo: number, hi: number, charged: number, refunded: number): boolean {
    const { table } = this;
    const before = table.count;
    if (refunded === 0 && this.#deficits === undefined) {
      table.addTotal(lo, hi, charged);
    } else {
      this.#addBoth({ lo, hi, charged, refunded });
    }
    return table.count !== before;
  }

  /** Sets a counter to what a ledger holds. */
  set(lo: number, hi: number, sums: { charged: number; refunded: number }): void {
    this.#setNet(lo, hi, sums.charged - sums.refunded);
    if (sums.refunded > 0) this.#setRefunded(lo, hi, sums.refunded);
  }

  has(lo: number, hi: number): boolean {
    this.table.used(lo, hi, ref);
    return ref.at >= 0;
  }

  charged(lo: number, hi: number): number {
    return this.table.used(lo, hi, ref) - this.#deficit(lo, hi);
  }

  refunded(lo: number, hi: number): number {
    return this.table.own(lo, hi);
  }

  /** Notes that the ledger does not know this counter. Once, when it was made. */
  noteFresh(lo: number, hi: number, subject: string): void {
    this.#fresh.push({ lo, hi, subject });
  }

  /** Counters changed since the last checkpoint, as the ledger wants them. */
  takeLedgerColumns(): LedgerColumns {
    const { lo, hi } = this.ledgerChanges.take();
    const fresh = this.#fresh;
    this.#fresh = [];
    const charged = new Float64Array(lo.length);
    const refunded = new Float64Array(lo.length);
    const hasRefunds = this.#hasRefunds;
    const subject: string[] = [];
    let next = 0;
    for (let i = 0; i < lo.length; i++) {
      const l = lo[i] as number;
      const h = hi[i] as number;
      if (hasRefunds) refunded[i] = this.refunded(l, h);
      charged[i] = this.charged(l, h);
      // Logs keep the order of first change, so that fresh counters come in the order of their making.
      const candidate = fresh[next];
      const isFresh = candidate !== undefined && candidate.lo === l && candidate.hi === h;
      subject.push(isFresh ? candidate.subject : "");
      if (isFresh) next++;
    }
    assert(next === fresh.length, "every new counter is among the changed ones");
    return { window: this.id, lo, hi, charged, refunded, subject };
  }

  #addBoth(change: { lo: number; hi: number; charged: number; refunded: number }): void {
    const { lo, hi, charged, refunded } = change;
    const { table } = this;
    this.#setNet(lo, hi, table.total(lo, hi) - this.#deficit(lo, hi) + charged - refunded);
    if (refunded > 0) this.#setRefunded(lo, hi, table.own(lo, hi) + refunded);
  }

  #setRefunded(lo: number, hi: number, refunded: number): void {
    this.#hasRefunds = true;
    this.table.setOwn(lo, hi, Math.min(refunded, ownMax));
  }

  #setNet(lo: number, hi: number, net: number): void {
    this.table.setTotal(lo, hi, Math.min(Math.max(0, net), Number.MAX_SAFE_INTEGER));
    if (net < 0) {
      this.#deficits ??= new Map();
      this.#deficits.set(`${lo} ${hi}`, -net);
    } else if (this.#deficits?.delete(`${lo} ${hi}`) && this.#deficits.size === 0) {
      this.#deficits = undefined;
    }
  }

  #deficit(lo: number, hi: number): number {
    return this.#deficits === undefined ? 0 : (this.#deficits.get(`${lo} ${hi}`) ?? 0);
  }
}
