/** States, impacts and times in words for the callers of an API. */

import type { PublicIncident, PublicRegion, PublicStatus } from "../../src/status/public-status.ts";
import type { Tone } from "../shared/ui.tsx";

type State = PublicStatus["state"];

export const stateTone: Readonly<Record<State, Tone>> = {
  up: "good",
  degraded: "warn",
  down: "bad",
  unknown: "plain",
};

export const stateText: Readonly<Record<State, string>> = {
  up: "Up",
  degraded: "Degraded",
  down: "Down",
  unknown: "Not known yet",
};

export const impactTone: Readonly<Record<PublicIncident["impact"], Tone>> = {
  maintenance: "plain",
  degraded: "warn",
  down: "bad",
};

export const impactText: Readonly<Record<PublicIncident["impact"], string>> = {
  maintenance: "Maintenance",
  degraded: "Degraded",
  down: "Outage",
};

/** One sentence for the head of the page. */
export function headline({ state, regions }: Pick<PublicStatus, "state" | "regions">): string {
  const ill = regions.filter((region) => region.state === "down" || region.state === "degraded");
  switch (state) {
    case "up":
      return "All regions answer";
    case "down":
      return "No region answers";
    case "unknown":
      return "Nothing is known yet";
    default:
      return ill.length === 1
        ? oneIll(ill[0])
        : `${ill.length} of ${regions.length} regions have problems`;
  }
}

function oneIll(region: PublicRegion | undefined): string {
  if (region === undefined) return "There are problems";
  return region.state === "down" ? `${region.name} does not answer` : `${region.name} is degraded`;
}

/** As digits that do not round a failure away: 99.98 %, 100 %. */
export function share(value: number | null): string {
  if (value === null) return "–";
  if (value === 1) return "100 %";
  // Rounded down: what failed once was not all of the time.
  return `${(Math.floor(value * 10_000) / 100).toFixed(2)} %`;
}

const two = (value: number): string => String(value).padStart(2, "0");
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export function dayText(ms: number): string {
  const date = new Date(ms);
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]}`;
}

/** `12:03:05 UTC` */
export function clockText(ms: number): string {
  const date = new Date(ms);
  const parts = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()];
  return `${parts.map(two).join(":")} UTC`;
}

/** `27 Nov, 12:03` */
export function momentText(at: string): string {
  const date = new Date(at);
  return `${dayText(date.getTime())}, ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
}

/** Begins of the periods of a column. */
export function periodTimes(from: string, count: number, unitMs: number): number[] {
  const first = Date.parse(from.length === 10 ? `${from}T00:00:00Z` : from);
  return Array.from({ length: count }, (_, i) => first + i * unitMs);
}
