/**
 * Builds a snapshot aside while the view in use goes on deciding. Parts may hold values newer than the
 * updates before them, never older, and updates that arrive in between are applied here too: at the
 * end the tables are exactly the version that the hub names.
 *
 * Own charges come last: every batch above the snapshot's watermarks, from the journal, added to the
 * tables that will be installed.
 */

import type { EpochMs, Incarnation, ProducerKey, Seq } from "../base/words.ts";
import { WindowTables } from "../limits/window-tables.ts";
import { decodeBatch } from "../metering/batch-codec.ts";
import type { FeedPart, FeedUpdate, FeedWindow } from "../metering/feed-codec.ts";
import type { Journal } from "../ports/journal.ts";
import type { OwnBatch, OwnCharges } from "./own-charges.ts";
import { addOwn, writeTotals } from "./region-view.ts";

const readBytes = 1024 * 1024;

export class SnapshotBuilder {
  readonly epoch: number;
  readonly tables: WindowTables;
  readonly watermarks = new Map<ProducerKey, Seq>();
  readonly #region: string;
  asOfMs: EpochMs = 0;

  constructor(region: string, epoch: number) {
    this.epoch = epoch;
    this.#region = region;
    this.tables = new WindowTables(region);
  }

  part(part: FeedPart, certainMs: EpochMs): void {
    this.#write(part.windows, certainMs);
    this.#note(part.watermarks);
  }

  update(update: FeedUpdate, certainMs: EpochMs): void {
    if (update.epoch !== this.epoch) return;
    this.#write(update.windows, certainMs);
    this.#note(update.watermarks);
    this.asOfMs = Math.max(this.asOfMs, update.hubTimeMs);
  }

  #write(windows: readonly FeedWindow[], certainMs: EpochMs): void {
    for (const window of windows)
      writeTotals(this.tables, window, { certainMs, region: this.#region });
  }

  #note(watermarks: FeedPart["watermarks"]): void {
    for (const [producer, seq] of watermarks) this.watermarks.set(producer, seq);
  }
}

/**
 * Reads every own batch above the watermarks into `tables` and `own`. What the running incarnation
 * seals meanwhile is left to the caller: call again (it goes on where it ended) until nothing is new.
 */
export async function loadOwn(
  journal: Journal,
  into: { tables: WindowTables; own: OwnCharges; watermark: (incarnation: Incarnation) => Seq },
  onDamaged: (incarnation: Incarnation, seq: Seq) => void,
): Promise<void> {
  for (const { incarnation, first, last } of [...journal.ranges()]) {
    const { own } = into;
    if (own.last(incarnation) === 0) {
      own.begin(incarnation, Math.max(into.watermark(incarnation), first - 1));
    }
    while (own.last(incarnation) < last) {
      const from = own.last(incarnation) + 1;
      const { batches, damaged } = await journal.read(incarnation, { from, bytesMax: readBytes });
      for (const seq of damaged) onDamaged(incarnation, seq);
      const bySeq = new Map(batches.map((batch) => [batch.seq, batch.bytes]));
      const upTo = Math.min(last, Math.max(from, ...bySeq.keys(), ...damaged));
      for (let seq = from; seq <= upTo; seq++) {
        const batch = ownBatchOf(seq, bySeq.get(seq));
        addOwn(into.tables, batch, 1);
        own.add(incarnation, batch);
      }
    }
  }
}

/** The counters of a stored batch; none if its bytes are damaged. */
export function ownBatchOf(seq: Seq, bytes: Uint8Array | undefined): OwnBatch {
  const decoded = bytes === undefined ? undefined : decodeBatch(bytes);
  if (decoded === undefined || "malformed" in decoded) return emptyOwnBatch(seq);
  const { windows, counters, rows, firstChargeAtMs } = decoded.batch;
  let units = 0;
  for (const row of rows) units += row.units - row.refundedUnits;
  return { seq, windows, counters, units, firstChargeAtMs };
}

function emptyOwnBatch(seq: Seq): OwnBatch {
  const none = new Uint32Array(0);
  const zero = new Float64Array(0);
  const counters = { count: 0, window: none, lo: none, hi: none, charged: zero, refunded: zero };
  return { seq, windows: [], counters, units: 0, firstChargeAtMs: 0 };
}
