/** Reports from the ledger's usage rows. */

import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type {
  ReportQuery,
  UsageDimension,
  UsageQuery,
  UsageReportRow,
} from "../../ports/ledger-store.ts";

const columns: Readonly<Record<UsageDimension, string>> = {
  key: '"key"',
  owner: "owner",
  ip: "address",
  referer: "referer",
  route: "route",
  region: "region",
  plan: "plan",
};

/** Start of the reported window of an `hour`, in seconds since 1970, UTC. */
const starts: Readonly<Record<UsageQuery["window"], string>> = {
  hour: "hour",
  day: "hour - hour % 86400",
  month: "unixepoch(hour, 'unixepoch', 'start of month')",
  total: "0",
};

const sums = ["calls", "units", "refunded_calls", "refunded_units"]
  .map((column) => `sum(${column}) AS ${column}`)
  .join(", ");

interface Prepared {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/** Sums beyond 2^53 - 1 fail rather than come out rounded. */
function prepareReport(query: ReportQuery): Prepared {
  const where = ["hour >= ?", "hour < ?"];
  const values: (string | number)[] = [query.fromMs / 1000, query.toMs / 1000];
  for (const [dimension, value] of Object.entries(query.where)) {
    where.push(`${columns[dimension as UsageDimension]} = ?`);
    values.push(value);
  }
  const grouped = `SELECT ${starts[query.window]} AS start, ${columns[query.by]} AS value, ${sums}
    FROM usage WHERE ${where.join(" AND ")} GROUP BY start, value`;
  if (query.top === 0) return { sql: `${grouped} ORDER BY start, units DESC, value`, values };
  const ranked = `SELECT *, row_number() OVER (PARTITION BY start ORDER BY units DESC, value) AS place
    FROM (${grouped})`;
  const top = `WHERE place <= ${Math.floor(query.top)}`;
  return { sql: `SELECT * FROM (${ranked}) ${top} ORDER BY start, place`, values };
}

export function queryUsage(db: DatabaseSync, query: UsageQuery): UsageReportRow[] {
  const { sql, values } = prepareReport(query);
  const rows = db.prepare(`${sql} LIMIT ? OFFSET ?`).all(...values, query.limit, query.offset);
  return rows.map((row) => reportRow(row, query));
}

/** All rows, one by one. The first costs the whole sum. */
export function* iterateUsage(db: DatabaseSync, query: ReportQuery): Generator<UsageReportRow> {
  const { sql, values } = prepareReport(query);
  for (const row of db.prepare(sql).iterate(...values)) yield reportRow(row, query);
}

function reportRow(row: Record<string, SQLOutputValue>, query: ReportQuery): UsageReportRow {
  return {
    window: query.window === "total" ? "" : isoOf(Number(row["start"])),
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
