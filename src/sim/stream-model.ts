/** What a stream comes to, computed another way than the hub does: sets of batches, and sums over them. */

import { producerKey } from "../base/words.ts";
import type { Batch } from "../metering/batch-codec.ts";
import { decodeStreamRecord } from "../metering/stream-record.ts";
import type { StreamRecord } from "../ports/usage-stream.ts";

export class StreamModel {
  /** A record is decoded once: hubs that crash are checked against the whole stream each time. */
  readonly #decoded = new WeakMap<StreamRecord, Batch | "other">();

  /** Calls by key id ("" for callers without), of the batches that count: each once, none behind one that is missing. */
  callsByKey(records: readonly StreamRecord[]): Map<string, number> {
    const producers = new Map<string, Map<number, Batch>>();
    for (const record of records) {
      const batch = this.#batch(record);
      if (batch === "other") continue;
      const name = producerKey(batch.producer, batch.incarnation);
      let batches = producers.get(name);
      if (batches === undefined) {
        batches = new Map();
        producers.set(name, batches);
      }
      batches.set(batch.seq, batch);
    }
    const calls = new Map<string, number>();
    for (const batches of producers.values()) {
      for (let seq = 1; batches.has(seq); seq++) {
        for (const row of batches.get(seq)?.rows ?? []) {
          calls.set(row.key, (calls.get(row.key) ?? 0) + row.calls);
        }
      }
    }
    return calls;
  }

  #batch(record: StreamRecord): Batch | "other" {
    let batch = this.#decoded.get(record);
    if (batch === undefined) {
      const entry = decodeStreamRecord(record.bytes);
      batch = entry.kind === "batch" ? entry.batch : "other";
      this.#decoded.set(record, batch);
    }
    return batch;
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
