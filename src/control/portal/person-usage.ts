/** What a person has used: today and this month in UTC, by region and by key, against the limits of each key's plan. */

import type { CompiledConfig } from "../../access/compiled-config.ts";
import type { HubApi, KeyView } from "../../hub/hub-api.ts";
import type { UsageQuery, UsageReportRow } from "../../ports/ledger-store.ts";
import type { PersonUsageJson } from "./portal-schemas.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** 1970-01-01 was a Thursday; its week began three days before. */
const weekOffsetMs = 3 * dayMs;
/** Rows of one report: the hours of a day by region, the days of a month by key. */
const rowsMax = 10_000;

export interface UsageOf {
  readonly owner: string;
  readonly keys: readonly KeyView[];
  readonly config: CompiledConfig;
  readonly nowMs: number;
}

export async function personUsage(
  hub: Pick<HubApi, "usage">,
  of: UsageOf,
): Promise<PersonUsageJson> {
  const { owner, keys, config, nowMs } = of;
  const todayMs = Math.floor(nowMs / dayMs) * dayMs;
  const monthMs = monthStart(nowMs);
  const toMs = (Math.floor(nowMs / hourMs) + 1) * hourMs;
  const report = (query: Pick<UsageQuery, "by" | "window" | "fromMs">) =>
    hub.usage({ ...query, toMs, top: 0, limit: rowsMax, offset: 0, where: { owner } });
  // Windows of limits that began before the month.
  const fromMs = Math.min(monthMs, ...keys.flatMap((key) => startsOf(key, config, nowMs)));
  const [byHour, byDay, byKey, byKeyToday] = await Promise.all([
    report({ by: "region", window: "hour", fromMs: todayMs }),
    report({ by: "region", window: "day", fromMs: monthMs }),
    report({ by: "key", window: "day", fromMs }),
    report({ by: "key", window: "hour", fromMs: todayMs }),
  ]);
  const named = new Set([...byHour, ...byDay].map(({ value }) => value));
  const configured = config.regions.map(({ name }) => name);
  const gone = [...named].filter((name) => !configured.includes(name)).sort();
  const regions = [...configured, ...gone];
  const usedSince = (startMs: number, ids: readonly string[]): number =>
    sum(rowsSince({ byKey, byKeyToday, todayMs }, startMs).filter((row) => ids.includes(row.value)))
      .units;
  return {
    at: new Date(nowMs).toISOString(),
    regions,
    today: sum(byHour),
    month: sum(byDay),
    hours: points(byHour, regions, { fromMs: todayMs, toMs, stepMs: hourMs }),
    days: points(byDay, regions, { fromMs: monthMs, toMs, stepMs: dayMs }),
    keys: keys.map((key) => ({
      ...{ id: key.id, name: key.name, plan: key.plan },
      today: usedSince(todayMs, [key.id]),
      month: usedSince(monthMs, [key.id]),
      limits: limitsOf(key, { ...of, usedSince }),
    })),
  };
}

/** Today by the hour, earlier days as a whole: a window begins at any hour of today, or at the start of a day. */
function rowsSince(
  rows: {
    readonly byKey: readonly UsageReportRow[];
    readonly byKeyToday: readonly UsageReportRow[];
    readonly todayMs: number;
  },
  startMs: number,
): readonly UsageReportRow[] {
  const { byKey, byKeyToday, todayMs } = rows;
  if (startMs >= todayMs) return byKeyToday.filter(({ window }) => Date.parse(window) >= startMs);
  return byKey.filter(({ window }) => Date.parse(window) >= startMs);
}

function limitsOf(
  key: KeyView,
  of: UsageOf & { usedSince: (startMs: number, ids: readonly string[]) => number },
): PersonUsageJson["keys"][number]["limits"] {
  const { config, keys, nowMs, usedSince } = of;
  const plan = config.plans.find(({ name }) => name === key.plan);
  return (plan?.limits ?? []).flatMap((limit) => {
    const counter = plan?.counters[limit.counter];
    if (counter === undefined) return [];
    const { per, scope, window } = counter;
    const bounds = boundsOf(window.text, key, nowMs);
    const isTold = bounds !== undefined && scope === "global" && (per === "key" || per === "owner");
    const ids = per === "owner" ? keys.map(({ id }) => id) : [key.id];
    return {
      ...{ name: limit.name, per, quota: limit.quota, window: window.text },
      used: isTold ? usedSince(bounds.startMs, ids) : null,
      endsAt: isTold ? new Date(bounds.endMs).toISOString() : null,
    };
  });
}

function startsOf(key: KeyView, config: CompiledConfig, nowMs: number): number[] {
  const plan = config.plans.find(({ name }) => name === key.plan);
  return (plan?.counters ?? []).flatMap(
    ({ window }) => boundsOf(window.text, key, nowMs)?.startMs ?? [],
  );
}

/** The window of an hour or more that holds the instant; undefined: it is shorter, and rows are hours. */
function boundsOf(
  text: string,
  key: KeyView,
  nowMs: number,
): { readonly startMs: number; readonly endMs: number } | undefined {
  const hours = text === "hour" ? 1 : text === "day" ? 24 : Number(/^(\d+)h$/.exec(text)?.[1]);
  if (hours > 0) {
    const startMs = Math.floor(nowMs / (hours * hourMs)) * hours * hourMs;
    return { startMs, endMs: startMs + hours * hourMs };
  }
  if (text === "week") {
    const week = 7 * dayMs;
    const startMs = Math.floor((nowMs + weekOffsetMs) / week) * week - weekOffsetMs;
    return { startMs, endMs: startMs + week };
  }
  if (text === "month") return { startMs: monthStart(nowMs), endMs: monthStart(nowMs, 1) };
  if (text !== "month@key") return undefined;
  const day = new Date(key.createdAtMs).getUTCDate();
  const isBefore = anchored(nowMs, 0, day) > nowMs;
  return {
    startMs: anchored(nowMs, isBefore ? -1 : 0, day),
    endMs: anchored(nowMs, isBefore ? 0 : 1, day),
  };
}

function monthStart(nowMs: number, later = 0): number {
  const now = new Date(nowMs);
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + later, 1);
}

/** The day of the month, or the last one of a month that is shorter. */
function anchored(nowMs: number, later: number, day: number): number {
  const startMs = monthStart(nowMs, later);
  const days = (monthStart(nowMs, later + 1) - startMs) / dayMs;
  return startMs + (Math.min(day, days) - 1) * dayMs;
}

/** Net of what was given back. */
function sum(rows: readonly UsageReportRow[]): { calls: number; units: number } {
  let [calls, units] = [0, 0];
  for (const row of rows) {
    calls += row.calls - row.refundedCalls;
    units += row.units - row.refundedUnits;
  }
  return { calls, units };
}

function points(
  rows: readonly UsageReportRow[],
  regions: readonly string[],
  {
    fromMs,
    toMs,
    stepMs,
  }: { readonly fromMs: number; readonly toMs: number; readonly stepMs: number },
): PersonUsageJson["hours"] {
  const found: PersonUsageJson["hours"] = [];
  for (let startMs = fromMs; startMs < toMs; startMs += stepMs) {
    found.push({ start: new Date(startMs).toISOString(), units: regions.map(() => 0) });
  }
  for (const row of rows) {
    const point = found[Math.floor((Date.parse(row.window) - fromMs) / stepMs)];
    const region = regions.indexOf(row.value);
    if (point !== undefined) point.units[region] = row.units - row.refundedUnits;
  }
  return found;
}
