/**
 * A process that appends to a journal and seals until it is killed: `node journal-writer.ts FILE DURABILITY`. Records are the
 * numbers 1, 2, 3… as four bytes; a batch is its records and their CRC-32. Prints a line for everything acknowledged.
 */

import { crc32 } from "node:zlib";
import { openJournal } from "../journal.ts";

const [file = "", durability] = process.argv.slice(2);
const sealIntervalMs = 5;
const recordsOfTurn = 10;

const journal = await openJournal({
  file,
  durability: durability === "disk" ? "disk" : "os",
  sizeMaxBytes: 64 * 1024 * 1024,
});
process.stdout.write(`incarnation ${journal.incarnation}\n`);
journal.onStored((position) => void process.stdout.write(`stored ${position}\n`));
if (journal.remains) await journal.sealRemains(batch(journal.remains.groups));

const record = Buffer.alloc(4);
let open: Buffer[] = [];
let number = 0;
let seq = 0;

setInterval(() => {
  const last = number;
  const sealing = ++seq;
  const bytes = batch(open);
  open = [];
  void journal.seal(sealing, bytes).then(() => process.stdout.write(`sealed ${last}\n`));
}, sealIntervalMs);

function turn(): void {
  for (let i = 0; i < recordsOfTurn; i++) {
    record.writeUInt32LE(++number);
    if (journal.append(record, record.length) === 0) throw new Error("refused");
    open.push(Buffer.from(record));
  }
  setTimeout(turn, 0);
}
turn();

function batch(groups: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(groups);
  const crc = Buffer.alloc(4);
  crc.writeUInt32LE(crc32(content));
  return Buffer.concat([content, crc]);
}
