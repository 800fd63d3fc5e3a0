/**
 * Reports: window by window, so that a page costs what its own windows cost, and a document of any length one window at a
 * time. Each is put together from stored sums of months, days and hours where there are some, else from rows.
 */

import type { DatabaseSync, SQLInputValue, SQLOutputValue } from "node:sqlite";
import type {
  ReportQuery,
  UsageDimension,
  UsagePage,
  UsageQuery,
  UsageReportRow,
} from "../../ports/ledger-store.ts";
import { pageMsMax } from "./report-protocol.ts";
import { Statements } from "./statements.ts";
import { dimensionColumns, dimensionNumbers, hasHours, spans } from "./usage-sums.ts";
import {
  isOneWindow,
  type Length,
  type Piece,
  piecesOf,
  type Stretch,
  type Window,
  windowsOf,
} from "./usage-windows.ts";

const figures = ["calls", "units", "refunded_calls", "refunded_units"] as const;
const plain = figures.join(", ");
const negative = figures.map((name) => `-${name} AS ${name}`).join(", ");
/** Sums beyond 2^53 - 1 fail rather than come out rounded. */
const sums = figures.map((name) => `sum(${name}) AS ${name}`).join(", ");
/** What was taken off whole is not there. */
const someLeft = figures.map((name) => `sum(${name}) <> 0`).join(" OR ");

interface Place {
  readonly limit: number;
  readonly offset: number;
}

export class UsageReports {
  readonly #db: DatabaseSync;
  readonly #statements: Statements;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#statements = new Statements(db);
  }

  /** Offset and limit count over all windows. */
  usage(query: UsageQuery): UsageReportRow[] {
    return this.#inOneState(() => {
      const found: UsageReportRow[] = [];
      let { offset } = query;
      for (const window of this.#windows(query)) {
        const most = query.top > 0 ? query.top : Number.MAX_SAFE_INTEGER;
        const limit = Math.min(query.limit - found.length, most - offset);
        const rows = limit > 0 ? this.#rows(query, window, { limit, offset }) : [];
        found.push(...rows);
        if (found.length >= query.limit) break;
        if (offset > 0) {
          offset = rows.length > 0 ? 0 : offset - Math.min(most, this.#count(query, window));
        }
      }
      return found;
    });
  }

  /** `offset` counts within the first window. */
  page(query: UsageQuery): UsagePage {
    return this.#inOneState(() => {
      const untilMs = performance.now() + pageMsMax;
      const rows: UsageReportRow[] = [];
      let { offset } = query;
      for (const window of this.#windows(query)) {
        const at = { fromMs: window.from * 1000, offset };
        const isOver = rows.length >= query.limit || performance.now() >= untilMs;
        if (rows.length > 0 && isOver) return { rows, next: at };
        const most = query.top > 0 ? query.top - offset : Number.MAX_SAFE_INTEGER;
        const limit = query.limit - rows.length;
        const found = this.#rows(query, window, { limit: Math.min(limit + 1, most), offset });
        if (found.length > limit) {
          rows.push(...found.slice(0, limit));
          return { rows, next: { ...at, offset: offset + limit } };
        }
        rows.push(...found);
        offset = 0;
      }
      return { rows, next: undefined };
    });
  }

  /** All rows, one by one, within the caller's transaction. */
  *iterate(query: ReportQuery): Generator<UsageReportRow> {
    const limit = query.top > 0 ? query.top : -1;
    for (const window of this.#windows(query)) {
      const { sql, values } = prepareWindow(query, window, this.#stored());
      const rows = this.#statements.get(`${sql} LIMIT ? OFFSET ?`).iterate(...values, limit, 0);
      for (const row of rows) yield reportRow(row, query, window);
    }
  }

  #rows(query: ReportQuery, window: Window, { limit, offset }: Place): UsageReportRow[] {
    const { sql, values } = prepareWindow(query, window, this.#stored());
    const rows = this.#statements.get(`${sql} LIMIT ? OFFSET ?`).all(...values, limit, offset);
    return rows.map((row) => reportRow(row, query, window));
  }

  #count(query: ReportQuery, window: Window): number {
    const { sql, values } = prepareWindow(query, window, this.#stored());
    return Number(this.#statements.get(`SELECT count(*) AS n FROM (${sql})`).get(...values)?.["n"]);
  }

  *#windows(query: ReportQuery): Generator<Window> {
    const stored = this.#stored();
    const from = Math.max(query.fromMs / 1000, stored.from);
    const to = Math.min(query.toMs / 1000, stored.to);
    if (from >= to) return;
    if (query.window === "total") yield { start: 0, from, to };
    else yield* windowsOf({ from, to }, query.window);
  }

  /** The hours of which there are rows, from the first to the end of the last. */
  #stored(): Stretch {
    const sql =
      "SELECT (SELECT min(hour) FROM usage) AS first, (SELECT max(hour) FROM usage) AS last";
    const row = this.#statements.get(sql).get();
    if (row?.["first"] === null) return { from: 0, to: 0 };
    return { from: Number(row?.["first"]), to: Number(row?.["last"]) + 3_600 };
  }

  #inOneState<T>(read: () => T): T {
    this.#db.exec("BEGIN");
    try {
      return read();
    } finally {
      this.#db.exec("COMMIT");
    }
  }
}

