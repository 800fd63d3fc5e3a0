/** What is counted about upstreams. Labels are names and places of the configuration, so bounded by it. */

import type { CounterChild, Family, GaugeChild, Metrics } from "../ports/metrics.ts";
import type { Standing } from "../upstreams/target-health.ts";

/** How a try ended: `ok` below 500, `error` from there on, `left` if the client went away before, the others as failures. */
const tryResults = ["ok", "error", "unreachable", "slow", "bad", "left"] as const;
export type TryResult = (typeof tryResults)[number];

/** Why a call was tried again: nothing had been sent (`elsewhere`), or it was sent again (`again`). */
export type RetryReason = "elsewhere" | "again";

export type TargetCounters = Readonly<Record<TryResult, CounterChild>>;

const standings: readonly Standing[] = ["in", "trial", "out"];

export class UpstreamMetrics {
  readonly #tries: Family<CounterChild>;
  readonly #retries: Family<CounterChild>;
  readonly #fallbacks: Family<CounterChild>;
  readonly #refused: Family<CounterChild>;
  readonly #addresses: Family<GaugeChild>;

  constructor(metrics: Metrics) {
    this.#tries = metrics.counter({
      name: "tallygate_upstream_tries_total",
      help: "Tries of calls at a target, by its place in the configuration and how they ended.",
      labels: ["upstream", "target", "result"],
    });
    this.#retries = metrics.counter({
      name: "tallygate_upstream_retries_total",
      help: "Tries that followed a failed one, by whether the call was sent again or nothing had been sent.",
      labels: ["upstream", "reason"],
    });
    this.#fallbacks = metrics.counter({
      name: "tallygate_upstream_fallbacks_total",
      help: "Calls that went to the fallback.",
      labels: ["upstream"],
    });
    this.#refused = metrics.counter({
      name: "tallygate_upstream_refused_total",
      help: "Calls refused without a try, since no target was in service (unavailable) or all were busy (overloaded).",
      labels: ["upstream", "kind"],
    });
    this.#addresses = metrics.gauge({
      name: "tallygate_upstream_addresses",
      help: "Addresses of a target that are in service, on trial or out.",
      labels: ["upstream", "target", "standing"],
    });
  }

  target(upstream: string, target: number): TargetCounters {
    const place = String(target);
    return Object.fromEntries(
      tryResults.map((result) => [result, this.#tries.child(upstream, place, result)]),
    ) as TargetCounters;
  }

  retried(upstream: string, reason: RetryReason): void {
    this.#retries.child(upstream, reason).add(1);
  }

  fellBack(upstream: string): void {
    this.#fallbacks.child(upstream).add(1);
  }

  refused(upstream: string, kind: string): void {
    this.#refused.child(upstream, kind).add(1);
  }

  /** `counts` by place of the target, then by standing. */
  standing(upstream: string, counts: readonly Readonly<Record<Standing, number>>[]): void {
    for (const [target, count] of counts.entries()) {
      for (const standing of standings) {
        this.#addresses.child(upstream, String(target), standing).set(count[standing]);
      }
    }
  }
}
