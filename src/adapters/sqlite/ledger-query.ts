/** Reports from the ledger's usage rows. */

import type { DatabaseSync } from "node:sqlite";
import type { UsageDimension, UsageQuery, UsageReportRow } from "../../ports/ledger-store.ts";

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

/** Sums beyond 2^53 - 1 fail rather than come out rounded. */
export function queryUsage(db: DatabaseSync, query: UsageQuery): UsageReportRow[] {
  const where = ["hour >= ?", "hour < ?"];
  const values: (string | number)[] = [query.fromMs / 1000, query.toMs / 1000];
  for (const [dimension, value] of Object.entries(query.where)) {
    where.push(`${columns[dimension as UsageDimension]} = ?`);
    values.push(value);
  }
  const grouped = `SELECT ${starts[query.window]} AS start, ${columns[query.by]} AS value, ${sums}
    FROM usage WHERE ${where.join(" AND ")} GROUP BY start, value`;
  const ranked = `SELECT *, row_number() OVER (PARTITION BY start ORDER BY units DESC, value) AS place
    FROM (${grouped})`;
  const top = query.top > 0 ? `WHERE place <= ${Math.floor(query.top)}` : "";
  const rows = db
    .prepare(`SELECT * FROM (${ranked}) ${top} ORDER BY start, place LIMIT ? OFFSET ?`)
    .all(...values, query.limit, query.offset);
  return rows.map((row) => ({
    window: query.window === "total" ? "" : isoOf(Number(row["start"])),
    value: String(row["value"]),
    calls: Number(row["calls"]),
    units: Number(row["units"]),
    refundedCalls: Number(row["refunded_calls"]),
    refundedUnits: Number(row["refunded_units"]),
  }));
}

function isoOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}
