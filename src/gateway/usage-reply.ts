/** `GET /-/usage`: the caller's plan, limits and use, as this region sees them. Charges nothing. */

import type { LimitUsage } from "../limits/decide.ts";
import type { Caller } from "./caller.ts";
import type { CompiledPlan } from "./setup.ts";

export interface UsageParts {
  readonly region: string;
  readonly caller: Caller;
  readonly plan: CompiledPlan;
  /** Of the limits that apply to the caller. */
  readonly limits: readonly LimitUsage[];
  readonly viewAgeMs: number;
}

/** The body, as JSON. Shadow limits refuse nothing, and are not told. */
export function usageBody({ region, caller, plan, limits, viewAgeMs }: UsageParts): string {
  const told = limits.filter(({ limit }) => limit.enforcement !== "shadow");
  return JSON.stringify({
    region,
    plan: plan.plan.name,
    limits: told.map(({ limit, quota, used, remaining, resetsAtMs, isShared }) => {
      const dimension = plan.plan.counters[limit.counter]?.dimension ?? 0;
      return {
        name: limit.name,
        subject: isShared ? caller.overflowText(dimension) : caller.subjectText(dimension),
        quota,
        used,
        remaining,
        resetsAt: new Date(resetsAtMs).toISOString().replace(".000Z", "Z"),
      };
    }),
    viewAgeMs: Math.round(viewAgeMs),
  });
}
