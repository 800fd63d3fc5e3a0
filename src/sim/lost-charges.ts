/**
 * Charges that went with a disk: a producer's batches and open records that were on it when it was lost. What of them is in the
 * stream in the end is counted; the rest is the one thing that a lost disk may cost.
 */

import type { Batch } from "../metering/batch-codec.ts";
import { replayRecords } from "../metering/open-batch.ts";
import { decodeStreamRecord } from "../metering/stream-record.ts";
import { worldStartMs } from "./host.ts";
import type { JournalImage } from "./storage/journal.ts";

export class LostCharges {
  readonly #batches: Batch[] = [];
  readonly producers = new Set<string>();

  /** A journal is gone. */
  add(image: JournalImage, region: string): void {
    const producer = image.identity?.producer;
    if (producer === undefined) return;
    this.producers.add(producer);
    for (const { incarnation, batches, last, open } of image.incarnations) {
      for (const bytes of batches.values()) this.#add(bytes);
      const header = { producer, incarnation, seq: last + 1, region, sealedAtMs: worldStartMs };
      if (open.length > 0) this.#add(replayRecords(open, worldStartMs).batch.seal(header).bytes);
    }
  }

  /** Calls by subject (`key:<id>`, `ip:<address>`) of those batches that are not among the counted. */
  calls(isCounted: (batch: Batch) => boolean): ReadonlyMap<string, number> {
    const calls = new Map<string, number>();
    for (const batch of this.batches(isCounted)) {
      for (const row of batch.rows) {
        const subject = row.key === "" ? `ip:${row.address}` : `key:${row.key}`;
        calls.set(subject, (calls.get(subject) ?? 0) + row.calls);
      }
    }
    return calls;
  }

  /** Those batches that are not among the counted. */
  batches(isCounted: (batch: Batch) => boolean): readonly Batch[] {
    return this.#batches.filter((batch) => !isCounted(batch));
  }

  #add(bytes: Uint8Array): void {
    const entry = decodeStreamRecord(bytes);
    if (entry.kind === "batch") this.#batches.push(entry.batch);
  }
}
