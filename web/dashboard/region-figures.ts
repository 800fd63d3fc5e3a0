/** Figures of a region from those of its processes: the worst counts, since callers meet it. */

import type { RegionJson } from "../../src/control/status-schemas.ts";

export type Process = RegionJson["processes"][number];

/** Undefined: nobody says. */
export function worst(values: readonly (number | undefined)[]): number | undefined {
  const said = values.filter((value) => value !== undefined);
  return said.length === 0 ? undefined : Math.max(...said);
}

/** p99; undefined where there were no calls of late. */
export function overheadOf({ calls }: Process): number | undefined {
  return calls === null || calls.overheadP99Ms === 0 ? undefined : calls.overheadP99Ms;
}

export function overheadMedianOf({ calls }: Process): number | undefined {
  return calls === null || calls.overheadP50Ms === 0 ? undefined : calls.overheadP50Ms;
}

export function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}
