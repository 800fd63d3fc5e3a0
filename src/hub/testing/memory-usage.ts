/** Reports from usage rows in memory: sums by dimension and window. */

import type { EpochMs } from "../../base/words.ts";
import type {
  LedgerRow,
  UsageDimension,
  UsagePage,
  UsageQuery,
  UsageReportRow,
} from "../../ports/ledger-store.ts";

const fieldOf: Record<UsageDimension, keyof LedgerRow> = {
  key: "key",
  owner: "owner",
  ip: "address",
  referer: "referer",
  route: "route",
  region: "region",
  plan: "plan",
};

const dayMs = 86_400_000;

export function reportUsage(rows: Iterable<LedgerRow>, query: UsageQuery): UsageReportRow[] {
  const windows = new Map<
    EpochMs,
    Map<string, { -readonly [K in keyof UsageReportRow]: UsageReportRow[K] }>
  >();
  const where = Object.entries(query.where) as [UsageDimension, string][];
  for (const row of rows) {
    if (row.hour < query.fromMs || row.hour >= query.toMs) continue;
    if (where.some(([dimension, value]) => row[fieldOf[dimension]] !== value)) continue;
    const startMs = startOf(row.hour, query.window);
    let sums = windows.get(startMs);
    if (sums === undefined) {
      sums = new Map();
      windows.set(startMs, sums);
    }
    const value = String(row[fieldOf[query.by]]);
    let sum = sums.get(value);
    if (sum === undefined) {
      const window = query.window === "total" ? "" : isoOf(startMs);
      sum = { window, value, calls: 0, units: 0, refundedCalls: 0, refundedUnits: 0 };
      sums.set(value, sum);
    }
    sum.calls += row.calls;
    sum.units += row.units;
    sum.refundedCalls += row.refundedCalls;
    sum.refundedUnits += row.refundedUnits;
  }
  const found = [...windows]
    .sort(([a], [b]) => a - b)
    .flatMap(([, sums]) => {
      const ordered = [...sums.values()].sort(
        (a, b) => b.units - a.units || (a.value < b.value ? -1 : 1),
      );
      return query.top > 0 ? ordered.slice(0, query.top) : ordered;
    });
  return found.slice(query.offset, query.offset + query.limit);
}

/** Pages end with windows where they can, as those of a ledger that takes its time do. */
export function pageUsage(rows: Iterable<LedgerRow>, query: UsageQuery): UsagePage {
  const limit = Number.MAX_SAFE_INTEGER;
  const all = reportUsage(rows, { ...query, limit, offset: 0 });
  const page = all.slice(query.offset, query.offset + query.limit);
  const next = all[query.offset + query.limit];
  if (next === undefined) return { rows: page, next: undefined };
  const fromMs = Math.max(query.fromMs, next.window === "" ? 0 : Date.parse(next.window));
  const offset = all.indexOf(next) - all.findIndex(({ window }) => window === next.window);
  return { rows: page, next: { fromMs, offset } };
}

function startOf(hour: EpochMs, window: UsageQuery["window"]): EpochMs {
  if (window === "total") return 0;
  if (window === "hour") return hour;
  if (window === "day") return hour - (hour % dayMs);
  const date = new Date(hour);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

function isoOf(ms: EpochMs): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}
