/** Compiles `plans`: names resolved to counters and dimensions, rules between fields checked. */

import { present } from "../base/assert.ts";
import { quotaMax } from "../base/words.ts";
import {
  type CounterSpec,
  type Dimension,
  dimensionsMax,
  type Limit,
  limitsAtWorkMax,
  type Plan,
} from "../limits/plan.ts";
import { defaultScope, parseWindowSpec, type WindowSpec } from "../limits/window.ts";
import type { ClientsConfig, KeySource } from "./compiled-config.ts";
import type { ConfigPath, ProblemList } from "./config-problem.ts";
import type { ConfigInput, LimitInput } from "./config-schema.ts";
import { parseDuration } from "./config-values.ts";
import { dimensionName } from "./dimension.ts";

/** A strict limit's shortest window: leases travel between regions. */
const strictWindowMsMin = 60_000;

/** A view older than a year is not waited for; shorter than a heartbeat would always be stale. */
const stalenessMsMin = 100;
const stalenessMsMax = 366 * 86_400_000;

export interface CompiledPlans {
  readonly plans: readonly Plan[];
  readonly anonymousPlan: Plan | undefined;
  readonly dimensions: readonly Dimension[];
}

export interface PlanSurroundings {
  readonly keySources: readonly KeySource[];
  /** Names of the parameters of all routes. */
  readonly pathParameters: ReadonlySet<string>;
  readonly clients: Pick<ClientsConfig, "ipv6Aggregates" | "sharedTimes">;
}

export function compilePlans(
  input: ConfigInput,
  around: PlanSurroundings,
  problems: ProblemList,
): CompiledPlans {
  const dimensions: Dimension[] = [];
  const plans = Object.entries(input.plans).map(([name, { limits }], index): Plan => {
    const path: ConfigPath = ["plans", name, "limits"];
    const plan: PlanDraft = { counters: [], limits: [], written: limits };
    for (const [i, limit] of limits.entries()) {
      const at: LimitPlace = {
        path: [...path, i],
        index: i,
        isAnonymous: name === input.anonymousPlan,
      };
      checkLimit(limit, at, { ...around, plan, problems });
      const window = compileWindow(limit, at, problems);
      if (window === undefined) continue;
      const counter = counterOf(limit, window, { plan, dimensions });
      checkStrictTwin(limit, counter, { path: at.path, plan, problems });
      plan.limits.push(compileLimit(limit, counter, { ...around, path: at.path, problems }));
    }
    addCeilings(plan, { path, dimensions, clients: around.clients, problems });
    return { name, index, limits: plan.limits, counters: plan.counters };
  });
  checkOwnerLimits(plans, problems);
  if (dimensions.length > dimensionsMax) {
    problems.add(["plans"], `at most ${dimensionsMax} different \`per\``, {
      text: `${dimensions.length} different \`per\``,
    });
  }
  const anonymousPlan = plans.find((plan) => plan.name === input.anonymousPlan);
  if (input.anonymousPlan !== undefined && anonymousPlan === undefined) {
    const names = plans.map((plan) => plan.name).join(", ");
    problems.add(["anonymousPlan"], `one of the plans ${names}`, { value: input.anonymousPlan });
  }
  return { plans, anonymousPlan, dimensions };
}

interface PlanDraft {
  readonly counters: CounterSpec[];
  readonly limits: Limit[];
  readonly written: readonly LimitInput[];
}

interface LimitPlace {
  readonly path: ConfigPath;
  readonly index: number;
  readonly isAnonymous: boolean;
}

interface LimitSurroundings extends PlanSurroundings {
  readonly plan: PlanDraft;
  readonly problems: ProblemList;
}

