/** Sums of observations: how calls ended, by the hour. The table is small: named by configuration alone. */

import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { OutcomeDimension, OutcomeQuery, OutcomeRow } from "../../ports/ledger-store.ts";

/** Every dimension is the column of its name. */
const dimensions: readonly OutcomeDimension[] = ["outcome", "region", "route", "plan"];

/** Seconds of a window; 0: all in one. */
const lengths = { hour: 3_600, day: 86_400, total: 0 } as const;

export function queryOutcomes(db: DatabaseSync, query: OutcomeQuery): OutcomeRow[] {
  const { by, window, fromMs, toMs, where, limit } = query;
  const length = lengths[window];
  const start = length === 0 ? "0" : `hour - hour % ${length}`;
  const filters = dimensions.filter((name) => where[name] !== undefined);
  const conditions = ["hour >= ?", "hour < ?", ...filters.map((name) => `${name} = ?`)];
  const rows = db
    .prepare(
      `SELECT ${start} AS start, ${by} AS value, sum(calls) AS calls, sum(bytes) AS bytes, sum(time_ms) AS time_ms
      FROM observations WHERE ${conditions.join(" AND ")} GROUP BY 1, 2 ORDER BY 1, calls DESC, 2 LIMIT ?`,
    )
    .all(fromMs / 1_000, toMs / 1_000, ...filters.map((name) => where[name] ?? ""), limit);
  return rows.map((row) => outcomeRow(row, window));
}

function outcomeRow(
  row: Record<string, SQLOutputValue>,
  window: OutcomeQuery["window"],
): OutcomeRow {
  const start = new Date(Number(row["start"]) * 1_000).toISOString();
  return {
    window: window === "total" ? "" : start.replace(".000Z", "Z"),
    value: String(row["value"]),
    calls: Number(row["calls"]),
    bytes: Number(row["bytes"]),
    timeMs: Number(row["time_ms"]),
  };
}
