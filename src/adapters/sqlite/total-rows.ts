/** The saved totals of a gateway's view: rows in SQL, columns outside. */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { WindowColumns } from "../../ports/gateway-store.ts";
import { counterCrc, type StoredCounter } from "./row-crc.ts";
import { sortedByFingerprint } from "./sorted-columns.ts";
import type { WindowRows } from "./window-rows.ts";

export const totalTables = `
  CREATE TABLE totals (
    window INTEGER NOT NULL, fingerprint INTEGER NOT NULL, total INTEGER NOT NULL, crc INTEGER NOT NULL,
    PRIMARY KEY (window, fingerprint)
  ) STRICT, WITHOUT ROWID;
`;

/** Counters delivered at once: 1 MiB of columns. */
const partCounters = 65_536;

export class TotalRows {
  readonly #windows: WindowRows;
  readonly #put: StatementSync;
  readonly #read: StatementSync;

  constructor(db: DatabaseSync, windows: WindowRows) {
    this.#windows = windows;
    this.#put = db.prepare(`INSERT INTO totals (window, fingerprint, total, crc)
      VALUES (?1, (?3 << 32) | ?2, ?4, ?5)
      ON CONFLICT (window, fingerprint) DO UPDATE SET total = excluded.total, crc = excluded.crc`);
    this.#read =
      db.prepare(`SELECT fingerprint & 4294967295, (fingerprint >> 32) & 4294967295, total, crc
      FROM totals WHERE window = ?`);
    this.#read.setReturnArrays(true);
  }

  /** Within the caller's transaction. */
  put({ window, lo, hi, total }: WindowColumns): void {
    const counter: StoredCounter = {
      window: this.#windows.idOf(window),
      lo: 0,
      hi: 0,
      first: 0,
      second: 0,
    };
    for (const i of sortedByFingerprint(hi)) {
      counter.lo = lo[i] as number;
      counter.hi = hi[i] as number;
      counter.first = total[i] as number;
      this.#put.run(counter.window, counter.lo, counter.hi, counter.first, counterCrc(counter));
    }
  }

  /** All totals, or undefined if one is damaged: nobody must count with a view that lacks one. */
  read(): WindowColumns[] | undefined {
    const parts: WindowColumns[] = [];
    for (const [window, id] of this.#windows.ids) {
      const counter: StoredCounter = { window: id, lo: 0, hi: 0, first: 0, second: 0 };
      let part = emptyPart(window);
      let count = 0;
      for (const row of this.#read.iterate(id) as Iterable<unknown> as Iterable<number[]>) {
        counter.lo = part.lo[count] = row[0] as number;
        counter.hi = part.hi[count] = row[1] as number;
        counter.first = part.total[count] = row[2] as number;
        if (counterCrc(counter) !== row[3]) return undefined;
        if (++count < partCounters) continue;
        parts.push(part);
        part = emptyPart(window);
        count = 0;
      }
      if (count > 0) parts.push(cut(part, count));
    }
    return parts;
  }
}

function emptyPart(window: string): WindowColumns {
  return {
    window,
    lo: new Uint32Array(partCounters),
    hi: new Uint32Array(partCounters),
    total: new Float64Array(partCounters),
  };
}

function cut({ window, lo, hi, total }: WindowColumns, count: number): WindowColumns {
  return { window, lo: lo.slice(0, count), hi: hi.slice(0, count), total: total.slice(0, count) };
}
