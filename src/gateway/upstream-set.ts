/** The upstreams of a configuration, as one region's gateway sees them. */

import type { TargetConfig, UpstreamConfig } from "../access/compiled-config.ts";
import { assert, present } from "../base/assert.ts";
import { Bag } from "../base/bag.ts";
import type { Timer } from "../ports/clock.ts";
import type { Metrics } from "../ports/metrics.ts";
import type {
  UpstreamCall,
  UpstreamClient,
  UpstreamRequest,
  UpstreamReservation,
  UpstreamSink,
} from "../ports/upstream.ts";
import type { Standing } from "../upstreams/target-health.ts";
import { UpstreamGroup, type UpstreamPorts } from "./upstream-group.ts";
import { UpstreamMetrics } from "./upstream-metrics.ts";
import { UpstreamRun } from "./upstream-run.ts";

/** How often time-outs are looked for: so late can one be. */
export const sweepIntervalMs = 50;

interface Route {
  readonly group: UpstreamGroup;
  readonly fallback: UpstreamGroup | undefined;
}

interface Wanted {
  readonly name: string;
  readonly config: UpstreamConfig;
  readonly targets: readonly TargetConfig[];
}

export class UpstreamSet implements UpstreamClient {
  readonly #region: string;
  readonly #ports: UpstreamPorts;
  readonly #metrics: UpstreamMetrics;
  readonly #groups = new Map<string, { readonly group: UpstreamGroup; readonly content: string }>();
  readonly #runs = new Bag<UpstreamRun>();
  readonly #onOver = (run: UpstreamRun): void => this.#runs.delete(run);
  readonly #timer: Timer;
  #routes = new Map<UpstreamConfig, Route>();
  /** No longer configured, with calls in progress. */
  readonly #retiring = new Set<UpstreamGroup>();

  constructor(region: string, ports: UpstreamPorts & { readonly metrics: Metrics }) {
    this.#region = region;
    this.#ports = ports;
    this.#metrics = new UpstreamMetrics(ports.metrics);
    this.#timer = ports.timers.every(sweepIntervalMs, () => this.#sweep());
    ports.metrics.onCollect(() => this.#collect());
  }

  forward(config: UpstreamConfig, request: UpstreamRequest, sink: UpstreamSink): UpstreamCall {
    return this.#run(this.#routeOf(config), request, sink);
  }

  reserve(config: UpstreamConfig): UpstreamReservation {
    const route = this.#routeOf(config);
    const { group, fallback } = route;
    let isHeld = true;
    group.enter();
    fallback?.enter();
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      group.leave();
      fallback?.leave();
    };
    return {
      forward: (request, sink) => {
        assert(isHeld, "a reservation that is neither used nor released");
        const run = this.#run(route, request, sink);
        release();
        return run;
      },
      release,
    };
  }

  #routeOf(config: UpstreamConfig): Route {
    return present(this.#routes.get(config), "an upstream of the configuration");
  }

  #run(route: Route, request: UpstreamRequest, sink: UpstreamSink): UpstreamCall {
    const run = new UpstreamRun(request, sink, {
      ...route,
      metrics: this.#metrics,
      clock: this.#ports.clock,
      onOver: this.#onOver,
    });
    this.#runs.add(run);
    run.start();
    return run;
  }

  retain(configs: readonly UpstreamConfig[]): void {
    const before = new Set(this.#groups.keys());
    const take = (wanted: Wanted): UpstreamGroup => {
      before.delete(wanted.name);
      return this.#take(wanted);
    };
    const own = (config: UpstreamConfig): UpstreamGroup => {
      const targets = config.regions.get(this.#region) ?? config.targets;
      return take({ name: config.name, config, targets });
    };
    const routes = new Map<UpstreamConfig, Route>();
    for (const config of configs) {
      routes.set(config, {
        group: own(config),
        fallback: this.#fallback(config, configs, { take, own }),
      });
    }
    this.#routes = routes;
    for (const name of before) this.#drop(name);
  }

  connectionsTo(name: string): number {
    const group = this.#groups.get(name)?.group;
    return group === undefined ? 0 : group.members.length * group.config.connectionsMax;
  }

  async close(): Promise<void> {
    this.#timer.cancel();
    this.#routes = new Map();
    const groups = [...this.#groups.values()].map(({ group }) => group);
    this.#groups.clear();
    await Promise.all([...groups, ...this.#retiring].map((group) => group.destroy()));
  }

  #fallback(
    { fallback, name, regions }: UpstreamConfig,
    configs: readonly UpstreamConfig[],
    make: {
      take(wanted: Wanted): UpstreamGroup;
      own(config: UpstreamConfig): UpstreamGroup;
    },
  ): UpstreamGroup | undefined {
    if (fallback === undefined) return undefined;
    if (fallback.kind === "upstream") {
      const config = configs.find((other) => other.name === fallback.name);
      return config && make.own(config);
    }
    const { region } = fallback;
    const config = configs.find((other) => other.name === name);
    const targets = regions.get(region);
    // In that region they are the upstream's own targets.
    if (region === this.#region || config === undefined || targets === undefined) return undefined;
    return make.take({ name: `${name}@${region}`, config, targets });
  }

  /** The group there is, if nothing about it has changed: it knows its targets' health and has connections. */
  #take({ name, config, targets }: Wanted): UpstreamGroup {
    const content = JSON.stringify([targets, config]);
    const known = this.#groups.get(name);
    if (known?.content === content) return known.group;
    if (known !== undefined) this.#retire(known.group);
    const group = new UpstreamGroup({ name, config, targets }, this.#ports, this.#metrics);
    this.#groups.set(name, { group, content });
    return group;
  }

  #drop(name: string): void {
    const known = this.#groups.get(name);
    this.#groups.delete(name);
    if (known !== undefined) this.#retire(known.group);
  }

  #retire(group: UpstreamGroup): void {
    this.#retiring.add(group);
    group.retire(() => this.#retiring.delete(group));
  }

  #sweep(): void {
    const nowMs = this.#ports.clock.monotonicMs();
    this.#runs.each((run) => run.sweep(nowMs));
  }

  #collect(): void {
    const nowMs = this.#ports.clock.monotonicMs();
    for (const [name, { group }] of this.#groups) {
      const counts: Record<Standing, number>[] = Array.from({ length: group.targetCount }, () => ({
        in: 0,
        trial: 0,
        out: 0,
      }));
      for (const { target, health } of group.members) {
        const count = counts[target];
        if (count !== undefined) count[health.standing(nowMs)]++;
      }
      this.#metrics.standing(name, counts);
    }
  }
}
