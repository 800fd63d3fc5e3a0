/**
 * Sums of usage rows by one dimension and hour, day or month: what most reports are made of, since the rows behind a month
 * are too many to be read for a page. They are written in the transaction of the rows that they sum, and `verify` compares them
 * with the rows; for that they need no CRC of their own.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { UsageDimension } from "../../ports/ledger-store.ts";
import { type RowsPiece, rowNumbers, rowTexts } from "./ledger-protocol.ts";
import { dayOf, monthOf } from "./usage-windows.ts";

/** Spans as they are stored. */
export const spans = { hour: 0, day: 1, month: 2 } as const;
export type Span = keyof typeof spans;

/** Dimensions as they are stored: places in the texts of a row. Never renumbered. */
export const dimensionNumbers: Readonly<Record<UsageDimension, number>> = {
  region: 0,
  route: 1,
  plan: 2,
  owner: 3,
  key: 4,
  ip: 5,
  referer: 6,
};

export const dimensionColumns: Readonly<Record<UsageDimension, string>> = {
  region: "region",
  route: "route",
  plan: "plan",
  owner: "owner",
  key: '"key"',
  ip: "address",
  referer: "referer",
};

/** Dimensions up to this number have few values, and sums by the hour too; of the others those would be as many as the rows. */
const hourDimensionMax = dimensionNumbers.plan;

export function hasHours(dimension: UsageDimension): boolean {
  return dimensionNumbers[dimension] <= hourDimensionMax;
}

/** A figure beyond this, which only a producer that makes figures up reaches, is stored as this. */
const figureMax = Number.MAX_SAFE_INTEGER;

export const sumsTable = `
  -- Sums of \`usage\` (see usage-sums.ts). span: 0 hour, 1 day, 2 month. dimension: 0 region, 1 route, 2 plan, 3 owner, 4 key, 5 address, 6 referer.
  CREATE TABLE sums (
    span INTEGER NOT NULL, dimension INTEGER NOT NULL, start INTEGER NOT NULL, value TEXT NOT NULL,
    calls INTEGER NOT NULL, units INTEGER NOT NULL, refunded_calls INTEGER NOT NULL, refunded_units INTEGER NOT NULL,
    PRIMARY KEY (span, dimension, start, value)
  ) STRICT, WITHOUT ROWID;
`;

/** Reports of one key or owner look at its rows only. Calls without either are many and take no room here. */
export const usageIndexes = `
  CREATE INDEX usage_by_key ON usage ("key", hour) WHERE "key" <> '';
  CREATE INDEX usage_by_owner ON usage (owner, hour) WHERE owner <> '';
`;

const figures = ["calls", "units", "refunded_calls", "refunded_units"] as const;
const cappedSums = figures.map((name) => `min(sum(${name}), ${figureMax})`).join(", ");

/** Makes the sums of rows that are there already. */
export const sumsFromRows = [
  ...Object.entries(dimensionNumbers).flatMap(([name, number]) => {
    const dimension = name as UsageDimension;
    const grouped = (span: Span, start: string): string =>
      `INSERT INTO sums SELECT ${spans[span]}, ${number}, ${start} AS start, ${dimensionColumns[dimension]} AS value, ${cappedSums}
        FROM usage GROUP BY 3, 4;`;
    const days = grouped("day", "hour - hour % 86400");
    return hasHours(dimension) ? [grouped("hour", "hour"), days] : [days];
  }),
  `INSERT INTO sums SELECT ${spans.month}, dimension, unixepoch(start, 'unixepoch', 'start of month') AS start, value, ${cappedSums}
    FROM sums WHERE span = ${spans.day} GROUP BY dimension, 3, value;`,
].join("\n");

type Figures = [calls: number, units: number, refundedCalls: number, refundedUnits: number];
/** By value. */
type Sums = Map<string, Figures>;

/** Gathers the sums of one checkpoint, so that a counter that many rows touch is written once. */
export class UsageSums {
  readonly #put: StatementSync;
  /** By span, dimension and start, written as one text. */
  #gathered = new Map<string, Sums>();

  constructor(db: DatabaseSync) {
    const added = figures.map((name) => `${name} = min(${name} + excluded.${name}, ${figureMax})`);
    this.#put = db.prepare(
      `INSERT INTO sums VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET ${added.join(", ")}`,
    );
  }

  add({ texts, keys, numbers }: RowsPiece): void {
    for (let row = 0; row * rowNumbers < numbers.length; row++) {
      const [hour = 0, ...added] = numbers.subarray(row * rowNumbers, (row + 1) * rowNumbers);
      const starts = [hour, dayOf(hour), monthOf(hour)];
      for (let dimension = 0; dimension < rowTexts; dimension++) {
        const value = texts[keys[row * rowTexts + dimension] as number] as string;
        for (let span = dimension > hourDimensionMax ? spans.day : spans.hour; span < 3; span++) {
          addTo(this.#sums(span, dimension, starts[span] as number), value, added as Figures);
        }
      }
    }
  }

  #sums(span: number, dimension: number, start: number): Sums {
    const name = `${span} ${dimension} ${start}`;
    let sums = this.#gathered.get(name);
    if (sums === undefined) {
      sums = new Map();
      this.#gathered.set(name, sums);
    }
    return sums;
  }

  /** Within the transaction of the rows. */
  write(): void {
    const gathered = this.#gathered;
    this.#gathered = new Map();
    for (const [name, sums] of gathered) {
      const [span = 0, dimension = 0, start = 0] = name.split(" ").map(Number);
      for (const [value, [calls, units, refundedCalls, refundedUnits]] of sums) {
        this.#put.run(span, dimension, start, value, calls, units, refundedCalls, refundedUnits);
      }
    }
  }

  /** What was gathered for a transaction that was rolled back. */
  forget(): void {
    this.#gathered = new Map();
  }
}

function addTo(sums: Sums, value: string, added: Figures): void {
  const known = sums.get(value);
  if (known === undefined) {
    sums.set(value, [...added]);
    return;
  }
  for (let i = 0; i < known.length; i++) {
    known[i] = Math.min((known[i] as number) + (added[i] as number), figureMax);
  }
}
