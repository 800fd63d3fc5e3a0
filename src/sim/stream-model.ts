/** What a stream comes to, computed another way than the hub does: sets of batches, and sums over them. */

import type { Batch } from "../metering/batch-codec.ts";
import { decodeStreamRecord } from "../metering/stream-record.ts";
import type { StreamRecord } from "../ports/usage-stream.ts";

/** Calls by key id ("" for callers without), of the batches that count: each once, none behind one that is missing. */
export function callsByKey(records: readonly StreamRecord[]): Map<string, number> {
  const producers = new Map<string, Map<number, Batch>>();
  for (const { bytes } of records) {
    const entry = decodeStreamRecord(bytes);
    if (entry.kind !== "batch") continue;
    const { producer, incarnation, seq } = entry.batch;
    const name = `${producer}/${incarnation}`;
    let batches = producers.get(name);
    if (batches === undefined) {
      batches = new Map();
      producers.set(name, batches);
    }
    batches.set(seq, entry.batch);
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
