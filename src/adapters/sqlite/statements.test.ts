import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { openDatabase, transaction } from "./database.ts";
import { JournalDatabase } from "./journal-database.ts";
import { FoldRows } from "./ledger-fold.ts";
import { LeaseRows } from "./ledger-leases.ts";
import { ledgerSpec } from "./ledger-schema.ts";
import { WindowRows } from "./window-rows.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tallygate-statements-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Statements prepared by `again`, which runs twice: what a first use prepares is kept. */
function preparedAgain(again: () => void): number {
  again();
  const { prepare } = DatabaseSync.prototype;
  let prepared = 0;
  DatabaseSync.prototype.prepare = function (sql: string) {
    prepared++;
    return prepare.call(this, sql);
  };
  try {
    again();
  } finally {
    DatabaseSync.prototype.prepare = prepare;
  }
  return prepared;
}

test("a journal prepares nothing anew, however often it seals, marks, reads and trims", () => {
  const file = join(folder, "journal.db");
  const journal = new JournalDatabase(file, { durability: "os", incarnation: "a" });
  let seq = 0;
  const prepared = preparedAgain(() => {
    const lease = { incarnation: "a", request: 1, window: "w", lo: 1, hi: 2, mark: 3 };
    journal.storeMarks([lease]);
    const bytes = new Uint8Array(100);
    const group = new Uint8Array(10);
    journal.storeSeals(
      [{ incarnation: journal.current, seq: ++seq, bytes, closed: [lease] }],
      group,
    );
    journal.read(journal.current, 1, 1_000);
    journal.trimSome(journal.current, seq);
  });
  journal.close();
  assert.equal(prepared, 0);
});

test("a ledger prepares nothing anew for fold, leases and windows of a checkpoint", () => {
  const db = openDatabase(ledgerSpec(join(folder, "ledger.db")));
  const fold = new FoldRows(db, "ledger.db");
  const leases = new LeaseRows(db, "ledger.db");
  const windows = new WindowRows(db);
  const producers = [
    { producer: "p/a", last: 3, parked: [{ seq: 5, bytes: new Uint8Array(9) }], lost: [] },
  ];
  const state = { fenceMs: 0, strictSince: [["plan/limit", 1] as const] };
  const prepared = preparedAgain(() => {
    transaction(db, () => {
      windows.idOf("month/2026-11-01T00:00:00Z");
      windows.drop(["month/2026-11-01T00:00:00Z"]);
      fold.write({ version: { epoch: 1, position: 2 }, horizonMs: 3, producers, ...state });
      leases.put([{ window: "w", lo: 1, hi: 2, book: "{}" }], ["w"]);
      leases.putStrict(state);
    });
    windows.sweepSome();
  });
  db.close();
  assert.equal(prepared, 0);
});

/** Bytes that each of many turns of `work` leaves in the heap, when only the young generation is collected. */
function leftByEach(work: () => void): number {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as NodeJS.GCFunction;
  const turns = 10_000;
  const heapAfterTurns = (): number => {
    for (let i = 0; i < turns; i++) work();
    // What lives through two is old.
    gc({ type: "minor" });
    gc({ type: "minor" });
    return process.memoryUsage().heapUsed;
  };
  // The first turns compile.
  heapAfterTurns();
  gc();
  const before = heapAfterTurns();
  return (heapAfterTurns() - before) / turns;
}

test("what a journal does with every seal leaves nothing to a full collection", () => {
  const file = join(folder, "journal.db");
  const journal = new JournalDatabase(file, { durability: "os", incarnation: "a" });
  journal.storeSeals(
    [{ incarnation: journal.current, seq: 1, bytes: new Uint8Array(100), closed: [] }],
    undefined,
  );
  const left = leftByEach(() => {
    journal.measure();
    journal.read(journal.current, 1, 1_000);
  });
  journal.close();
  assert.ok(left < 40, `${left} bytes`);
});
