/**
 * A configuration as the pipeline runs it: routes with their handlers loaded, plans with what their
 * replies and counters of metrics need. Replaced as a whole by the next; calls in progress keep
 * theirs.
 */

import type { CompiledConfig, RouteConfig } from "../access/compiled-config.ts";
import { isIpv4 } from "../access/ip-address.ts";
import { parseRoutePattern } from "../access/route-pattern.ts";
import type { Plan } from "../limits/plan.ts";
import type { Handler, HandlerHost } from "../ports/handler.ts";
import type { CounterChild } from "../ports/metrics.ts";
import type { CallStats, Outcome } from "./call-stats.ts";
import { CallerAddress } from "./caller-address.ts";
import { Door } from "./door.ts";
import { type ForwardRules, forwardRules } from "./forward-headers.ts";
import type { Overload } from "./overload.ts";
import { type PlanFields, planFields } from "./reply-fields.ts";
import { Router } from "./routes.ts";
import type { UpstreamRoom } from "./upstream-room.ts";

export interface CompiledRoute {
  readonly config: RouteConfig;
  /** Undefined: the route goes to an upstream, or its answer is fixed. */
  readonly handler: Handler | undefined;
  /** At the route's upstream. */
  readonly room: UpstreamRoom | undefined;
  /** Parameters by name and the number of their segment in the path, the first being 0. */
  readonly parameters: readonly { readonly name: string; readonly segment: number }[];
  readonly refundsNotAttempted: boolean;
  readonly refunds5xx: boolean;
}

export interface CompiledPlan {
  readonly plan: Plan;
  /** Without the ceilings of IPv6 blocks, which are the last of its limits and counters: calls from IPv4 need not look at them. */
  readonly ipv4: Plan;
  readonly isAnonymous: boolean;
  readonly fields: PlanFields;
  /** Milliseconds after which the view is too old for some limit; 0: never. */
  readonly stalenessMs: number;
  /** Whether calls go through, unmetered, while the journal cannot be written. */
  readonly allowsUnmetered: boolean;
  readonly admitted: CounterChild;
  /** By place of the limit in the plan. */
  readonly denied: readonly CounterChild[];
  /** Refusals since this process held too little of a strict quota. */
  readonly unleased: readonly CounterChild[];
  readonly shadowDenied: readonly CounterChild[];
  /** By place of the counter in the plan: calls whose subject found no room. */
  readonly shared: readonly CounterChild[];
  readonly limitedOutcomes: readonly Outcome[];
}

export interface Setup {
  readonly config: CompiledConfig;
  /** By which all of its requests come in. */
  readonly door: Door;
  readonly callerAddress: CallerAddress;
  readonly router: Router<CompiledRoute>;
  readonly plans: ReadonlyMap<string, CompiledPlan>;
  readonly anonymousPlan: CompiledPlan | undefined;
  readonly forwardRules: ForwardRules;
  /** Those of upstreams that get the caller's key. */
  readonly forwardRulesWithKey: ForwardRules;
}

export interface SetupParts {
  readonly handlers: HandlerHost;
  readonly stats: CallStats;
  readonly overload: Overload;
}

/** Loads the handlers' modules. Fails with `config-invalid` if one is not usable. */
export async function compileSetup(config: CompiledConfig, parts: SetupParts): Promise<Setup> {
  const routes: CompiledRoute[] = [];
  for (const route of config.routes) routes.push(await compileRoute(route, parts));
  const plans = new Map<string, CompiledPlan>();
  for (const plan of config.plans) {
    const isAnonymous = plan.name === config.anonymousPlan?.name;
    plans.set(plan.name, compilePlan(plan, { isAnonymous, stats: parts.stats }));
  }
  const { from } = config.keys;
  return {
    config,
    door: new Door(config),
    callerAddress: new CallerAddress(config.clients),
    router: new Router(routes),
    plans,
    anonymousPlan: config.anonymousPlan && plans.get(config.anonymousPlan.name),
    forwardRules: forwardRules(from, false),
    forwardRulesWithKey: forwardRules(from, true),
  };
}

async function compileRoute(config: RouteConfig, parts: SetupParts): Promise<CompiledRoute> {
  const { target, refundOn, path } = config;
  const pattern = parseRoutePattern(path);
  const segments = "error" in pattern ? [] : pattern.segments;
  return {
    config,
    handler: await loadHandler(config, parts.handlers),
    room: target.kind === "upstream" ? parts.overload.roomAt(target.upstream) : undefined,
    parameters: segments.flatMap((segment, i) =>
      segment.kind === "parameter" ? [{ name: segment.name, segment: i }] : [],
    ),
    refundsNotAttempted: refundOn.includes("not-attempted"),
    refunds5xx: refundOn.includes("5xx"),
  };
}

/** Files are answered by a handler as well. */
function loadHandler({ target }: RouteConfig, handlers: HandlerHost): Promise<Handler> | undefined {
  if (target.kind === "handler") return handlers.load(target.file);
  return target.kind === "files" ? handlers.files(target.folder, target.segment) : undefined;
}

function compilePlan(
  plan: Plan,
  parts: { readonly isAnonymous: boolean; readonly stats: CallStats },
): CompiledPlan {
  const { limits, name } = plan;
  const { stats, isAnonymous } = parts;
  const stalenesses = limits.map(({ stalenessMs }) => stalenessMs).filter((ms) => ms > 0);
  return {
    plan,
    ipv4: withoutCeilings(plan),
    isAnonymous,
    fields: planFields(plan),
    stalenessMs: stalenesses.length === 0 ? 0 : Math.min(...stalenesses),
    // A plan without limits has said nothing of the kind: its calls are for the bill.
    allowsUnmetered: limits.length > 0 && limits.every(({ onFailure }) => onFailure === "allow"),
    admitted: stats.decision(name, "", "admitted"),
    denied: limits.map((limit) => stats.decision(name, limit.name, "denied")),
    unleased: limits.map((limit) => stats.decision(name, limit.name, "unleased")),
    shadowDenied: limits.map((limit) => stats.decision(name, limit.name, "shadow")),
    shared: plan.counters.map(({ per }) => stats.crowded(name, per)),
    limitedOutcomes: limits.map((limit): Outcome => `limited:${limit.name}`),
  };
}

function withoutCeilings(plan: Plan): Plan {
  const isCeiling = (counter: number): boolean =>
    plan.counters[counter]?.per.startsWith("ip/") === true;
  return {
    ...plan,
    limits: plan.limits.filter(({ counter }) => !isCeiling(counter)),
    counters: plan.counters.filter((_, counter) => !isCeiling(counter)),
  };
}

/** The limits that a caller of that address is held against, and RateLimit-Policy for them. */
export function rulesFor(
  { plan, ipv4, fields }: CompiledPlan,
  address: ArrayLike<number>,
): { readonly rules: Plan; readonly policy: string } {
  return isIpv4(address)
    ? { rules: ipv4, policy: fields.policy }
    : { rules: plan, policy: fields.ipv6Policy };
}