function checkLimit(limit: LimitInput, place: LimitPlace, around: LimitSurroundings): void {
  const { problems, plan } = around;
  const { path } = place;
  const earlier = plan.written.slice(0, place.index);
  if (earlier.some((other) => other.name === limit.name)) {
    problems.add([...path, "name"], "a name that no other limit of the plan has", {
      value: limit.name,
    });
  }
  if (place.isAnonymous && limit.per === "key") {
    problems.add([...path, "per"], "something that a call without a key has, such as ip", {
      text: "key in the anonymous plan",
    });
  }
  const twin = earlier.find((other) => dimensionName(other.per) === dimensionName(limit.per));
  if (twin !== undefined && missingRule(twin) !== missingRule(limit)) {
    problems.add(
      [...path, "missing"],
      `${missingRule(twin)}, as for limit ${JSON.stringify(twin.name)}: limits of one plan on the same \`per\` share the rule`,
      { text: missingRule(limit) },
    );
  }
  const { per } = limit;
  if (per.startsWith("path:") && !around.pathParameters.has(per.slice(5))) {
    problems.add([...path, "per"], "a parameter that some route has", { value: per });
  }
  if (carriesSecret(dimensionName(per), around.keySources)) {
    problems.add(
      [...path, "per"],
      "a field that holds no credential, since reports show its values",
      {
        value: per,
      },
    );
  }
}

/** Leases are of a counter: two quotas for them would be one too many. */
function checkStrictTwin(
  limit: LimitInput,
  counter: number,
  { path, plan, problems }: { path: ConfigPath; plan: PlanDraft; problems: ProblemList },
): void {
  const twin = plan.limits.find((other) => {
    return other.counter === counter && other.enforcement === "strict";
  });
  if (twin === undefined || limit.enforcement !== "strict") return;
  problems.add(
    [...path, "enforcement"],
    `one strict limit on what ${JSON.stringify(twin.name)} counts already: the lower of the two`,
    { text: "a second one" },
  );
}

/**
 * Keys of one owner may have different plans: what one hands out of their common count the others spend, too. So a strict quota of an
 * owner is the same in all of them.
 */
function checkOwnerLimits(plans: readonly Plan[], problems: ProblemList): void {
  const all = plans.flatMap(({ name, limits, counters }) =>
    limits.flatMap((limit) => {
      const counter = counters[limit.counter];
      return counter?.per === "owner" ? [{ plan: name, limit, counter }] : [];
    }),
  );
  for (const { plan, limit, counter } of all) {
    const strict = all.find((other) => {
      const isSame = other.counter.window === counter.window && other.counter.scope === "global";
      return isSame && other.limit.enforcement === "strict";
    });
    if (strict === undefined || counter.scope !== "global") continue;
    const { quota } = strict.limit;
    if (limit.enforcement === "strict" && limit.quota === quota) continue;
    problems.add(
      ["plans", plan, "limits"],
      `enforcement: strict and quota: ${quota} for ${JSON.stringify(limit.name)}, as in plan ${JSON.stringify(strict.plan)}: keys of one owner share the count`,
      { text: `enforcement: ${limit.enforcement}, quota: ${limit.quota}` },
    );
  }
}

/** Values of these would stand in the ledger as subject texts. */
function carriesSecret(per: Dimension, sources: readonly KeySource[]): boolean {
  if (["header:authorization", "header:proxy-authorization", "header:cookie"].includes(per)) {
    return true;
  }
  return sources.some((source) => {
    return source.kind !== "bearer" && per === `${source.kind}:${source.name}`;
  });
}

function compileWindow(
  limit: LimitInput,
  place: LimitPlace,
  problems: ProblemList,
): WindowSpec | undefined {
  const path = [...place.path, "window"];
  const window = parseWindowSpec(limit.window);
  if ("error" in window) {
    problems.add(path, window.error.replace(/^.*expected /, ""), { value: limit.window });
    return undefined;
  }
  const isKeyed = limit.per === "key" || limit.per === "owner";
  if (window.kind === "month@key" && !isKeyed) {
    problems.add(path, "month@key only with per: key or owner", { text: `per: ${limit.per}` });
  }
  if (limit.enforcement === "strict") {
    const at = [...place.path, "enforcement"];
    if (window.nominalMs < strictWindowMsMin) {
      problems.add(at, "a window of a minute or more for a strict limit", {
        text: `window: ${limit.window}`,
      });
    }
    if (!isKeyed) {
      problems.add(at, "per: key or owner for a strict limit", { text: `per: ${limit.per}` });
    }
    if (limit.scope === "region") {
      problems.add(at, "scope: global for a strict limit", { text: "scope: region" });
    }
    if (limit.onFailure === "allow") {
      problems.add(at, "onFailure: deny for a strict limit", { text: "onFailure: allow" });
    }
  }
  return window;
}

