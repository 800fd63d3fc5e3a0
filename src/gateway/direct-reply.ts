/** Replies that the gateway gives itself, without a charge: problems, denials, health, usage. */

import type { Decision } from "../limits/decide.ts";
import type { Clock } from "../ports/clock.ts";
import type { Exchange, HeaderList, Refusal } from "../ports/listener.ts";
import { recordOf } from "./access-record.ts";
import type { CallStats, Outcome } from "./call-stats.ts";
import type { Caller } from "./caller.ts";
import {
  type ProblemExtras,
  type ProblemKind,
  problemBody,
  problemSpec,
  refusalKind,
} from "./problems.ts";
import type { RefusalTally } from "./refusal-tally.ts";
import { secondsUntil } from "./reply-fields.ts";
import type { CompiledPlan, CompiledRoute } from "./setup.ts";

/** What is known of a request so far. */
export interface Visited {
  readonly exchange: Exchange;
  readonly requestId: string;
  readonly startedMs: number;
  readonly nowMs: number;
  /** Fields that let a web page read the reply; undefined: no rules. */
  readonly cors: HeaderList | undefined;
  /** Undefined before it is identified. */
  readonly caller: Caller | undefined;
}

/** What is known of a call so far, and what the problem says beyond its kind. */
export interface ProblemContext extends ProblemExtras {
  readonly plan?: string;
  readonly route?: string;
  readonly headers?: readonly string[];
}

export class DirectReplies {
  readonly #region: string;
  readonly #stats: CallStats;
  readonly #refusals: RefusalTally;
  readonly #clock: Clock;

  constructor(of: {
    readonly region: string;
    readonly stats: CallStats;
    readonly refusals: RefusalTally;
    readonly clock: Clock;
  }) {
    this.#region = of.region;
    this.#stats = of.stats;
    this.#refusals = of.refusals;
    this.#clock = of.clock;
  }

  problem(
    visited: Visited,
    kind: ProblemKind,
    outcome: Outcome,
    context?: ProblemContext,
  ): undefined {
    const { status, headers, closes } = problemSpec(kind);
    const list = ["content-type", "application/problem+json"];
    if (headers !== undefined) list.push(...headers);
    if (context?.headers !== undefined) list.push(...context.headers);
    if (closes === true) list.push("connection", "close");
    this.#send(visited, {
      status,
      headers: list,
      body: problemBody(kind, visited.requestId, context),
    });
    this.#ended(visited, { status, outcome, context });
    const { caller, nowMs } = visited;
    if (caller === undefined) return;
    const reason = kind === "quota-exceeded" ? outcome : kind;
    this.#refusals.note(caller, { route: context?.route ?? "", reason, nowMs });
  }

  /** The answer to a call that could not be identified. `retryAfterSeconds`: where it is for a while only. */
  refused(visited: Visited, kind: ProblemKind, retryAfterSeconds: number): void {
    const isForAWhile = kind === "address-blocked" || kind === "keys-wrong-too-often";
    const headers = isForAWhile ? ["Retry-After", String(retryAfterSeconds)] : [];
    this.problem(visited, kind, refusedOutcome(kind), { headers });
  }

  limited(
    visited: Visited,
    denied: {
      readonly plan: CompiledPlan;
      readonly route: CompiledRoute;
      readonly decision: Readonly<Decision>;
      readonly signup: string;
      /** RateLimit-Policy. */
      readonly policy: string;
    },
  ): void {
    const { plan, route, decision, signup, policy } = denied;
    const { remaining } = plan.fields;
    const { limits } = plan.plan;
    const violated: string[] = [];
    let outcome: Outcome | undefined;
    for (let i = 0; i < limits.length; i++) {
      if ((decision.violated & (1 << i)) === 0) continue;
      violated.push((limits[i] as (typeof limits)[number]).name);
      outcome ??= plan.limitedOutcomes[i];
    }
    const headers = [
      "Retry-After",
      String(secondsUntil(decision.retryAtMs, visited.nowMs)),
      "RateLimit-Policy",
      policy,
    ];
    if (decision.tightest >= 0) {
      const seconds = secondsUntil(decision.resetsAtMs, visited.nowMs);
      const name = remaining[decision.tightest] as string;
      headers.push("RateLimit", `${name}${decision.remaining};t=${seconds}`);
    }
    this.problem(visited, "quota-exceeded", outcome ?? "admitted", {
      plan: plan.plan.name,
      route: route.config.path,
      headers,
      violatedPolicies: violated,
      ...(plan.isAnonymous && signup !== "" && { signup }),
    });
  }

  /** `reason` "" is health. */
  health(visited: Visited, reason: string): void {
    const isWell = reason === "";
    const headers = ["content-type", "application/json", "cache-control", "no-store"];
    if (!isWell) headers.push("retry-after", "1");
    const body = JSON.stringify(isWell ? { status: "ok" } : { status: "unavailable", reason });
    this.#send(visited, { status: isWell ? 200 : 503, headers, body });
  }

  /** The public status: also for pages of any other site. */
  status(visited: Visited, body: Uint8Array | undefined): void {
    if (body === undefined) {
      const detail = "This region has had no word of the cluster's status yet.";
      this.problem(visited, "gateway-unready", "unready", { detail });
      return;
    }
    const headers = ["content-type", "application/json", "cache-control", "no-cache"];
    if (visited.cors === undefined) headers.push("access-control-allow-origin", "*");
    this.#send(visited, { status: 200, headers, body });
  }

  json(visited: Visited, body: string): void {
    const headers = ["content-type", "application/json", "cache-control", "no-store"];
    this.#send(visited, { status: 200, headers, body });
  }

  /** The answer to a preflight: whether the call itself may be made. */
  preflight(visited: Visited, fields: HeaderList): void {
    this.#send(visited, { status: 204, headers: [...fields], body: undefined });
    this.#ended(visited, { status: 204, outcome: "preflight", context: undefined });
  }

  /** For bytes that are no request. */
  refusal(status: number, requestId: string): Refusal {
    const headers = ["content-type", "application/problem+json"];
    headers.push("x-request-id", requestId, "x-region", this.#region);
    return { headers, body: problemBody(refusalKind(status), requestId) };
  }

  #send(
    { exchange, requestId, cors }: Visited,
    reply: {
      readonly status: number;
      readonly headers: string[];
      readonly body: string | Uint8Array | undefined;
    },
  ): void {
    const { status, headers, body } = reply;
    headers.push("x-request-id", requestId, "x-region", this.#region);
    if (cors !== undefined) headers.push(...cors);
    exchange.reply(status, headers, body);
  }

  #ended(
    visited: Visited,
    of: {
      readonly status: number;
      readonly outcome: Outcome;
      readonly context: ProblemContext | undefined;
    },
  ): void {
    const { status, outcome, context } = of;
    const durationMs = this.#clock.monotonicMs() - visited.startedMs;
    const [route, plan] = [context?.route ?? "", context?.plan ?? ""];
    this.#stats.ended({ route, plan, outcome, bytes: 0, durationMs, elsewhereMs: 0 });
    const record = recordOf(visited.exchange);
    record?.ended({ status, outcome, route, plan, bytes: 0, elsewhereMs: 0 });
  }
}

function refusedOutcome(kind: ProblemKind): Outcome {
  switch (kind) {
    case "key-refused":
    case "keys-wrong-too-often":
      return "unauthorized";
    case "plan-unknown":
    case "address-blocked":
      return "forbidden";
    default:
      return "malformed";
  }
}
