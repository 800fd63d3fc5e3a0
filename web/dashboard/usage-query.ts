/** What a usage page shows, as its address says it, and the API's addresses for it. */

import { withQuery } from "../shared/route.ts";
import { hourMs, isSpan, type Span, spanOf, type TimeSpan } from "./time-span.ts";

export const dimensions = ["key", "owner", "ip", "referer", "route", "region", "plan"] as const;
export type Dimension = (typeof dimensions)[number];

export const dimensionText: Readonly<Record<Dimension, string>> = {
  key: "Key",
  owner: "Owner",
  ip: "Address",
  referer: "Referer",
  route: "Route",
  region: "Region",
  plan: "Plan",
};

export const dimensionTitle: Readonly<Record<Dimension, string>> = {
  key: "Keys",
  owner: "Owners",
  ip: "Addresses",
  referer: "Referers",
  route: "Routes",
  region: "Regions",
  plan: "Plans",
};

export const windows = ["hour", "day", "month", "total"] as const;
export type Window = (typeof windows)[number];

export const windowText: Readonly<Record<Window, string>> = {
  hour: "Hours",
  day: "Days",
  month: "Months",
  total: "Sum",
};

export interface UsageView {
  readonly by: Dimension;
  readonly window: Window;
  /** Undefined: an own span of `from` and `to`. */
  readonly span: Span | undefined;
  readonly time: TimeSpan;
  readonly filters: Readonly<Partial<Record<Dimension, string>>>;
}

type Query = Readonly<Record<string, string | undefined>>;

function oneOf<T extends string>(values: readonly T[], text: string | undefined): T | undefined {
  return values.find((value) => value === text);
}

export function readView(query: Query, nowMs: number): UsageView {
  const filters: Partial<Record<Dimension, string>> = {};
  for (const dimension of dimensions) {
    const value = query[dimension];
    if (value !== undefined) filters[dimension] = value;
  }
  return {
    by: oneOf(dimensions, query["by"]) ?? "key",
    window: oneOf(windows, query["window"]) ?? "hour",
    ...readSpan(query, nowMs),
    filters,
  };
}

/** An own span before a named one; today without either. */
export function readSpan(
  query: Query,
  nowMs: number,
): { readonly span: Span | undefined; readonly time: TimeSpan } {
  const own = ownSpan(query);
  if (own !== undefined) return { span: undefined, time: own };
  const span = isSpan(query["span"]) ? query["span"] : "day";
  return { span, time: spanOf(span, nowMs) };
}

function ownSpan(query: Query): TimeSpan | undefined {
  const [from, to] = [query["from"], query["to"]].map((text) => Date.parse(text ?? ""));
  if (from === undefined || to === undefined || Number.isNaN(from) || Number.isNaN(to)) {
    return undefined;
  }
  const fromMs = Math.floor(from / hourMs) * hourMs;
  const toMs = Math.ceil(to / hourMs) * hourMs;
  return fromMs < toMs ? { fromMs, toMs } : undefined;
}

/** For the page's own address. An empty filter is one too: calls without a key. */
export function viewQuery(view: UsageView): Record<string, string> {
  const { by, window, span, time, filters } = view;
  const when: Record<string, string> =
    span === undefined ? { from: iso(time.fromMs), to: iso(time.toMs) } : { span };
  return { by, window, ...when, ...filters };
}

/** Rows of the table: highest first within each window. */
export function rowsPath(
  view: UsageView,
  { limit, cursor }: { limit: number; cursor?: string },
): string {
  const { by, window } = view;
  return usagePath({ by, window, limit: String(limit), cursor }, view);
}

/** The chart's: by region, of which there are few. */
export function chartPath(view: UsageView): string {
  return usagePath({ by: "region", window: chartWindow(view), limit: "10000" }, view);
}

/** Hours up to a week, days beyond: as many bars as can be told apart. */
export function chartWindow({ time }: UsageView): "hour" | "day" {
  return time.toMs - time.fromMs <= 7 * 24 * hourMs ? "hour" : "day";
}

export function documentPath(view: UsageView, format: "csv" | "jsonl"): string {
  const { by, window } = view;
  return usagePath({ by, window, format }, view);
}

function usagePath(parts: Query, { time, filters }: UsageView): string {
  const path = withQuery("/v1/usage", {
    ...parts,
    from: iso(time.fromMs),
    to: iso(time.toMs),
  });
  // Empty values count here, which `withQuery` leaves out.
  const where = Object.entries(filters).map(
    ([name, value]) => `&${name}=${encodeURIComponent(value)}`,
  );
  return `${path}${where.join("")}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
