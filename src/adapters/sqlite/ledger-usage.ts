/** The ledger's usage rows and observations: sums that only grow. */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { LedgerObservation } from "../../ports/ledger-store.ts";
import { type RowsPiece, rowNumbers, rowTexts } from "./ledger-protocol.ts";
import { rowCrc } from "./row-crc.ts";

type Value = string | number;

const usageKey = ["hour", "region", "route", "plan", "owner", '"key"', "address", "referer"];
const usageSums = ["calls", "units", "refunded_calls", "refunded_units"];

export class UsageRows {
  readonly #usage: SumTable;
  readonly #observations: SumTable;

  constructor(db: DatabaseSync) {
    this.#usage = new SumTable(db, { table: "usage", key: usageKey, sums: usageSums });
    this.#observations = new SumTable(db, {
      table: "observations",
      key: ["hour", "region", "route", "plan", "outcome"],
      sums: ["calls", "bytes", "time_ms"],
    });
  }

  /** Within the caller's transaction. */
  addRows({ texts, keys, numbers }: RowsPiece): void {
    for (let row = 0; row * rowNumbers < numbers.length; row++) {
      const [hour = 0, ...sums] = numbers.subarray(row * rowNumbers, (row + 1) * rowNumbers);
      const key: Value[] = [hour];
      for (const index of keys.subarray(row * rowTexts, (row + 1) * rowTexts)) {
        key.push(texts[index] as string);
      }
      this.#usage.add(key, sums);
    }
  }

  /** Within the caller's transaction. */
  addObservations(observations: readonly LedgerObservation[]): void {
    for (const { hour, region, route, plan, outcome, calls, bytes, timeMs } of observations) {
      this.#observations.add([hour / 1000, region, route, plan, outcome], [calls, bytes, timeMs]);
    }
  }
}

/** A table whose rows are a key and sums that are added to. */
class SumTable {
  readonly #read: StatementSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;

  constructor(
    db: DatabaseSync,
    { table, key, sums }: { table: string; key: readonly string[]; sums: readonly string[] },
  ) {
    const where = key.map((column, i) => `${column} = ?${i + 1}`).join(" AND ");
    const columns = [...key, ...sums, "crc"];
    this.#read = db.prepare(`SELECT ${sums.join()}, crc FROM ${table} WHERE ${where}`);
    this.#read.setReturnArrays(true);
    this.#insert = db.prepare(
      `INSERT INTO ${table} (${columns.join()}) VALUES (${columns.map(() => "?").join()})`,
    );
    const set = [...sums, "crc"].map((column, i) => `${column} = ?${key.length + i + 1}`);
    this.#update = db.prepare(`UPDATE ${table} SET ${set.join()} WHERE ${where}`);
  }

  add(key: readonly Value[], added: readonly number[]): void {
    const row = this.#read.get(...key) as unknown as number[] | undefined;
    if (row === undefined) {
      this.#insert.run(...key, ...added, rowCrc(...key, ...added));
      return;
    }
    const stored = row.slice(0, -1);
    const sums = added.map((value, i) => (stored[i] as number) + value);
    // What was damaged stays so: a row whose CRC does not match must not become right by being added to.
    const damage = (row.at(-1) as number) ^ rowCrc(...key, ...stored);
    this.#update.run(...key, ...sums, (rowCrc(...key, ...sums) ^ damage) >>> 0);
  }
}
