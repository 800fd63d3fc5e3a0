/**
 * The gateway's own reply fields. What is the same for every call of a plan is written once.
 *
 * RateLimit and RateLimit-Policy are as in draft-ietf-httpapi-ratelimit-headers: `w` is the window's nominal length,
 * `t` the whole seconds until the window ends. Shadow limits refuse nothing and are left out.
 */

import type { EpochMs } from "../base/words.ts";
import type { Plan } from "../limits/plan.ts";
import { nominalSeconds } from "../limits/window.ts";

export interface PlanFields {
  /** RateLimit-Policy; "" for a plan without limits. */
  readonly policy: string;
  /** For callers from IPv6, whom the ceilings of their blocks concern as well. */
  readonly ipv6Policy: string;
  /** `"day";r=`, by place of the limit in the plan. */
  readonly remaining: readonly string[];
}

export function planFields(plan: Plan): PlanFields {
  const policies: string[] = [];
  const ceilings: string[] = [];
  for (const { name, quota, counter, enforcement } of plan.limits) {
    if (enforcement === "shadow") continue;
    const spec = plan.counters[counter];
    if (spec === undefined) continue;
    const policy = `"${name}";q=${quota};w=${nominalSeconds(spec.window)}`;
    (spec.per.startsWith("ip/") ? ceilings : policies).push(policy);
  }
  return {
    policy: policies.join(", "),
    ipv6Policy: [...policies, ...ceilings].join(", "),
    remaining: plan.limits.map(({ name }) => `"${name}";r=`),
  };
}

/** Whole seconds from `nowMs` until `resetsAtMs`, at least 1: a window that ends now has not ended. */
export function secondsUntil(resetsAtMs: EpochMs, nowMs: EpochMs): number {
  return Math.max(1, Math.ceil((resetsAtMs - nowMs) / 1_000));
}

/** Names that a Connection field lists, in lower case. */
export function connectionOptions(value: string): string[] {
  return value
    .split(",")
    .map((option) => option.trim().toLowerCase())
    .filter((option) => option !== "");
}
