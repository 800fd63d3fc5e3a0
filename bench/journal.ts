/**
 * What the journal costs on the path of a call: `node bench/journal.ts`, main thread and journal thread on one core.
 *
 * *round trip*: append a group, wait until it is stored, again: what a lone group of callers waits. *throughput*: groups
 * appended turn by turn, as many as the ring takes. Both in microseconds per record, median of rounds.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJournal } from "../src/adapters/sqlite/journal.ts";
import type { Journal } from "../src/ports/journal.ts";

const recordBytes = 48;
const groupSizes = [1, 8, 64];
const rounds = 5;
/** What a gateway does beside charges. */
const sealIntervalMs = 50;
const sealBytes = 16 * 1024;

const pinned = "TALLYGATE_BENCH_PINNED";
if (process.env[pinned] === undefined) {
  execFileSync("taskset", ["-c", "0", process.execPath, ...process.argv.slice(1)], {
    stdio: "inherit",
    env: { ...process.env, [pinned]: "1" },
  });
} else await main();

async function main(): Promise<void> {
  console.log("mode  group  round trip: us/group  us/record   throughput: us/record");
  for (const durability of ["os", "disk"] as const) {
    for (const size of groupSizes) {
      const folder = mkdtempSync(join(tmpdir(), "tallygate-bench-"));
      const file = join(folder, "journal.db");
      const journal = await openJournal({ file, durability, sizeMaxBytes: 1e9 });
      const groups = durability === "os" ? 4000 : 500;
      const stopSeals = keepSealing(journal);
      await roundTrips(journal, size, groups);
      const trips: number[] = [];
      const through: number[] = [];
      for (let round = 0; round < rounds; round++) {
        trips.push((await roundTrips(journal, size, groups)) / groups);
        through.push((await throughput(journal, size, groups)) / groups / size);
      }
      await stopSeals();
      await journal.close();
      rmSync(folder, { recursive: true });
      const trip = median(trips) * 1000;
      console.log(
        durability.padEnd(5),
        String(size).padStart(5),
        trip.toFixed(1).padStart(21),
        (trip / size).toFixed(2).padStart(10),
        (median(through) * 1000).toFixed(2).padStart(23),
      );
    }
  }
}

/** Milliseconds that `groups` groups take, each appended when the one before it is stored. */
function roundTrips(journal: Journal, size: number, groups: number): Promise<number> {
  const record = new Uint8Array(recordBytes);
  return new Promise((resolve) => {
    const startMs = performance.now();
    let left = groups;
    let last = 0;
    const next = (): void => {
      for (let i = 0; i < size; i++) last = journal.append(record, recordBytes);
    };
    journal.onStored((position) => {
      if (position < last) return;
      if (--left === 0) resolve(performance.now() - startMs);
      else next();
    });
    next();
  });
}

/** Milliseconds until `groups` groups are stored, one appended in each turn of the event loop. */
function throughput(journal: Journal, size: number, groups: number): Promise<number> {
  const record = new Uint8Array(recordBytes);
  return new Promise((resolve) => {
    const startMs = performance.now();
    let left = groups;
    let last = 0;
    const turn = (): void => {
      if (left === 0) return;
      if (journal.accepts()) {
        for (let i = 0; i < size; i++) last = journal.append(record, recordBytes) || last;
        left--;
      }
      setImmediate(turn);
    };
    journal.onStored((position) => {
      if (left === 0 && position >= last) resolve(performance.now() - startMs);
    });
    turn();
  });
}

function keepSealing(journal: Journal): () => Promise<void> {
  let seq = 0;
  let sealing = Promise.resolve();
  const timer = setInterval(() => {
    sealing = sealing.then(async () => {
      await journal.seal(++seq, new Uint8Array(sealBytes));
      await journal.trim(journal.incarnation, seq - 1);
    });
  }, sealIntervalMs);
  return async () => {
    clearInterval(timer);
    await sealing;
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
