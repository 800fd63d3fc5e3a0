/** The configuration of the simulated clusters: small quotas, so that every run reaches them many times. */

import type { CompiledConfig } from "../access/compiled-config.ts";
import { compileConfigValue } from "../access/config.ts";
import { assert } from "../base/assert.ts";
import type { SeededRandom } from "../base/random.ts";
import type { OvershootLimit } from "../hub/overshoot.ts";
import type { Limits } from "./calls.ts";

export const regions = ["sydney", "seoul", "madrid", "lima"] as const;

export type PlanName = "small" | "big" | "strict" | "anonymous";

export type Quotas = Readonly<Record<PlanName, Limits>>;

export const plans: Quotas = {
  small: { minute: 60, day: 100_000 },
  big: { minute: 600, day: 100_000 },
  /** Its minute is strict: leased, and never exceeded. */
  strict: { minute: 150, day: 100_000, isStrict: true },
  anonymous: { minute: 40, day: 100_000 },
};

/** What an operator makes of the quotas of a minute, as multiples of `plans`. */
const factors = [0.5, 1, 1, 2] as const;

/** Some quotas raised, some lowered. */
export function drawQuotas(random: SeededRandom): Quotas {
  const drawn = Object.entries(plans).map(([name, limits]) => {
    const factor = factors[random.below(factors.length)] as number;
    return [name, { ...limits, minute: limits.minute * factor }] as const;
  });
  return Object.fromEntries(drawn) as Quotas;
}

/** What the hub is told to lease of. */
export function strictLimits({ strict }: Quotas): readonly OvershootLimit[] {
  return [
    {
      ...{ plan: "strict", limit: "minute", per: "key", window: "minute", scope: "global" },
      ...{ quota: strict.minute, isStrict: true },
    },
  ];
}

/** Compiling one costs more than a thousand calls; there are few different ones. */
const compiled = new Map<string, CompiledConfig>();

/** What the gateways are told of quotas. */
export function simConfig(quotas: Quotas): CompiledConfig {
  const name = JSON.stringify(quotas);
  let config = compiled.get(name);
  if (config === undefined) {
    config = compile(quotas);
    compiled.set(name, config);
  }
  return config;
}

function compile(quotas: Quotas): CompiledConfig {
  const limits = (plan: PlanName, per: string) => ({
    limits: (["minute", "day"] as const).map((window) => ({
      ...{ name: window, per, window },
      quota: quotas[plan][window],
      ...(quotas[plan].isStrict && window === "minute" ? { enforcement: "strict" as const } : {}),
    })),
  });
  const made = compileConfigValue(
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
      plans: {
        small: limits("small", "key"),
        big: limits("big", "key"),
        strict: limits("strict", "key"),
        anonymous: limits("anonymous", "ip"),
      },
      anonymousPlan: "anonymous",
      routes: [{ path: "/{ip}", handler: "./handler.ts" }],
    },
    { file: "/etc/tallygate.yaml", fileExists: () => true },
  );
  assert("config" in made, `the simulated configuration is valid: ${JSON.stringify(made)}`);
  return made.config;
}
