/**
 * The windows of a store of counters: names and their row ids, and the slow death of the dropped. A
 * window may hold millions of rows, so dropping it marks it, and its rows go slice by slice.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { WindowId } from "../../base/words.ts";
import { transaction } from "./database.ts";
import { Statements } from "./statements.ts";

/** Rows of a dropped window deleted in one transaction: some ten milliseconds. */
export const sweepRowsMax = 10_000;

/** For the schema of every store that has `WindowRows`: `totals` has the columns `window` and `fingerprint` at least. */
export const windowTables = `
  CREATE TABLE windows (id INTEGER PRIMARY KEY, name TEXT NOT NULL, dropped INTEGER NOT NULL) STRICT;
  CREATE UNIQUE INDEX windows_by_name ON windows (name) WHERE dropped = 0;
`;

export class WindowRows {
  readonly #db: DatabaseSync;
  readonly #statements: Statements;
  readonly #ids = new Map<WindowId, number>();
  readonly #insert: StatementSync;
  readonly #sweep: StatementSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#statements = new Statements(db);
    this.#insert = db.prepare("INSERT INTO windows (name, dropped) VALUES (?, 0)");
    this.#sweep = db.prepare(`DELETE FROM totals WHERE window = ?1 AND fingerprint IN
      (SELECT fingerprint FROM totals WHERE window = ?1 LIMIT ${sweepRowsMax})`);
    this.reload();
  }

  /** Live windows by name. */
  get ids(): ReadonlyMap<WindowId, number> {
    return this.#ids;
  }

  /** After a transaction that was rolled back, what it named is forgotten. */
  reload(): void {
    this.#ids.clear();
    const rows = this.#db
      .prepare("SELECT id, name FROM windows WHERE dropped = 0 ORDER BY id")
      .all();
    for (const row of rows) this.#ids.set(String(row["name"]), Number(row["id"]));
  }

  /** The row id of a window, new ones included. Within the caller's transaction. */
  idOf(window: WindowId): number {
    const known = this.#ids.get(window);
    if (known !== undefined) return known;
    const id = Number(this.#insert.run(window).lastInsertRowid);
    this.#ids.set(window, id);
    return id;
  }

  /** Forgets windows at once; their rows go with `sweepSome`. Within the caller's transaction. */
  drop(windows: Iterable<WindowId>): void {
    const mark = this.#statements.get(
      "UPDATE windows SET dropped = 1 WHERE name = ? AND dropped = 0",
    );
    for (const window of [...windows]) {
      mark.run(window);
      this.#ids.delete(window);
    }
  }

  /** Deletes some rows of dropped windows, in a transaction of its own. True if more are left. */
  sweepSome(): boolean {
    const first = this.#statements.arrays("SELECT id FROM windows WHERE dropped = 1 LIMIT 1");
    const row = first.get() as unknown as [number] | undefined;
    if (row === undefined) return false;
    const [id] = row;
    transaction(this.#db, () => {
      const { changes } = this.#sweep.run(id);
      if (changes < sweepRowsMax) this.#statements.get("DELETE FROM windows WHERE id = ?").run(id);
    });
    return true;
  }
}

/** Calls `sweep` between the thread's requests until it has nothing left; a failure is left for the next time. */
export class IdleSweeper {
  readonly #sweep: () => boolean;
  #next: NodeJS.Immediate | undefined;

  constructor(sweep: () => boolean) {
    this.#sweep = sweep;
  }

  wake(): void {
    this.#next ??= setImmediate(() => this.#run());
  }

  #run(): void {
    this.#next = undefined;
    try {
      if (this.#sweep()) this.wake();
    } catch {
      // The rows are dropped already; the next checkpoint wakes the sweeper again.
    }
  }

  stop(): void {
    clearImmediate(this.#next);
  }
}
