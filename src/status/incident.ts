/** Incidents: what went wrong, when, and what was said of it. Opened and closed by probes or by the operator; edited by the operator. */

import type { EpochMs } from "../base/words.ts";
import type { Verdict } from "./region-watch.ts";

export const impacts = ["maintenance", "degraded", "down"] as const;
export type Impact = (typeof impacts)[number];

export const phases = ["planned", "investigating", "identified", "monitoring", "resolved"] as const;
export type Phase = (typeof phases)[number];

export interface IncidentUpdate {
  readonly atMs: EpochMs;
  readonly phase: Phase;
  readonly text: string;
}

export interface Incident {
  /** 16 hex digits, random: also its name in the feed. */
  readonly id: string;
  /** The region whose probes opened it, and end it; "": the operator wrote it. */
  readonly outageOf: string;
  /** Names of regions; none: it concerns all, or no one in particular. */
  readonly regions: readonly string[];
  readonly impact: Impact;
  readonly title: string;
  readonly startedAtMs: EpochMs;
  /** 0: it goes on. */
  readonly endedAtMs: EpochMs;
  /** In the order in which they were written. */
  readonly updates: readonly IncidentUpdate[];
  /** Not on the public page. */
  readonly hidden: boolean;
  /** Of its newest change, never going back: for feeds. */
  readonly changedAtMs: EpochMs;
  /** Counts changes, from 1. */
  readonly version: number;
}

/** Kept; of closed ones the oldest go first. */
export const incidentsMax = 500;
/** That go on at one time, of those the operator opened; each region has one more by its probes. */
export const openIncidentsMax = 20;
export const updatesPerIncidentMax = 50;
export const incidentTitleMax = 200;
export const incidentTextMax = 1_000;
/** An outage that comes back within this time goes on as the same incident. */
export const reopenMsMax = 60_000;

/** What probes say of a region, in words for its callers. */
export function outageIncident(of: {
  readonly id: string;
  readonly region: string;
  readonly verdict: Verdict;
  readonly nowMs: EpochMs;
}): Incident {
  const { id, region, verdict, nowMs } = of;
  return {
    ...{ id, outageOf: region, regions: [region], hidden: false, version: 1 },
    impact: verdict.state === "down" ? "down" : "degraded",
    title: outageTitle(region, verdict),
    startedAtMs: startOf(verdict, nowMs),
    endedAtMs: 0,
    updates: [{ atMs: nowMs, phase: "investigating", text: outageText(verdict) }],
    changedAtMs: nowMs,
  };
}

function outageTitle(region: string, { why }: Verdict): string {
  switch (why) {
    case "cut-off":
      return `${region} is cut off from the other regions`;
    case "partly":
      return `${region} does not always answer`;
    default:
      return `${region} does not answer`;
  }
}

function outageText({ why }: Verdict): string {
  switch (why) {
    case "cut-off":
      return "Calls are answered. What is used elsewhere, and changed keys, arrive late.";
    case "partly":
      return "Some of the probes from the other regions get no answer.";
    default:
      return "Probes from the other regions get no answer.";
  }
}

function startOf({ sinceMs }: Verdict, nowMs: EpochMs): EpochMs {
  return Math.round(sinceMs === 0 ? nowMs : Math.min(sinceMs, nowMs));
}

/** The same outage, worse, or again. */
export function continued(incident: Incident, verdict: Verdict, nowMs: EpochMs): Incident {
  const isAgain = incident.endedAtMs !== 0;
  const isWorse = verdict.state === "down" && incident.impact !== "down";
  if (!isAgain && !isWorse) return incident;
  // What the operator has named keeps its name.
  const isOurs = incident.updates.every(({ text }) => ownTexts.includes(text));
  return changedIncident(incident, nowMs, {
    endedAtMs: 0,
    ...(isWorse && { impact: "down" as const }),
    ...(isWorse && isOurs && { title: outageTitle(incident.outageOf, verdict) }),
    updates: withUpdate(incident, {
      ...{ atMs: nowMs, phase: "investigating" },
      text: isAgain ? againText : outageText(verdict),
    }),
  });
}

const againText = "It happens again.";
const resolvedText = "Probes are answered again.";
const ownTexts: readonly string[] = [
  againText,
  resolvedText,
  ...(["cut-off", "partly", "unreachable"] as const).map((why) =>
    outageText({ state: "down", sinceMs: 0, why }),
  ),
];

export function resolvedByProbes(incident: Incident, verdict: Verdict, nowMs: EpochMs): Incident {
  const endedAtMs = Math.max(incident.startedAtMs, startOf(verdict, nowMs));
  const updates = withUpdate(incident, { atMs: nowMs, phase: "resolved", text: resolvedText });
  return changedIncident(incident, nowMs, { endedAtMs, updates });
}

/** Drops the oldest but the first where there are too many: how it began stays. */
export function withUpdate(
  { updates }: Incident,
  update: IncidentUpdate,
): readonly IncidentUpdate[] {
  if (updates.length < updatesPerIncidentMax) return [...updates, update];
  return [...updates.slice(0, 1), ...updates.slice(2), update];
}

export function changedIncident(
  incident: Incident,
  nowMs: EpochMs,
  change: Partial<Incident>,
): Incident {
  const changedAtMs = Math.max(Math.round(nowMs), incident.changedAtMs + 1);
  return { ...incident, ...change, changedAtMs, version: incident.version + 1 };
}

/** Those to keep: all that go on, and the newest of the others, up to `incidentsMax` in all. Newest first. */
export function keptIncidents(incidents: Iterable<Incident>): Incident[] {
  const sorted = [...incidents].sort(newestFirst);
  const open = sorted.filter(({ endedAtMs }) => endedAtMs === 0);
  const closed = sorted.filter(({ endedAtMs }) => endedAtMs !== 0);
  return [...open, ...closed.slice(0, Math.max(0, incidentsMax - open.length))].sort(newestFirst);
}

export function newestFirst(a: Incident, b: Incident): number {
  return b.startedAtMs - a.startedAtMs || (a.id < b.id ? -1 : 1);
}
