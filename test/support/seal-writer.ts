/**
 * A journal with durability `os` in a process of its own: seals a batch every half second and appends a record every few
 * milliseconds, until it is killed. Prints what comes of it: `state failing`, `sealed 81`, `readable`, `stored 1 0.4` (ms since the record was appended).
 *
 * `node seal-writer.ts FILE`
 */

import { crc32 } from "node:zlib";
import { openJournal } from "../../src/adapters/sqlite/journal.ts";

const appendEveryMs = 5;
const sealEveryMs = 500;

const [file = ""] = process.argv.slice(2);
const journal = await openJournal({ file, durability: "os", sizeMaxBytes: 1e9 });
const appendedMs: number[] = [];
let stored = 0;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

journal.onState((state) => say(`state ${state}`));
journal.onStored((position) => {
  for (; stored < position; stored++) {
    say(`stored ${stored + 1} ${(performance.now() - (appendedMs[stored] ?? 0)).toFixed(1)}`);
  }
});
const batch = Buffer.alloc(1_000);
batch.writeUInt32LE(crc32(batch.subarray(0, -4)), 996);
let seq = 0;

function seal(): void {
  const startMs = performance.now();
  void journal
    .seal(++seq, batch)
    .then(() => say(`sealed ${Math.round(performance.now() - startMs)}`));
}

async function look(): Promise<void> {
  const { batches } = await journal.read(journal.incarnation, { from: 1, bytesMax: 1_000 });
  if (batches.length > 0) say("readable");
}

seal();
setInterval(seal, sealEveryMs);
setInterval(() => {
  void look();
  if (!journal.accepts()) return;
  appendedMs.push(performance.now());
  journal.append(new Uint8Array(48), 48);
}, appendEveryMs);
