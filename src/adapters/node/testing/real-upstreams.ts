/** Upstreams over real sockets and real time, for tests. */

import type { UpstreamConfig } from "../../../access/compiled-config.ts";
import { compileConfigValue } from "../../../access/config.ts";
import { assert } from "../../../base/assert.ts";
import { UpstreamSet } from "../../../gateway/upstream-set.ts";
import type { Log } from "../../../ports/log.ts";
import { nodeClock, nodeRandom, nodeTimers } from "../clock.ts";
import { nodeMetrics } from "../metrics.ts";
import { upstreamNetwork } from "../upstream-client.ts";

const log: Log = { info: () => {}, warn: () => {}, error: () => {} };

export function realUpstreams(): UpstreamSet {
  const network = upstreamNetwork(log);
  const ports = { network, clock: nodeClock, timers: nodeTimers, random: nodeRandom, log };
  return new UpstreamSet("sydney", { ...ports, metrics: nodeMetrics() });
}

/** The upstream `u` as the configuration's `upstreams.u` says, others beside it. */
export function compiledUpstreams(
  upstreams: Readonly<Record<string, unknown>>,
): ReadonlyMap<string, UpstreamConfig> {
  const compiled = compileConfigValue(
    {
      version: 1,
      regions: { sydney: { listen: "127.0.0.1:8081" }, seoul: { listen: "127.0.0.1:8082" } },
      plans: { free: { limits: [] } },
      upstreams,
      routes: [{ path: "/*", upstream: Object.keys(upstreams)[0] }],
    },
    { file: "/etc/tallygate.yaml", fileExists: () => true },
  );
  assert("config" in compiled, JSON.stringify(compiled));
  return new Map(compiled.config.upstreams.map((upstream) => [upstream.name, upstream]));
}