/** The index of the limit's counter in the plan; limits on one counter share it. */
function counterOf(
  limit: LimitInput,
  window: WindowSpec,
  to: { readonly plan: PlanDraft; readonly dimensions: Dimension[] },
): number {
  const per = dimensionName(limit.per);
  const scope = limit.scope ?? defaultScope(window);
  const { counters } = to.plan;
  const same = counters.findIndex((other) => {
    return other.per === per && other.window === window && other.scope === scope;
  });
  if (same >= 0) return same;
  if (!to.dimensions.includes(per)) to.dimensions.push(per);
  counters.push({ per, dimension: to.dimensions.indexOf(per), window, scope });
  return counters.length - 1;
}

function compileLimit(
  limit: LimitInput,
  counter: number,
  around: Pick<PlanSurroundings, "clients"> & { path: ConfigPath; problems: ProblemList },
): Limit {
  const { path, problems, clients } = around;
  let stalenessMs = 0;
  if (limit.staleness !== undefined) {
    stalenessMs = present(parseDuration(limit.staleness), "a checked duration");
    if (stalenessMs < stalenessMsMin || stalenessMs > stalenessMsMax) {
      problems.add([...path, "staleness"], "100ms to 366d", { value: limit.staleness });
    }
  }
  return {
    name: limit.name,
    counter,
    quota: limit.quota,
    sharedQuota: timesQuota(limit.quota, clients.sharedTimes),
    enforcement: limit.enforcement ?? "soft",
    stalenessMs,
    onFailure: limit.onFailure ?? "deny",
    missing: missingRule(limit),
  };
}

/**
 * For each limit per address one for each block around it, behind the plan's own. They are counted like the others; calls from
 * IPv4 have no such block.
 */
function addCeilings(
  plan: PlanDraft,
  around: {
    readonly path: ConfigPath;
    readonly dimensions: Dimension[];
    readonly clients: PlanSurroundings["clients"];
    readonly problems: ProblemList;
  },
): void {
  const { path, dimensions, clients, problems } = around;
  const names = new Set(plan.written.map(({ name }) => name));
  for (const limit of [...plan.limits]) {
    const own = present(plan.counters[limit.counter], "counter of the limit");
    if (own.per !== "ip") continue;
    for (const { prefix, times } of clients.ipv6Aggregates) {
      const per: Dimension = `ip/${prefix}`;
      const name = `${limit.name}/${prefix}`;
      if (names.has(name)) {
        problems.add(path, "names that no ceiling of `clients.ipv6Aggregates` has", {
          text: `a limit called ${JSON.stringify(name)}`,
        });
      }
      if (!dimensions.includes(per)) dimensions.push(per);
      const dimension = dimensions.indexOf(per);
      const { window, scope } = own;
      let counter = plan.counters.findIndex((other) => {
        return other.per === per && other.window === window && other.scope === scope;
      });
      if (counter < 0) {
        counter = plan.counters.length;
        plan.counters.push({ per, dimension, window, scope });
      }
      const quota = timesQuota(limit.quota, times);
      const sharedQuota = timesQuota(quota, clients.sharedTimes);
      plan.limits.push({ ...limit, name, counter, quota, sharedQuota, missing: "skip" });
    }
  }
  if (plan.limits.length > limitsAtWorkMax) {
    const expected = `at most ${limitsAtWorkMax} limits with the ceilings of \`clients.ipv6Aggregates\``;
    problems.add(path, expected, { text: `${plan.limits.length}` });
  }
}

function timesQuota(quota: number, times: number): number {
  return Math.min(quotaMax, quota * times);
}

function missingRule(limit: LimitInput): Limit["missing"] {
  const isOptional = limit.per === "referer" || limit.per === "owner";
  return limit.missing ?? (isOptional ? "skip" : "deny");
}
