/** Every metric of gateway and hub: the parts are made with a registry that writes down what they ask for. */

import { droppedLines } from "../../src/adapters/node/access-log.ts";
import { certificateMetrics } from "../../src/adapters/node/tls-metrics.ts";
import { linkRefusals } from "../../src/cli/link-refusals.ts";
import { reloadMetrics } from "../../src/cli/reload-metrics.ts";
import { CallStats } from "../../src/gateway/call-stats.ts";
import { gatewayMetrics } from "../../src/gateway/gateway-metrics.ts";
import { Overload } from "../../src/gateway/overload.ts";
import { Strangers } from "../../src/gateway/strangers.ts";
import { UpstreamMetrics } from "../../src/gateway/upstream-metrics.ts";
import { HubMetrics } from "../../src/hub/hub-metrics.ts";
import type { MetricSpec, Metrics } from "../../src/ports/metrics.ts";
import { code, table } from "./markdown.ts";

interface Metric extends MetricSpec {
  readonly type: "counter" | "gauge" | "histogram";
}

export function metricTables(): string {
  const gateway = `### A gateway\n\n${metricTable(gatewayMetricList())}`;
  return `${gateway}\n\n### The hub\n\n${metricTable(hubMetricList())}`;
}

/** Names of all metrics. */
export function metricNames(): string[] {
  return [...gatewayMetricList(), ...hubMetricList()].map(({ name }) => name);
}

function gatewayMetricList(): readonly Metric[] {
  const log = { info() {}, warn() {}, error() {} };
  const parts = { region: "", log };
  return recorded((metrics) => [
    new CallStats(metrics, ""),
    gatewayMetrics(metrics, ""),
    certificateMetrics(metrics),
    reloadMetrics(metrics),
    droppedLines(metrics),
    new UpstreamMetrics(metrics),
    new Overload({ metrics: metrics, region: "", upstreams: { connectionsTo: () => 0 } }),
    new Strangers({ ...parts, metrics }, { wrongKeysPerMinute: 1, block: undefined }),
  ]);
}

function hubMetricList(): readonly Metric[] {
  const read = (): never => {
    throw new Error("nothing is exposed");
  };
  return recorded((metrics) => [
    new HubMetrics(metrics, read),
    linkRefusals(metrics),
    certificateMetrics(metrics),
    reloadMetrics(metrics),
  ]);
}

function metricTable(list: readonly Metric[]): string {
  const rows = list
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, labels, help }) => [
      code(name),
      type,
      (labels ?? []).map(code).join(", "),
      help.replace(/\.$/, ""),
    ]);
  return table(["metric", "type", "labels", "meaning"], rows);
}

/** What `make` asks its registry for. */
function recorded(make: (metrics: Metrics) => unknown): readonly Metric[] {
  const list: Metric[] = [];
  const family =
    (type: Metric["type"]) =>
    (spec: MetricSpec): { child(): typeof child } => {
      list.push({ ...spec, type });
      return { child: () => child };
    };
  make({
    counter: family("counter"),
    gauge: family("gauge"),
    histogram: family("histogram"),
    onCollect: () => {},
    expose: () => Promise.resolve(""),
  });
  return list;
}

const child = { add() {}, set() {}, observe() {} };
