/** What a stream comes to, computed another way than the hub does: sets of batches, and sums over them. */

import { type Position, type ProducerKey, producerKey } from "../base/words.ts";
import { parseWindowId } from "../limits/window.ts";
import type { Batch } from "../metering/batch-codec.ts";
import { decodeStreamRecord, type StreamEntry } from "../metering/stream-record.ts";
import type { StreamRecord } from "../ports/usage-stream.ts";
import { BatchOrder } from "./batch-order.ts";

export interface ModelGrant {
  readonly holder: ProducerKey;
  readonly request: number;
  readonly window: string;
  readonly lo: number;
  readonly hi: number;
  readonly units: number;
}

export interface ModelLease extends ModelGrant {
  /** Undefined while it is open. */
  spent: number | undefined;
  /** No record grants it: the hub has forgotten that. */
  readonly isForgotten?: boolean;
}

/** A record is decoded once: hubs that crash, and models that are begun anew, are checked against the whole stream each time. */
const decoded = new WeakMap<StreamRecord, StreamEntry>();

export class StreamModel {
  readonly #batches = new Set<string>();
  #batchesUpTo: Position = 0;

  /** Calls by key id ("" for callers without), of the batches that count: each once, none behind one that is missing. */
  callsByKey(records: readonly StreamRecord[]): Map<string, number> {
    const calls = new Map<string, number>();
    for (const { rows } of this.counted(records)) {
      for (const row of rows) calls.set(row.key, (calls.get(row.key) ?? 0) + row.calls);
    }
    return calls;
  }

  /** The batches that count. */
  counted(records: readonly StreamRecord[]): Batch[] {
    const order = new BatchOrder();
    return records.flatMap((record) => order.take(this.entry(record)));
  }

  /**
   * Leases by name, as `producer/incarnation request`: each is granted once and ended once, whatever is repeated. Of those
   * that are ended, what was spent. Those of windows that are dropped are gone.
   */
  leases(records: readonly StreamRecord[]): Map<string, ModelLease> {
    const leases = new Map<string, ModelLease>();
    let horizonMs = 0;
    for (const record of records) {
      const entry = this.entry(record);
      if (entry.kind === "expire") horizonMs = Math.max(horizonMs, entry.horizonMs);
      if (entry.kind !== "grant") continue;
      const { producer, incarnation, request, window, lo, hi, units } = entry;
      const holder = producerKey(producer, incarnation);
      const name = `${holder} ${request}`;
      if (leases.has(name)) continue;
      leases.set(name, { holder, request, window, lo, hi, units, spent: undefined });
    }
    for (const { producer, leases: ended } of this.counted(records)) {
      for (const { incarnation, request, spent, window, lo, hi } of ended) {
        const holder = producerKey(producer, incarnation);
        const name = `${holder} ${request}`;
        const lease = leases.get(name);
        // What a restored hub has forgotten that it lent is used up all the same.
        if (lease === undefined) {
          leases.set(name, {
            holder,
            request,
            window,
            lo,
            hi,
            units: spent,
            spent,
            isForgotten: true,
          });
        } else lease.spent ??= spent;
      }
    }
    for (const [name, { window }] of leases) {
      const endMs = parseWindowId(window)?.endMs;
      if (endMs !== undefined && endMs <= horizonMs) leases.delete(name);
    }
    return leases;
  }

  /** All that some records grant, repeats too. */
  grants(records: readonly StreamRecord[]): ModelGrant[] {
    return records.flatMap((record) => {
      const entry = this.entry(record);
      if (entry.kind !== "grant") return [];
      const { producer, incarnation, request, window, lo, hi, units } = entry;
      return [{ holder: producerKey(producer, incarnation), request, window, lo, hi, units }];
    });
  }

  /** Is the batch `producer/incarnation/seq` in a stream? Of each stream only what is new is read. */
  hasBatch(records: readonly StreamRecord[], name: string): boolean {
    this.readBatches(records);
    return this.#batches.has(name);
  }

  readBatches(records: readonly StreamRecord[]): void {
    for (let i = records.length - 1; i >= 0; i--) {
      const record = records[i] as StreamRecord;
      if (record.position <= this.#batchesUpTo) break;
      const entry = this.entry(record);
      if (entry.kind !== "batch") continue;
      const { producer, incarnation, seq } = entry.batch;
      this.#batches.add(`${producer}/${incarnation}/${seq}`);
    }
    this.#batchesUpTo = records.at(-1)?.position ?? this.#batchesUpTo;
  }

  entry(record: StreamRecord): StreamEntry {
    let entry = decoded.get(record);
    if (entry === undefined) {
      entry = decodeStreamRecord(record.bytes);
      decoded.set(record, entry);
    }
    return entry;
  }
}

/** The first key of which two sums differ. */
export function difference(
  a: ReadonlyMap<string, number>,
  b: ReadonlyMap<string, number>,
): string | undefined {
  for (const key of [...a.keys(), ...b.keys()]) {
    const [here = 0, there = 0] = [a.get(key), b.get(key)];
    if (here !== there)
      return `${key === "" ? "callers without a key" : key}: ${here} and ${there}`;
  }
  return undefined;
}
