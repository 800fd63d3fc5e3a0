/**
 * Windows: the stretches of time that quotas are counted in. Which window holds an instant, and the
 * text that names one window instance everywhere (counter tables, batches, ledger).
 *
 * All windows are [start, end) in UTC, start and end on whole seconds, and windows of one spec tile
 * time without gap or overlap. Every fixed length divides a day, and 1970 began at midnight, so
 * those windows are plain multiples of their length. POSIX time: no leap seconds.
 */

import { assert, present } from "../base/assert.ts";
import type { EpochMs, WindowId } from "../base/words.ts";
import type { Scope } from "./plan.ts";

/** One of a closed set of objects: two specs are the same window length iff they are `===`. */
export interface WindowSpec {
  /** Canonical: `second`, `15m`, `month@key`; what was written as `60s` is `minute` here. */
  readonly text: string;
  /** Place among all specs, 0 to windowSpecCount - 1, for lists by spec. */
  readonly index: number;
  readonly kind: "fixed" | "week" | "month" | "month@key";
  /** Exact for `fixed` and `week`; 30 days for both kinds of month, whose windows vary. */
  readonly nominalMs: number;
}

export interface WindowBounds {
  startMs: EpochMs;
  /** The first instant after the window. */
  endMs: EpochMs;
}

/** One window instance; for each there is one `WindowId` and one counter table. */
export interface WindowInstance extends Readonly<WindowBounds> {
  readonly spec: WindowSpec;
  /** Day of the month, 1 to 31, on which a `month@key` starts; 1 for every other kind. */
  readonly anchorDay: number;
  /** The region whose calls are counted; "" counts all regions' together. */
  readonly region: string;
}

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const weekMs = 7 * dayMs;

/** 1970-01-01 was a Thursday; its ISO week began three days before. */
const weekOffsetMs = 3 * dayMs;

/** 9999-01-01: from there on dates need a fifth digit soon, and nothing meant seriously is. */
const instantMaxMs = Date.UTC(9999, 0, 1);

const divisible = [
  { letter: "s", unit: "a minute", unitMs: minuteMs, parts: 60, partMs: secondMs },
  { letter: "m", unit: "an hour", unitMs: hourMs, parts: 60, partMs: minuteMs },
  { letter: "h", unit: "a day", unitMs: dayMs, parts: 24, partMs: hourMs },
] as const;

/** Every spec there is, by each of its spellings. */
const specs = allSpecs();

export const windowSpecCount = new Set(specs.values()).size;

function allSpecs(): ReadonlyMap<string, WindowSpec> {
  const all = new Map<string, WindowSpec>();
  const add = (text: string, kind: WindowSpec["kind"], nominalMs: number): void => {
    all.set(text, Object.freeze({ text, index: all.size, kind, nominalMs }));
  };
  add("second", "fixed", secondMs);
  add("minute", "fixed", minuteMs);
  add("hour", "fixed", hourMs);
  add("day", "fixed", dayMs);
  add("week", "week", weekMs);
  add("month", "month", 30 * dayMs);
  add("month@key", "month@key", 30 * dayMs);
  for (const { letter, parts, partMs } of divisible) {
    for (let n = 2; n < parts; n++) {
      if (parts % n === 0) add(`${n}${letter}`, "fixed", n * partMs);
    }
  }
  for (const [spelling, text] of [
    ["1s", "second"],
    ["60s", "minute"],
    ["1m", "minute"],
    ["60m", "hour"],
    ["1h", "hour"],
    ["24h", "day"],
  ] as const) {
    all.set(spelling, present(all.get(text), text));
  }
  return all;
}

/**
 * Reads a window as the configuration writes it. Accepts other spellings of a unit (`1s`, `60s`,
 * `24h`) and gives the unit; refuses what does not divide the next unit (`7h`, `90s`).
 */
export function parseWindowSpec(text: string): WindowSpec | { readonly error: string } {
  const spec = specs.get(text);
  if (spec !== undefined) return spec;
  const division = divisible.find(({ letter }) => text.endsWith(letter));
  if (division === undefined || !/^[1-9][0-9]{0,5}[smh]$/.test(text)) {
    return {
      error:
        "expected second, minute, hour, day, week, month, month@key, or a part of one such as 2s, 15m, 6h",
    };
  }
  const fitting: string[] = [];
  for (let n = 1; n <= division.parts; n++) {
    if (division.parts % n === 0) fitting.push(`${n}${division.letter}`);
  }
  return { error: `${text} does not divide ${division.unit}; expected ${orList(fitting)}` };
}

function orList(items: readonly string[]): string {
  return `${items.slice(0, -1).join(", ")} or ${items.at(-1)}`;
}

/**
 * Length of the window in seconds, as `w=` of RateLimit-Policy states it. A month is 30 days there:
 * the field is one number per policy, while the length of the current month changes; `t=` of the
 * RateLimit field is exact.
 */
export function nominalSeconds(spec: WindowSpec): number {
  return spec.nominalMs / secondMs;
}

/** The scope of a limit that names none: under a minute, what the own region can see in time. */
export function defaultScope(spec: WindowSpec): Scope {
  return spec.nominalMs < minuteMs ? "region" : "global";
}

const sharedBounds: WindowBounds = { startMs: 0, endMs: 0 };

