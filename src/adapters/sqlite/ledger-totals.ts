/** The ledger's totals: rows in SQL, columns outside. */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { WindowId } from "../../base/words.ts";
import type { DamagedTotal, LedgerColumns } from "../../ports/ledger-store.ts";
import type { TotalsPiece } from "./ledger-protocol.ts";
import { counterCrc, rowCrc, type StoredCounter } from "./row-crc.ts";
import { sortedByFingerprint, sortedColumnsMax } from "./sorted-columns.ts";
import type { WindowRows } from "./window-rows.ts";

/** Counters delivered at once: 1.5 MiB of columns. */
const partCounters = 65_536;
/** Damaged totals listed, at most; all are delivered. */
const damagedMax = 1000;

type Emit = (part: LedgerColumns, transfer: readonly ArrayBuffer[]) => void;
type Row = [
  lo: number,
  hi: number,
  charged: number,
  refunded: number,
  crc: number,
  subject?: string,
  subjectCrc?: number,
];

export class LedgerTotals {
  readonly #db: DatabaseSync;
  readonly #windows: WindowRows;
  readonly #update: StatementSync;
  readonly #put: StatementSync;
  readonly #subject: StatementSync;

  constructor(db: DatabaseSync, windows: WindowRows) {
    this.#db = db;
    this.#windows = windows;
    this.#update = db.prepare(`UPDATE totals SET charged = ?4, refunded = ?5, crc = ?6
      WHERE window = ?1 AND fingerprint = (?3 << 32) | ?2`);
    this.#put = db.prepare(`INSERT INTO totals
      (window, fingerprint, charged, refunded, crc, subject, subject_crc)
      VALUES (?1, (?3 << 32) | ?2, ?4, ?5, ?6, ?7, ?8)
      ON CONFLICT (window, fingerprint) DO UPDATE SET charged = excluded.charged, refunded = excluded.refunded,
        crc = excluded.crc, subject = excluded.subject, subject_crc = excluded.subject_crc`);
    this.#subject = db.prepare(
      "SELECT subject FROM totals WHERE window = ?1 AND fingerprint = (?3 << 32) | ?2",
    );
  }

  /** Within the caller's transaction. */
  put(pieces: readonly TotalsPiece[]): void {
    const byWindow = Map.groupBy(pieces, ({ window }) => window);
    for (const [window, ofWindow] of byWindow) {
      const id = this.#windows.idOf(window);
      for (const group of groupsOf(ofWindow)) this.#putJoined(id, join(group));
    }
  }

  #putJoined(window: number, { lo, hi, charged, refunded, subject }: Joined): void {
    const counter: StoredCounter = { window, lo: 0, hi: 0, first: 0, second: 0 };
    for (const i of sortedByFingerprint(hi)) {
      counter.lo = lo[i] as number;
      counter.hi = hi[i] as number;
      counter.first = charged[i] as number;
      counter.second = refunded[i] as number;
      this.#putOne(counter, subject.get(i));
    }
  }

  #putOne(counter: StoredCounter, subject: string | undefined): void {
    const { window, lo, hi, first, second } = counter;
    const crc = counterCrc(counter);
    if (subject === undefined) {
      const { changes } = this.#update.run(window, lo, hi, first, second, crc);
      if (changes !== 0) return;
    }
    const text = subject ?? "";
    this.#put.run(window, lo, hi, first, second, crc, text, rowCrc(text));
  }

  subjectOf(window: WindowId, lo: number, hi: number): string | undefined {
    const id = this.#windows.ids.get(window);
    if (id === undefined) return undefined;
    const row = this.#subject.get(id, lo, hi);
    return row === undefined ? undefined : String(row["subject"]);
  }

  /** Emits every total of every live window; returns the damaged. */
  read({ withSubjects, emit }: { withSubjects: boolean; emit: Emit }): DamagedTotal[] {
    const statement =
      this.#db.prepare(`SELECT fingerprint & 4294967295, (fingerprint >> 32) & 4294967295,
      charged, refunded, crc ${withSubjects ? ", subject, subject_crc" : ""} FROM totals WHERE window = ?`);
    statement.setReturnArrays(true);
    const damaged: DamagedTotal[] = [];
    for (const [window, id] of this.#windows.ids) {
      const rows = statement.iterate(id) as Iterable<unknown> as Iterable<Row>;
      const part = new Part(window, id, emit);
      for (const row of rows) {
        if (part.take(row) || damaged.length >= damagedMax) continue;
        damaged.push({ window, subject: this.subjectOf(window, row[0], row[1]) ?? "" });
      }
      part.flush();
    }
    return damaged;
  }
}

/** Columns being filled. */
class Part {
  readonly #window: WindowId;
  readonly #counter: StoredCounter;
  readonly #emit: Emit;
  #lo = new Uint32Array(partCounters);
  #hi = new Uint32Array(partCounters);
  #charged = new Float64Array(partCounters);
  #refunded = new Float64Array(partCounters);
  #subject: string[] = [];
  #count = 0;

  constructor(window: WindowId, id: number, emit: Emit) {
    this.#window = window;
    this.#counter = { window: id, lo: 0, hi: 0, first: 0, second: 0 };
    this.#emit = emit;
  }

  /** Whether the row is intact. */
  take(row: Row): boolean {
    const at = this.#count;
    const counter = this.#counter;
    counter.lo = this.#lo[at] = row[0];
    counter.hi = this.#hi[at] = row[1];
    counter.first = this.#charged[at] = row[2];
    counter.second = this.#refunded[at] = row[3];
    const subject = row[5] ?? "";
    if (subject !== "") this.#subject[at] = subject;
    if (++this.#count === partCounters) this.flush();
    const subjectIntact = row[6] === undefined || rowCrc(subject) === row[6];
    return counterCrc(counter) === row[4] && subjectIntact;
  }

  flush(): void {
    const count = this.#count;
    if (count === 0) return;
    const lo = this.#lo.slice(0, count);
    const hi = this.#hi.slice(0, count);
    const charged = this.#charged.slice(0, count);
    const refunded = this.#refunded.slice(0, count);
    const subject = Array.from({ length: count }, (_, i) => this.#subject[i] ?? "");
    const transfer = [lo.buffer, hi.buffer, charged.buffer, refunded.buffer];
    this.#emit({ window: this.#window, lo, hi, charged, refunded, subject }, transfer);
    this.#subject = [];
    this.#count = 0;
  }
}

interface Joined {
  readonly lo: Uint32Array;
  readonly hi: Uint32Array;
  readonly charged: Float64Array;
  readonly refunded: Float64Array;
  readonly subject: ReadonlyMap<number, string>;
}

/** Pieces in groups that can be sorted at once. */
function* groupsOf(pieces: readonly TotalsPiece[]): Generator<TotalsPiece[]> {
  let group: TotalsPiece[] = [];
  let count = 0;
  for (const piece of pieces) {
    if (group.length > 0 && count + piece.lo.length > sortedColumnsMax) {
      yield group;
      group = [];
      count = 0;
    }
    group.push(piece);
    count += piece.lo.length;
  }
  yield group;
}

function join(pieces: readonly TotalsPiece[]): Joined {
  const count = pieces.reduce((sum, { lo }) => sum + lo.length, 0);
  const lo = new Uint32Array(count);
  const hi = new Uint32Array(count);
  const charged = new Float64Array(count);
  const refunded = new Float64Array(count);
  const subject = new Map<number, string>();
  let at = 0;
  for (const piece of pieces) {
    lo.set(piece.lo, at);
    hi.set(piece.hi, at);
    charged.set(piece.charged, at);
    refunded.set(piece.refunded, at);
    for (const [i, text] of piece.subjects.entries())
      subject.set(at + (piece.named[i] as number), text);
    at += piece.lo.length;
  }
  return { lo, hi, charged, refunded, subject };
}
