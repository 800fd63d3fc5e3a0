/** The ledger's thread: gathers the pieces of a checkpoint and writes them in one transaction. */

import { TallygateError } from "../../base/errors.ts";
import { copyDatabase } from "./backup.ts";
import { openDatabase, transaction } from "./database.ts";
import { FoldRows } from "./ledger-fold.ts";
import { LeaseRows } from "./ledger-leases.ts";
import type { LedgerApi, LedgerStart, RowsPiece, TotalsPiece } from "./ledger-protocol.ts";
import { ledgerSpec } from "./ledger-schema.ts";
import { LedgerTotals } from "./ledger-totals.ts";
import { UsageRows } from "./ledger-usage.ts";
import { rowCrc } from "./row-crc.ts";
import { type Handlers, serveThread } from "./thread-server.ts";
import { checkUsage } from "./usage-check.ts";
import { UsageSums } from "./usage-sums.ts";
import { IdleSweeper, WindowRows } from "./window-rows.ts";

serveThread<LedgerApi, LedgerStart, undefined>(open, ({ file }) => ({
  file,
  failed: "ledger-failed",
}));

function open({ file }: LedgerStart): { handlers: Handlers<LedgerApi>; ready: undefined } {
  const db = openDatabase(ledgerSpec(file));
  const windows = new WindowRows(db);
  const totals = new LedgerTotals(db, windows);
  const usage = new UsageRows(db);
  const sums = new UsageSums(db);
  const fold = new FoldRows(db, file);
  const leases = new LeaseRows(db, file);
  const getMeta = db.prepare("SELECT value, crc FROM meta WHERE name = ?");
  const setMeta = db.prepare("INSERT OR REPLACE INTO meta (name, value, crc) VALUES (?, ?, ?)");
  const sweeper = new IdleSweeper(() => windows.sweepSome());
  sweeper.wake();
  let pieces: { totals: TotalsPiece[]; rows: RowsPiece[] } = { totals: [], rows: [] };

  const handlers: Handlers<LedgerApi> = {
    load({ withSubjects }, { emit }) {
      const state = fold.read();
      if (state === undefined) return undefined;
      const books = leases.read();
      const damaged = totals.read({ withSubjects, emit });
      return { fold: { ...state, ...leases.readStrict() }, leases: books, damaged };
    },
    begin() {
      pieces = { totals: [], rows: [] };
    },
    totals(piece) {
      pieces.totals.push(piece);
    },
    rows(piece) {
      pieces.rows.push(piece);
    },
    commit(end) {
      const taken = pieces;
      pieces = { totals: [], rows: [] };
      try {
        transaction(db, () => {
          totals.put(taken.totals);
          windows.drop(end.dropped);
          for (const piece of taken.rows) {
            usage.addRows(piece);
            sums.add(piece);
          }
          sums.write();
          usage.addObservations(end.observations);
          leases.put(end.leases, end.dropped);
          leases.putStrict(end.fold);
          fold.write(end.fold);
        });
      } catch (error) {
        sums.forget();
        windows.reload();
        throw error;
      }
      sweeper.wake();
    },
    subjectOf: ({ window, lo, hi }) => totals.subjectOf(window, lo, hi),
    checkUsage: ({ limit }) => checkUsage(db, limit),
    getMeta({ name }) {
      const row = getMeta.get(name);
      if (row === undefined) return undefined;
      const value = String(row["value"]);
      if (row["crc"] === rowCrc(name, value)) return value;
      throw new TallygateError("data-damaged", `The value ${name} in ${file} is damaged.`);
    },
    setMeta({ name, value }) {
      setMeta.run(name, value, rowCrc(name, value));
    },
    copyTo({ file: copy }) {
      copyDatabase(db, copy);
    },
    close() {
      sweeper.stop();
      db.close();
    },
  };
  return { handlers, ready: undefined };
}
