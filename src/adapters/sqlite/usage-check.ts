/**
 * Whether usage rows are whole (each has a CRC) and their stored sums are what they come to. One pass over both, in the memory
 * of one number for each window and dimension: a sum of figures weighted by value is the same over rows as over their sums.
 * What differs is named by a second look at that window.
 */

import type { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import type { DamagedRow, UsageCheck, UsageDimension, WrongSum } from "../../ports/ledger-store.ts";
import { rowCrc } from "./row-crc.ts";
import { rowsAsArrays } from "./statements.ts";
import { dimensionColumns, dimensionNumbers, hasHours, type Span, spans } from "./usage-sums.ts";
import { dayOf, endOf, monthOf } from "./usage-windows.ts";

type Value = string | number;

const columns = ["hour", "region", "route", "plan", "owner", '"key"', "address", "referer"];
const sumColumns = ["calls", "units", "refunded_calls", "refunded_units"];
const crcPlace = columns.length + sumColumns.length;
const dimensions = Object.keys(dimensionNumbers) as UsageDimension[];
const spanNames = Object.keys(spans) as Span[];

/** Below 2^26: products of two residues are exact. Wrong sums pass unseen once in 2^51 times. */
const primes = [67_108_859, 67_108_837] as const;
/** What each of a row's figures counts for. */
const figureWeights = [1, 8_191, 131_071, 524_287] as const;
/** Weights of values that are kept, at most: those of regions, routes and plans come again with every row. */
const weightsKept = 100_000;

export function checkUsage(db: DatabaseSync, limit: number): UsageCheck {
  const digests = new WindowDigests();
  const damaged = readRows(db, digests, limit);
  readSums(db, digests);
  const wrongSums: WrongSum[] = [];
  for (const window of digests.unequal()) {
    if (wrongSums.length >= limit) break;
    wrongSums.push(...wrongIn(db, window, limit - wrongSums.length));
  }
  return { damaged, wrongSums };
}

interface WindowName {
  readonly span: Span;
  readonly dimension: UsageDimension;
  readonly start: number;
}

/** What rows come to less what sums come to, by window and dimension. */
class WindowDigests {
  readonly #digests = new Map<string, [number, number]>();
  #weights = new Map<string, number>();

  add(name: string, value: string, residues: readonly [number, number]): void {
    let digest = this.#digests.get(name);
    if (digest === undefined) {
      digest = [0, 0];
      this.#digests.set(name, digest);
    }
    const weight = this.#weightOf(value);
    for (const i of [0, 1] as const) {
      const prime = primes[i];
      digest[i] = (digest[i] + (((weight % prime) * residues[i]) % prime)) % prime;
    }
  }

  #weightOf(value: string): number {
    let weight = this.#weights.get(value);
    if (weight === undefined) {
      if (this.#weights.size >= weightsKept) this.#weights = new Map();
      // Never 0: what weighs nothing would not be missed.
      weight = crc32(value) + 1;
      this.#weights.set(value, weight);
    }
    return weight;
  }

  *unequal(): Generator<WindowName> {
    for (const [name, [a, b]] of this.#digests) {
      if (a === 0 && b === 0) continue;
      const [span = 0, dimension = 0, start = 0] = name.split(" ").map(Number);
      yield {
        span: spanNames[span] as Span,
        dimension: dimensions[dimension] as UsageDimension,
        start,
      };
    }
  }
}

function nameOf(span: number, dimension: number, start: number): string {
  return `${span} ${dimension} ${start}`;
}

/** `sign`: 1 for rows, -1 for their sums. */
function residuesOf(figures: readonly number[], sign: 1 | -1): [number, number] {
  const [first, second] = primes.map((prime) => {
    let residue = 0;
    for (const [i, weight] of figureWeights.entries()) {
      residue = (residue + ((figures[i] as number) % prime) * weight) % prime;
    }
    return sign > 0 ? residue : (prime - residue) % prime;
  });
  return [first as number, second as number];
}

function readRows(db: DatabaseSync, digests: WindowDigests, limit: number): DamagedRow[] {
  const damaged: DamagedRow[] = [];
  const sql = `SELECT ${[...columns, ...sumColumns].join()}, crc FROM usage`;
  const names: string[][] = [];
  let hourOfNames = -1;
  for (const row of rowsAsArrays(db.prepare(sql)).iterate() as Iterable<unknown> as Iterable<
    Value[]
  >) {
    const hour = row[0] as number;
    if (hour !== hourOfNames) {
      hourOfNames = hour;
      const starts = [hour, dayOf(hour), monthOf(hour)];
      for (const [i, dimension] of dimensions.entries()) {
        const kept = hasHours(dimension) ? [0, 1, 2] : [1, 2];
        names[i] = kept.map((span) => nameOf(span, i, starts[span] as number));
      }
    }
    const figures = row.slice(columns.length, crcPlace) as number[];
    const residues = residuesOf(figures, 1);
    for (const [i, ofDimension] of names.entries()) {
      for (const name of ofDimension) digests.add(name, row[i + 1] as string, residues);
    }
    if (damaged.length >= limit) continue;
    if (rowCrc(...row.slice(0, crcPlace)) !== row[crcPlace]) damaged.push(damagedRow(row));
  }
  return damaged;
}

function damagedRow(row: readonly Value[]): DamagedRow {
  const [, region = "", route = "", plan = "", owner = "", key = "", address = "", referer = ""] =
    row.map(String);
  const hour = (row[0] as number) * 1000;
  return { hour, region, route, plan, owner, key, address, referer };
}

function readSums(db: DatabaseSync, digests: WindowDigests): void {
  const sql = `SELECT span, dimension, start, value, ${sumColumns.join()} FROM sums`;
  for (const row of rowsAsArrays(db.prepare(sql)).iterate() as Iterable<unknown> as Iterable<
    Value[]
  >) {
    const [span, dimension, start, value, ...figures] = row;
    const name = nameOf(span as number, dimension as number, start as number);
    digests.add(name, value as string, residuesOf(figures as number[], -1));
  }
}

/** The values of one window whose sum is not that of the rows. */
function wrongIn(db: DatabaseSync, window: WindowName, limit: number): WrongSum[] {
  const { span, dimension, start } = window;
  const zeros = sumColumns.map(() => 0).join();
  const stored = sumColumns.map((name) => `stored_${name}`);
  const names = [...sumColumns, ...stored].map((name) => `sum(${name}) AS ${name}`).join();
  const isOther = sumColumns.map((name, i) => `sum(${name}) <> sum(${stored[i]})`).join(" OR ");
  const sql = `WITH both (value, ${sumColumns.join()}, ${stored.join()}) AS (
      SELECT ${dimensionColumns[dimension]}, ${sumColumns.join()}, ${zeros} FROM usage WHERE hour >= ? AND hour < ?
      UNION ALL SELECT value, ${zeros}, ${sumColumns.join()} FROM sums WHERE span = ? AND dimension = ? AND start = ?
    ) SELECT value, ${names} FROM both GROUP BY value HAVING ${isOther} ORDER BY value LIMIT ?`;
  const end = endOf(start, span);
  const rows = db
    .prepare(sql)
    .all(start, end, spans[span], dimensionNumbers[dimension], start, limit);
  return rows.map((found) => {
    const isOfUnits = found["units"] !== found["stored_units"];
    return {
      ...{ dimension, length: span, start: start * 1000, value: String(found["value"]) },
      expected: Number(found[isOfUnits ? "units" : "calls"]),
      found: Number(found[isOfUnits ? "stored_units" : "stored_calls"]),
    };
  });
}