interface Prepared {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
}

/** The sums of one window in their order. */
function prepareWindow(query: ReportQuery, window: Stretch, stored: Stretch): Prepared {
  const order = "ORDER BY units DESC, value";
  const { by, where } = query;
  const isOfRows = query.fromRows === true || Object.keys(where).some((name) => name !== by);
  const length: Length = query.window === "total" ? "month" : query.window;
  const pieces: readonly Piece[] = isOfRows
    ? [{ length: "hour", from: window.from, to: window.to, sign: 1 }]
    : piecesOf(window, stored, length);
  const parts = pieces.map((piece) => preparePiece(query, piece, isOfRows));
  const values = parts.flatMap((part) => part.values);
  const [first] = pieces;
  // Values of one window are different ones: nothing is left to be summed.
  const isSummed = pieces.length === 1 && !isOfRows && isKept(by, first as Piece);
  if (isSummed && isOneWindow(first as Piece)) return { sql: `${parts[0]?.sql} ${order}`, values };
  const all = parts.map(({ sql }) => sql).join(" UNION ALL ");
  const having = pieces.some(({ sign }) => sign < 0) ? `HAVING ${someLeft}` : "";
  return { sql: `SELECT value, ${sums} FROM (${all}) GROUP BY value ${having} ${order}`, values };
}

/** Whether there are sums of a piece's windows. */
function isKept(by: UsageDimension, { length }: Piece): boolean {
  return length !== "hour" || hasHours(by);
}

function preparePiece({ by, where }: ReportQuery, piece: Piece, isOfRows: boolean): Prepared {
  const signed = piece.sign > 0 ? plain : negative;
  if (isOfRows || !isKept(by, piece)) {
    const { conditions, values } = rowConditions(where);
    const conditionsOfHour = ["hour >= ?", "hour < ?", ...conditions].join(" AND ");
    return {
      sql: `SELECT ${dimensionColumns[by]} AS value, ${signed} FROM usage WHERE ${conditionsOfHour}`,
      values: [piece.from, piece.to, ...values],
    };
  }
  const conditions = `span = ${spans[piece.length]} AND dimension = ${dimensionNumbers[by]} AND start >= ? AND start < ?`;
  const value = where[by];
  return {
    sql: `SELECT value, ${signed} FROM sums WHERE ${conditions}${value === undefined ? "" : " AND value = ?"}`,
    values: [piece.from, piece.to, ...(value === undefined ? [] : [value])],
  };
}

function rowConditions(where: ReportQuery["where"]): { conditions: string[]; values: string[] } {
  const conditions: string[] = [];
  const values: string[] = [];
  for (const [name, value] of Object.entries(where)) {
    const column = dimensionColumns[name as UsageDimension];
    conditions.push(`${column} = ?`);
    values.push(value);
    // Said in so many words: else the index of rows with a key or an owner is not used.
    if ((name === "key" || name === "owner") && value !== "") conditions.push(`${column} <> ''`);
  }
  return { conditions, values };
}

function reportRow(
  row: Record<string, SQLOutputValue>,
  query: ReportQuery,
  window: Window,
): UsageReportRow {
  return {
    window: query.window === "total" ? "" : isoOf(window.start),
    value: String(row["value"]),
    calls: Number(row["calls"]),
    units: Number(row["units"]),
    refundedCalls: Number(row["refunded_calls"]),
    refundedUnits: Number(row["refunded_units"]),
  };
}

function isoOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}
