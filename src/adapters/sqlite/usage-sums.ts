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

/** By value, what is to be added to the sums of one dimension and window. */
type Added = Map<string, Figures>;
/** By start. */
type Windows = Map<number, Added>;

/** Gathers the sums of one checkpoint, so that one that many rows touch is written once. */
export class UsageSums {
  readonly #put: StatementSync;
  /** By dimension, in its shortest windows: hours or days. */
  #gathered: readonly Windows[] = noWindows();
  /** Of the hour that rows were added to last, by dimension. */
  #ofHour: readonly Added[] = [];
  #hour = -1;

  constructor(db: DatabaseSync) {
    const added = figures.map((name) => `${name} = min(${name} + excluded.${name}, ${figureMax})`);
    this.#put = db.prepare(
      `INSERT INTO sums VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET ${added.join(", ")}`,
    );
  }

  add({ texts, keys, numbers }: RowsPiece): void {
    for (let row = 0; row * rowNumbers < numbers.length; row++) {
      const [hour, ...added] = numbers.subarray(row * rowNumbers, (row + 1) * rowNumbers);
      this.#toHour(hour as number);
      for (let dimension = 0; dimension < rowTexts; dimension++) {
        const value = texts[keys[row * rowTexts + dimension] as number] as string;
        addTo(this.#ofHour[dimension] as Added, value, added as Figures);
      }
    }
  }

  #toHour(hour: number): void {
    if (hour === this.#hour) return;
    this.#hour = hour;
    this.#ofHour = this.#gathered.map((windows, dimension) =>
      addedIn(windows, dimension > hourDimensionMax ? dayOf(hour) : hour),
    );
  }

  /** Within the transaction of the rows. */
  write(): void {
    const gathered = this.#gathered;
    this.forget();
    for (const [dimension, shortest] of gathered.entries()) {
      let days = shortest;
      if (dimension <= hourDimensionMax) {
        this.#putAll(spans.hour, dimension, shortest);
        days = rolledUp(shortest, dayOf);
      }
      this.#putAll(spans.day, dimension, days);
      this.#putAll(spans.month, dimension, rolledUp(days, monthOf));
    }
  }

  #putAll(span: number, dimension: number, windows: Windows): void {
    for (const [start, added] of windows) {
      for (const [value, [calls, units, refundedCalls, refundedUnits]] of added) {
        this.#put.run(span, dimension, start, value, calls, units, refundedCalls, refundedUnits);
      }
    }
  }

  /** What was gathered for a transaction that was rolled back. */
  forget(): void {
    this.#gathered = noWindows();
    this.#ofHour = [];
    this.#hour = -1;
  }
}

function noWindows(): Windows[] {
  return Array.from({ length: rowTexts }, () => new Map());
}

function addedIn(windows: Windows, start: number): Added {
  let added = windows.get(start);
  if (added === undefined) {
    added = new Map();
    windows.set(start, added);
  }
  return added;
}

/** Windows summed up in longer ones. A window that is alone in its longer one is shared with it: nothing is changed afterwards. */
function rolledUp(windows: Windows, startOf: (start: number) => number): Windows {
  const longer: Windows = new Map();
  for (const [start, parts] of Map.groupBy(windows, ([start]) => startOf(start))) {
    const [first] = parts;
    if (first !== undefined && parts.length === 1) {
      longer.set(start, first[1]);
      continue;
    }
    const sum: Added = new Map();
    for (const [, part] of parts) for (const [value, added] of part) addTo(sum, value, added);
    longer.set(start, sum);
  }
  return longer;
}

function addTo(sums: Added, value: string, added: Readonly<Figures>): void {
  const known = sums.get(value);
  if (known === undefined) {
    sums.set(value, [added[0], added[1], added[2], added[3]]);
    return;
  }
  for (let i = 0; i < known.length; i++) {
    known[i] = Math.min((known[i] as number) + (added[i] as number), figureMax);
  }
}
