/**
 * What everybody may know: the document behind the status page. It holds names of regions, figures of probes and the texts of
 * incidents; no address, key, process, number of calls or caller. Encoded once, and the same at the hub and at every gateway.
 */

import type { EpochMs } from "../base/words.ts";
import { type Incident, newestFirst } from "./incident.ts";
import {
  dayMs,
  firstDayMs,
  firstHourMs,
  floorTo,
  type Period,
  type ProbeHistory,
} from "./probe-history.ts";
import type { RegionState } from "./region-watch.ts";

/** Of the encoded document. */
export const statusDocumentMaxBytes = 1_048_576;
/** Incidents in it, the newest; those that go on come first. */
export const publicIncidentsMax = 50;
/** Updates of each, the newest. */
export const publicUpdatesMax = 20;

/** Columns of equal length, oldest first; null: nobody looked. */
export interface PublicPeriods {
  readonly from: string;
  /** Share of the time, 0 to 1, rounded to 5 digits. */
  readonly availability: readonly (number | null)[];
  readonly p50Ms: readonly (number | null)[];
  readonly p95Ms: readonly (number | null)[];
}

export interface PublicRegion {
  readonly name: string;
  readonly state: RegionState;
  /** Of the state; null: not known. */
  readonly since: string | null;
  /** Of all days. */
  readonly availability: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly days: PublicPeriods;
  readonly hours: PublicPeriods;
}

export interface PublicIncident {
  readonly id: string;
  readonly regions: readonly string[];
  readonly impact: Incident["impact"];
  readonly title: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly changedAt: string;
  /** Newest first. */
  readonly updates: readonly {
    readonly at: string;
    readonly phase: string;
    readonly text: string;
  }[];
}

export interface PublicStatus {
  /** Of the API, as the operator calls it; "": it was not said. */
  readonly name: string;
  readonly generatedAt: string;
  readonly state: RegionState;
  readonly regions: readonly PublicRegion[];
  readonly incidents: readonly PublicIncident[];
}

export interface StatusSource {
  readonly name: string;
  readonly nowMs: EpochMs;
  readonly regions: readonly {
    readonly name: string;
    readonly state: RegionState;
    readonly sinceMs: EpochMs;
    readonly history: ProbeHistory;
  }[];
  readonly incidents: readonly Incident[];
}

export function publicStatus({ name: title, ...source }: StatusSource): PublicStatus {
  const { nowMs, regions, incidents } = source;
  return {
    name: title,
    generatedAt: instant(nowMs),
    state: overall(regions.map(({ state }) => state)),
    regions: regions.map(({ name, state, sinceMs, history }) => ({
      name,
      state,
      since: sinceMs === 0 ? null : instant(sinceMs),
      ...shown(history.whole()),
      days: columns(day(firstDayMs(nowMs)), history.days(nowMs)),
      hours: columns(instant(firstHourMs(nowMs)), history.hours(nowMs)),
    })),
    incidents: publicIncidents(incidents, nowMs),
  };
}

/** As JSON within `statusDocumentMaxBytes`: where incidents make it too long, the oldest are left out. */
export function encodeStatus(status: PublicStatus, bytesOf: (text: string) => number): string {
  const { incidents } = status;
  for (let count = incidents.length; ; count = Math.floor(count / 2)) {
    const text = JSON.stringify({ ...status, incidents: incidents.slice(0, count) });
    if (count === 0 || bytesOf(text) <= statusDocumentMaxBytes) return text;
  }
}

/**
 * The document as one place serves it, without reading it: where it comes from, and how long ago the hub was last heard. `text` is
 * what `encodeStatus` made.
 */
export function servedStatus(text: string, from: { region: string | null; ageMs: number }): string {
  const { region, ageMs } = from;
  const head = JSON.stringify({ servedBy: region, ageMs: Math.max(0, Math.round(ageMs)) });
  return `${head.slice(0, -1)},${text.slice(1)}`;
}

function overall(states: readonly RegionState[]): RegionState {
  const known = states.filter((state) => state !== "unknown");
  if (known.length === 0) return "unknown";
  if (known.every((state) => state === "up")) return "up";
  return known.every((state) => state === "down") ? "down" : "degraded";
}

function publicIncidents(incidents: readonly Incident[], nowMs: EpochMs): PublicIncident[] {
  const first = firstDayMs(nowMs);
  const shownOnes = incidents.filter(
    ({ hidden, endedAtMs }) => !hidden && (endedAtMs === 0 || endedAtMs >= first),
  );
  shownOnes.sort((a, b) => {
    return Number(b.endedAtMs === 0) - Number(a.endedAtMs === 0) || newestFirst(a, b);
  });
  return shownOnes.slice(0, publicIncidentsMax).map((incident) => ({
    id: incident.id,
    regions: incident.regions,
    impact: incident.impact,
    title: incident.title,
    startedAt: instant(incident.startedAtMs),
    endedAt: incident.endedAtMs === 0 ? null : instant(incident.endedAtMs),
    changedAt: instant(incident.changedAtMs),
    updates: incident.updates
      .slice(-publicUpdatesMax)
      .reverse()
      .map(({ atMs, phase, text }) => ({ at: instant(atMs), phase, text })),
  }));
}

function columns(from: string, periods: readonly Period[]): PublicPeriods {
  const all = periods.map(shown);
  return {
    from,
    availability: all.map(({ availability }) => availability),
    p50Ms: all.map(({ p50Ms }) => p50Ms),
    p95Ms: all.map(({ p95Ms }) => p95Ms),
  };
}

/** Rounded down: what failed once is not all of the time. */
function shown({ availability, p50Ms, p95Ms }: Period) {
  return {
    availability: availability === undefined ? null : Math.floor(availability * 1e5) / 1e5,
    p50Ms: p50Ms ?? null,
    p95Ms: p95Ms ?? null,
  };
}

function instant(ms: EpochMs): string {
  return new Date(ms).toISOString();
}

function day(ms: EpochMs): string {
  return instant(floorTo(dayMs, ms)).slice(0, 10);
}
