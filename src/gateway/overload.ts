/** What keeps a gateway well when more is asked for than it, or an upstream, can do: see the two parts. */

import type { UpstreamConfig } from "../access/compiled-config.ts";
import { addressKind, hostOf } from "../access/upstream-address.ts";
import type { Metrics } from "../ports/metrics.ts";
import { ConcurrencyLimit } from "./concurrency-limit.ts";
import { LoopGuard } from "./loop-guard.ts";
import { addressesPerNameMax } from "./upstream-group.ts";

export class Overload {
  readonly loop = new LoopGuard();
  readonly #region: string;
  #limits = new Map<string, { readonly max: number; readonly limit: ConcurrencyLimit }>();

  constructor(metrics: Metrics, region: string) {
    this.#region = region;
    const labels = ["region", "upstream"];
    const limits = metrics.gauge({
      name: "tallygate_upstream_concurrency_limit",
      help: "Calls that may wait for an upstream's answer at once, as found from its latency.",
      labels,
    });
    const underWay = metrics.gauge({
      name: "tallygate_upstream_calls",
      help: "Calls that wait for an upstream's answer.",
      labels,
    });
    const shed = metrics
      .gauge({
        name: "tallygate_shed_share",
        help: "Share of calls that is shed since the process cannot keep up, 0 to 0.95.",
        labels: ["region"],
      })
      .child(region);
    metrics.onCollect(() => {
      shed.set(this.loop.share);
      for (const [upstream, { limit }] of this.#limits) {
        limits.child(region, upstream).set(limit.limit);
        underWay.child(region, upstream).set(limit.underWay);
      }
    });
  }

  /** The limit of an upstream, if it has one: the same for as long as it may have as many sockets from this region. */
  limitOf(upstream: UpstreamConfig): ConcurrencyLimit | undefined {
    if (!upstream.hasConcurrencyLimit) return undefined;
    const { name, connectionsMax, targets, regions } = upstream;
    const addresses = (regions.get(this.#region) ?? targets).reduce((sum, { url }) => {
      const isName = addressKind(hostOf(url)) === "not-an-address";
      return sum + (isName ? addressesPerNameMax : 1);
    }, 0);
    const max = connectionsMax * addresses;
    const known = this.#limits.get(name);
    if (known?.max === max) return known.limit;
    const limit = new ConcurrencyLimit(max);
    this.#limits.set(name, { max, limit });
    return limit;
  }

  /** Lets go of upstreams that are not in the list, or have no limit any more. */
  retain(upstreams: readonly UpstreamConfig[]): void {
    const limited = upstreams.filter(({ hasConcurrencyLimit }) => hasConcurrencyLimit);
    const names = new Set(limited.map(({ name }) => name));
    this.#limits = new Map([...this.#limits].filter(([name]) => names.has(name)));
  }
}
