/** The configuration of the simulated clusters: small quotas, so that every run reaches them many times. */

import type { CompiledConfig } from "../access/compiled-config.ts";
import { compileConfigValue } from "../access/config.ts";
import { assert } from "../base/assert.ts";
import type { SeededRandom } from "../base/random.ts";
import type { OvershootLimit } from "../hub/counter-limits.ts";
import type { CallRecord, Limits } from "./calls.ts";
import { routes } from "./targets.ts";

export const regions = ["sydney", "seoul", "madrid", "lima"] as const;

export type PlanName = "small" | "big" | "strict" | "guarded" | "metered" | "anonymous";

export type Quotas = Readonly<Record<PlanName, Limits>>;

export const plans: Quotas = {
  small: { minute: 60, day: 100_000 },
  big: { minute: 600, day: 100_000 },
  /** Its minute is strict: leased, and never exceeded. */
  strict: { minute: 150, day: 100_000, isStrict: true },
  /** Whoever is cut off admits nothing. */
  guarded: { minute: 30, day: 100_000, stalenessMs: 600 },
  /** For the bill alone: its callers ask for reports, which may fail and cost nothing then. */
  metered: { minute: 100_000, day: 100_000 },
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

/** What a call may be decided by that is under one of some plans: more than one while its key is being moved. */
export function limitsAt(
  quotas: Quotas,
  names: readonly PlanName[],
): Pick<CallRecord, "limits" | "least" | "isStrict"> {
  const all = names.map((name) => quotas[name]).sort((a, b) => b.minute - a.minute);
  const [most, least] = [all[0] as Limits, all.at(-1) as Limits];
  const strict = all.filter((limits) => limits.isStrict === true).length;
  const { minute, day } = most;
  const limits = all.length === 1 ? most : { minute, day };
  const isStrict = strict === 0 ? "no" : strict === all.length ? "yes" : "unknown";
  return { limits, least: least.minute, isStrict };
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
      ...(quotas[plan].stalenessMs !== undefined && window === "minute"
        ? { staleness: `${quotas[plan].stalenessMs}ms` }
        : {}),
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
  assert("config" in made, `the simulated configuration is valid: ${JSON.stringify(made)}`);
  return made.config;
}
