/** What keeps a gateway well when more is asked for than it, or an upstream, can do: see the two parts. */

import type { UpstreamConfig } from "../access/compiled-config.ts";
import { addressKind, hostOf } from "../access/upstream-address.ts";
import type { CounterChild, Family, Metrics } from "../ports/metrics.ts";
import type { UpstreamClient } from "../ports/upstream.ts";
import { ConcurrencyLimit } from "./concurrency-limit.ts";
import { LoopGuard } from "./loop-guard.ts";
import { addressesPerNameMax } from "./upstream-group.ts";
import { UpstreamRoom } from "./upstream-room.ts";

export interface OverloadParts {
  readonly metrics: Metrics;
  readonly region: string;
  readonly upstreams: Pick<UpstreamClient, "connectionsTo">;
}

export class Overload {
  readonly loop = new LoopGuard();
  readonly #region: string;
  readonly #upstreams: OverloadParts["upstreams"];
  readonly #cutOffs: Family<CounterChild>;
  #rooms = new Map<string, { readonly max: number; readonly room: UpstreamRoom }>();

  constructor({ metrics, region, upstreams }: OverloadParts) {
    this.#region = region;
    this.#upstreams = upstreams;
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
    this.#cutOffs = metrics.counter({
      name: "tallygate_slow_clients_cut_off_total",
      help: "Calls that waited long for a slow client and lost their connection to the upstream to others.",
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
      for (const [upstream, { room }] of this.#rooms) {
        const { limit } = room;
        if (limit === undefined) continue;
        limits.child(region, upstream).set(limit.limit);
        underWay.child(region, upstream).set(limit.underWay);
      }
    });
  }

  /** The room at an upstream: the same for as long as it may have as many sockets from this region, and a limit or none. */
  roomAt(upstream: UpstreamConfig): UpstreamRoom {
    const { name, connectionsMax, targets, regions, hasConcurrencyLimit } = upstream;
    const addresses = (regions.get(this.#region) ?? targets).reduce((sum, { url }) => {
      const isName = addressKind(hostOf(url)) === "not-an-address";
      return sum + (isName ? addressesPerNameMax : 1);
    }, 0);
    const max = connectionsMax * addresses;
    const known = this.#rooms.get(name);
    const isLimited = known?.room.limit !== undefined;
    if (known?.max === max && isLimited === hasConcurrencyLimit) return known.room;
    const room = new UpstreamRoom(hasConcurrencyLimit ? new ConcurrencyLimit(max) : undefined, {
      cutOffs: this.#cutOffs.child(this.#region, name),
      latenessMs: () => this.loop.latenessMs,
      // Of a name only its look-up tells how many addresses there are.
      connections: () => this.#upstreams.connectionsTo(name) || max,
    });
    this.#rooms.set(name, { max, room });
    return room;
  }

  /** Lets go of upstreams that are not in the list. */
  retain(upstreams: readonly UpstreamConfig[]): void {
    const names = new Set(upstreams.map(({ name }) => name));
    this.#rooms = new Map([...this.#rooms].filter(([name]) => names.has(name)));
  }
}
