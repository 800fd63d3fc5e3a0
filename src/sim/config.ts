/** The configuration of the simulated clusters: small quotas, so that every run reaches them many times. */

import type { CompiledConfig } from "../access/compiled-config.ts";
import { compileConfigValue } from "../access/config.ts";
import { assert } from "../base/assert.ts";
import type { OvershootLimit } from "../hub/overshoot.ts";
import type { Limits } from "./calls.ts";
import { routes } from "./targets.ts";

export const regions = ["sydney", "seoul", "madrid", "lima"] as const;

export const plans = {
  small: { minute: 60, day: 100_000 },
  big: { minute: 600, day: 100_000 },
  /** Its minute is strict: leased, and never exceeded. */
  strict: { minute: 150, day: 100_000, isStrict: true },
  /** Whoever is cut off admits nothing. */
  guarded: { minute: 30, day: 100_000, stalenessMs: 600 },
  /** For the bill alone: its callers ask for reports, which may fail and cost nothing then. */
  metered: { minute: 100_000, day: 100_000 },
  anonymous: { minute: 40, day: 100_000 },
} as const satisfies Record<string, Limits>;

export type PlanName = keyof typeof plans;

/** What the hub is told to lease of. */
export const strictLimits: readonly OvershootLimit[] = [
  {
    ...{ plan: "strict", limit: "minute", per: "key", window: "minute", scope: "global" },
    ...{ quota: plans.strict.minute, isStrict: true },
  },
];

/** `quotas`: what the gateways are told; the checkers know `plans`. */
export function simConfig(quotas: Readonly<Record<PlanName, Limits>> = plans): CompiledConfig {
  const limits = (plan: PlanName, per: string) => ({
    limits: (["minute", "day"] as const).map((window) => ({
      ...{ name: window, per, window },
      quota: quotas[plan][window],
      ...(quotas[plan].isStrict && window === "minute" ? { enforcement: "strict" as const } : {}),
      ...(quotas[plan].stalenessMs !== undefined && window === "minute"
        ? { staleness: `${quotas[plan].stalenessMs}ms` }
        : {}),
    })),
  });
  const compiled = compileConfigValue(
    {
      version: 1,
      hub: { listen: "127.0.0.1:8080" },
      regions: Object.fromEntries(
        regions.map((name, i) => [
          name,
          { listen: `127.0.0.1:${8081 + i}`, operations: `127.0.0.1:${8181 + i}` },
        ]),
      ),
      keys: { prefix: "sim", from: ["header:x-api-key"] },
      // All who guess share an address here, and are to be told 401 each time.
      clients: { wrongKeysPerMinute: 60_000 },
      plans: {
        small: limits("small", "key"),
        big: limits("big", "key"),
        strict: limits("strict", "key"),
        guarded: limits("guarded", "key"),
        metered: limits("metered", "key"),
        anonymous: limits("anonymous", "ip"),
      },
      anonymousPlan: "anonymous",
      routes: [
        { path: routes.locate, handler: "./handler.ts" },
        { path: routes.whois, handler: "./handler.ts" },
        { path: routes.report, handler: "./handler.ts", refundOn: ["5xx"] },
      ],
    },
    { file: "/etc/tallygate.yaml", fileExists: () => true },
  );
  assert("config" in compiled, `the simulated configuration is valid: ${JSON.stringify(compiled)}`);
  return compiled.config;
}
