/**
 * Writes checkpoints 1, 2, 3… into a ledger through its thread: `node ledger-writer.ts FILE OPERATIONS`. After checkpoint n every counter
 * holds n units, every row n calls, and every lease's book says n.
 */

import { openLedgerStore } from "../../../src/adapters/sqlite/ledger-store.ts";
import { ledgerDelta } from "./hub-content.ts";

const [file = "", operations] = process.argv.slice(2);
const ledger = await openLedgerStore(file);

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

for (let n = 1; n <= Number(operations); n++) {
  say(`giving ${n}`);
  await ledger.checkpoint(ledgerDelta(n));
  say(`durable ${n}`);
  say(`naming ${n}`);
  await ledger.setMeta("n", String(n));
  say(`named ${n}`);
}
await ledger.close();
