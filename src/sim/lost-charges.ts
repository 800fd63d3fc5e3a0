/**
 * Charges that went with a disk: a producer's batches and open records that were on it when it was lost. What of them is in the
 * stream in the end is counted; the rest is the one thing that a lost disk may cost.
 */

import type { Batch } from "../metering/batch-codec.ts";
import { replayRecords } from "../metering/open-batch.ts";
import { decodeStreamRecord } from "../metering/stream-record.ts";
import { worldStartMs } from "./host.ts";
import type { JournalImage } from "./storage/journal.ts";

export interface LostBatch {
  readonly batch: Batch;
  /** What of it is counted: where an older copy of a disk was put back, it may be less. */
  readonly kept: Batch | undefined;
}

export class LostCharges {
  /** By name; of one that was lost twice, what was lost first. */
  readonly #batches = new Map<string, Batch>();
  readonly producers = new Set<string>();

  /** A journal is gone. */
  add(image: JournalImage, region: string): void {
    const producer = image.identity?.producer;
    if (producer === undefined) return;
    this.producers.add(producer);
    for (const { incarnation, batches, last, open } of image.incarnations) {
      for (const bytes of batches.values()) this.addBatch(bytes);
      const header = { producer, incarnation, seq: last + 1, region, sealedAtMs: worldStartMs };
      if (open.length > 0)
        this.addBatch(replayRecords(open, worldStartMs).batch.seal(header).bytes);
    }
  }

  /** Calls by subject (`key:<id>`, `ip:<address>`) that are not counted. `counted`: batches that are, by name. */
  calls(counted: ReadonlyMap<string, Batch>): ReadonlyMap<string, number> {
    const calls = new Map<string, number>();
    for (const { batch, kept } of this.rest(counted)) {
      const before = kept === undefined ? undefined : callsOf(kept);
      for (const [subject, all] of callsOf(batch)) {
        const rest = Math.max(0, all - (before?.get(subject) ?? 0));
        calls.set(subject, (calls.get(subject) ?? 0) + rest);
      }
    }
    return calls;
  }

  /** Those batches, each beside the one that is counted under its name, if one is. */
  rest(counted: ReadonlyMap<string, Batch>): readonly LostBatch[] {
    return [...this.#batches].map(([name, batch]) => ({ batch, kept: counted.get(name) }));
  }

  /** One batch is gone. */
  addBatch(bytes: Uint8Array): void {
    const entry = decodeStreamRecord(bytes);
    if (entry.kind !== "batch") return;
    const name = batchName(entry.batch);
    if (!this.#batches.has(name)) this.#batches.set(name, entry.batch);
  }
}

export function batchName({ producer, incarnation, seq }: Batch): string {
  return `${producer}/${incarnation}/${seq}`;
}

function callsOf(batch: Batch): Map<string, number> {
  const calls = new Map<string, number>();
  for (const row of batch.rows) {
    const subject = row.key === "" ? `ip:${row.address}` : `key:${row.key}`;
    calls.set(subject, (calls.get(subject) ?? 0) + row.calls);
  }
  return calls;
}
