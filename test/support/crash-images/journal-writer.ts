/**
 * Writes a journal in one thread, checkpointing often, and says what it gave and what was acknowledged:
 * `node journal-writer.ts FILE DURABILITY SEED OPERATIONS`. Records are the numbers 1, 2, 3… as four bytes, a batch is its records
 * and their CRC-32; leases 1, 2, 3… are marked and closed. With durability `os` the log is synced from outside, as `LogSync` does, some
 * operations later; some of these syncs are taken for failed.
 */

import { closeSync, fdatasyncSync, openSync } from "node:fs";
import { JournalDatabase } from "../../../src/adapters/sqlite/journal-database.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { incarnationOfWriter, numbersBatch, numbersGroup } from "./journal-content.ts";

const [file = "", mode, seed, operations] = process.argv.slice(2);
const durability = mode === "disk" ? "disk" : "os";
const random = seededRandom(Number(seed));
const incarnation = incarnationOfWriter;
/** Log pages of a checkpoint: some dozen operations. */
const checkpointPages = 32;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const database = new JournalDatabase(file, { durability, incarnation, checkpointPages });
let number = 0;
let open: number[] = [];
let seq = 0;
let request = 0;
const marked = new Map<number, number>();
const log = openSync(`${file}-wal`, "r");
/** What is said when sealed batches are on disk. */
let unsynced: string[] = [];
const window = "day/2026-11-21T00:00:00Z";

function store(): void {
  const numbers = Array.from({ length: 1 + random.below(40) }, () => ++number);
  say(`giving ${number}`);
  database.storeOpen(numbersGroup(numbers));
  open.push(...numbers);
  say(`stored ${number}`);
}

function seal(): void {
  const closed = [...marked.keys()].filter(() => random.next() < 0.4);
  seq++;
  say(`sealing ${seq} ${number} ${closed.join(",")}`);
  const closes = closed.map((lease) => ({ incarnation, request: lease }));
  const seals = [{ incarnation: database.current, seq, bytes: numbersBatch(open), closed: closes }];
  database.storeSeals(seals, undefined);
  for (const lease of closed) marked.delete(lease);
  open = [];
  unsynced.push(`sealed ${seq} ${number} ${closed.join(",")}`);
  if (durability === "disk") saySealed();
}

function syncLog(): void {
  if (random.next() < 0.8) fdatasyncSync(log);
  else database.checkpoint();
  saySealed();
}

function saySealed(): void {
  unsynced.forEach(say);
  unsynced = [];
}

function mark(): void {
  const lease = marked.size > 0 && random.next() < 0.5 ? ([...marked.keys()][0] ?? 0) : ++request;
  const to = (marked.get(lease) ?? 0) + 1 + random.below(100);
  say(`marking ${lease} ${to}`);
  database.storeMarks([{ incarnation, request: lease, window, lo: lease, hi: 7, mark: to }]);
  marked.set(lease, to);
  say(`marked ${lease} ${to}`);
}

for (let i = 0; i < Number(operations); i++) {
  const kind = random.next();
  if (kind < 0.6) store();
  else if (kind < 0.8 && open.length > 0) seal();
  else mark();
  if (unsynced.length > 0 && random.next() < 0.4) syncLog();
}
database.close();
closeSync(log);
