/** What a page of outcomes shows, as its address says it, and the API's addresses for it. */

import { type Span, spanOf, type TimeSpan } from "./time-span.ts";
import { readSpan } from "./usage-query.ts";

export const outcomeDimensions = ["outcome", "region", "route", "plan"] as const;
export type OutcomeDimension = (typeof outcomeDimensions)[number];

export const outcomeDimensionText: Readonly<Record<OutcomeDimension, string>> = {
  outcome: "Outcome",
  region: "Region",
  route: "Route",
  plan: "Plan",
};

export interface OutcomeView {
  readonly by: OutcomeDimension;
  readonly window: "hour" | "day" | "total";
  /** Undefined: an own span of `from` and `to`. */
  readonly span: Span | undefined;
  readonly time: TimeSpan;
  readonly filters: Readonly<Partial<Record<OutcomeDimension, string>>>;
}

type Query = Readonly<Record<string, string | undefined>>;

export function readOutcomeView(query: Query, nowMs: number): OutcomeView {
  const filters: Partial<Record<OutcomeDimension, string>> = {};
  for (const dimension of outcomeDimensions) {
    const value = query[dimension];
    if (value !== undefined) filters[dimension] = value;
  }
  const window = query["window"];
  return {
    by: outcomeDimensions.find((name) => name === query["by"]) ?? "outcome",
    window: window === "day" || window === "total" ? window : "hour",
    ...readSpan(query, nowMs),
    filters,
  };
}

export function outcomeViewQuery(view: OutcomeView): Record<string, string> {
  const { by, window, span, time, filters } = view;
  const when: Record<string, string> =
    span === undefined
      ? { from: new Date(time.fromMs).toISOString(), to: new Date(time.toMs).toISOString() }
      : { span };
  return { by, window, ...when, ...filters };
}

export function outcomeHash(view: OutcomeView): string {
  return `#/outcomes?${new URLSearchParams(outcomeViewQuery(view))}`;
}

/** `by` and `window` instead of the view's: a chart's own. */
export function outcomesPath(
  view: OutcomeView,
  parts: { readonly by: OutcomeDimension; readonly window: string; readonly limit: number },
): string {
  const { time, filters } = view;
  const query = new URLSearchParams({
    by: parts.by,
    window: parts.window,
    limit: String(parts.limit),
    from: new Date(time.fromMs).toISOString(),
    to: new Date(time.toMs).toISOString(),
    ...filters,
  });
  return `/v1/outcomes?${query}`;
}

/** The hour of an instant, all regions, as the page shows it. */
export function outcomesOfHour(ms: number): string {
  const view = readOutcomeView({}, ms);
  return outcomeHash({ ...view, span: undefined, time: spanOf("hour", ms) });
}