/**
 * The window of `spec` that holds `nowMs`, in one object that the next call overwrites. `nowMs` is
 * from 1970 to 9998; `anchorDay` matters to `month@key` only.
 */
export function windowAt(
  spec: WindowSpec,
  nowMs: EpochMs,
  anchorDay: number,
): Readonly<WindowBounds> {
  assert(nowMs >= 0 && nowMs < instantMaxMs, "an instant from 1970 to 9998");
  const out = sharedBounds;
  switch (spec.kind) {
    case "fixed":
      out.startMs = Math.floor(nowMs / spec.nominalMs) * spec.nominalMs;
      out.endMs = out.startMs + spec.nominalMs;
      return out;
    case "week":
      out.startMs = Math.floor((nowMs + weekOffsetMs) / weekMs) * weekMs - weekOffsetMs;
      out.endMs = out.startMs + weekMs;
      return out;
    case "month":
      return monthAt(nowMs, 1);
    case "month@key":
      return monthAt(nowMs, anchorDay);
  }
}

/** Months that start on `anchorDay`, or on the last day of a month that is too short for it. */
function monthAt(nowMs: EpochMs, anchorDay: number): WindowBounds {
  assert(Number.isInteger(anchorDay) && anchorDay >= 1 && anchorDay <= 31, "a day of the month");
  const month = monthNumber(Math.floor(nowMs / dayMs));
  const out = sharedBounds;
  out.startMs = anchorMs(month, anchorDay);
  if (nowMs >= out.startMs) {
    out.endMs = anchorMs(month + 1, anchorDay);
  } else {
    out.endMs = out.startMs;
    out.startMs = anchorMs(month - 1, anchorDay);
  }
  return out;
}

function anchorMs(month: number, anchorDay: number): EpochMs {
  const firstDay = dayNumber(month);
  const lastDay = dayNumber(month + 1) - 1;
  return Math.min(firstDay + anchorDay - 1, lastDay) * dayMs;
}

/*
 * The calendar in whole numbers, after Howard Hinnant, "chrono-compatible low-level date
 * algorithms" (civil_from_days, days_from_civil), where the year begins in March so that the leap
 * day is its last. Date would do the same, but makes an object each time.
 */

const daysPer400Years = 146_097;
/** Days from 0000-03-01 to 1970-01-01. */
const epochDay = 719_468;

/** Months since 0000-03, of the month that holds the day `day` since 1970. */
function monthNumber(day: number): number {
  const z = day + epochDay;
  const era = Math.floor(z / daysPer400Years);
  const dayOfEra = z - era * daysPer400Years;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const month = Math.floor((5 * dayOfYear + 2) / 153);
  return (era * 400 + yearOfEra) * 12 + month;
}

/** Days from 1970-01-01 to the first of a month given as months since 0000-03. */
function dayNumber(month: number): number {
  const year = Math.floor(month / 12);
  const leapDays = Math.floor(year / 4) - Math.floor(year / 100) + Math.floor(year / 400);
  const dayOfYear = Math.floor((153 * (month - year * 12) + 2) / 5);
  return 365 * year + leapDays + dayOfYear - epochDay;
}

/** The text of a window instance: `month@17/2026-11-17T00:00:00Z`, `2s/…/sydney`. */
export function windowId(window: Omit<WindowInstance, "endMs">): WindowId {
  const { spec, startMs, anchorDay, region } = window;
  const name = spec.kind === "month@key" ? `month@${anchorDay}` : spec.text;
  const start = `${new Date(startMs).toISOString().slice(0, 19)}Z`;
  return region === "" ? `${name}/${start}` : `${name}/${start}/${region}`;
}

const idPattern =
  /^([0-9a-z]{2,6}|month@([1-9][0-9]?))\/([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z)(?:\/([a-z0-9-]{1,32}))?$/;

/** Those read of late: a hub reads the same few in every batch. */
const known = new Map<WindowId, WindowInstance>();
const knownMax = 1_000;

/**
 * The window instance that `id` names; undefined if it names none, or not in the one form that
 * `windowId` writes. It may come from another process: anything is safe to pass.
 */
export function parseWindowId(id: WindowId): WindowInstance | undefined {
  const window = known.get(id) ?? readWindowId(id);
  if (window === undefined || known.has(id)) return window;
  if (known.size >= knownMax) known.clear();
  known.set(id, window);
  return window;
}

function readWindowId(id: WindowId): WindowInstance | undefined {
  const parts = idPattern.exec(id);
  if (parts === null) return undefined;
  const [, name = "", anchor, start = "", region = ""] = parts;
  const spec = specs.get(anchor === undefined ? name : "month@key");
  const anchorDay = anchor === undefined ? 1 : Number(anchor);
  const startMs = Date.parse(start);
  if (spec === undefined || anchorDay > 31) return undefined;
  // The window that holds 1970-01-01 may start before it.
  if (!(startMs > -31 * dayMs && startMs < instantMaxMs)) return undefined;
  const bounds = windowAt(spec, Math.max(startMs, 0), anchorDay);
  const window = { spec, startMs, endMs: bounds.endMs, anchorDay, region };
  return bounds.startMs === startMs && windowId(window) === id ? window : undefined;
}
