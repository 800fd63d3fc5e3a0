/** Leases in the ledger: the book of each counter, and which limits are strict since when. */

import type { DatabaseSync } from "node:sqlite";
import { TallygateError } from "../../base/errors.ts";
import type { WindowId } from "../../base/words.ts";
import type { FoldCheckpoint, LedgerLeases } from "../../ports/ledger-store.ts";
import { rowCrc } from "./row-crc.ts";
import { Statements } from "./statements.ts";

type StrictRows = Pick<FoldCheckpoint, "fenceMs" | "strictSince">;

/** The row that holds `fenceMs`: limits are named `plan/limit`. */
const fenceName = "";

export class LeaseRows {
  readonly #db: DatabaseSync;
  readonly #statements: Statements;
  readonly #file: string;

  constructor(db: DatabaseSync, file: string) {
    this.#db = db;
    this.#statements = new Statements(db);
    this.#file = file;
  }

  /** Fails with `data-damaged`: what is granted and forgotten would be granted again. */
  read(): LedgerLeases[] {
    const rows = this.#db.prepare("SELECT window, lo, hi, book, crc FROM leases").all();
    return rows.map((row) => {
      const [window, book] = [String(row["window"]), String(row["book"])];
      const [lo, hi] = [Number(row["lo"]), Number(row["hi"])];
      this.#check(row["crc"] === rowCrc(window, lo, hi, book));
      return { window, lo, hi, book };
    });
  }

  readStrict(): StrictRows {
    let fenceMs = 0;
    const strictSince: [string, number][] = [];
    for (const row of this.#db
      .prepare("SELECT name, since_ms, crc FROM strict ORDER BY name")
      .all()) {
      const [name, sinceMs] = [String(row["name"]), Number(row["since_ms"])];
      this.#check(row["crc"] === rowCrc(name, sinceMs));
      if (name === fenceName) fenceMs = sinceMs;
      else strictSince.push([name, sinceMs]);
    }
    return { fenceMs, strictSince };
  }

  #check(intact: boolean): void {
    if (intact) return;
    throw new TallygateError(
      "data-damaged",
      `The leases in ${this.#file} are damaged: rebuild the ledger with replay, or restore a backup.`,
    );
  }

  /** Within the caller's transaction. */
  put(leases: readonly LedgerLeases[], dropped: readonly WindowId[]): void {
    const put = this.#statements.get("INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?)");
    for (const { window, lo, hi, book } of leases) {
      put.run(window, lo, hi, book, rowCrc(window, lo, hi, book));
    }
    const drop = this.#statements.get("DELETE FROM leases WHERE window = ?");
    for (const window of dropped) drop.run(window);
  }

  /** Within the caller's transaction. */
  putStrict({ fenceMs, strictSince }: StrictRows): void {
    this.#db.exec("DELETE FROM strict");
    const put = this.#statements.get("INSERT INTO strict VALUES (?, ?, ?)");
    for (const [name, sinceMs] of [[fenceName, fenceMs] as const, ...strictSince]) {
      put.run(name, sinceMs, rowCrc(name, sinceMs));
    }
  }
}
