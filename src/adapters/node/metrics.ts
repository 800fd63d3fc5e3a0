/**
 * The metrics port on prom-client: it keeps the registry, writes the exposition and measures the
 * process; the numbers themselves are plain fields of our own, because prom-client's children hash
 * their labels at every `inc` and `observe`.
 */

import { collectDefaultMetrics, type Metric, Registry } from "prom-client";
import { assert } from "../../base/assert.ts";
import type {
  CounterChild,
  Family,
  GaugeChild,
  HistogramChild,
  MetricSpec,
  Metrics,
} from "../../ports/metrics.ts";

/** Children of one family. What comes beyond shares one whose labels are all "other". */
export const metricChildrenMax = 10_000;
const overflowLabel = "other";

export interface NodeMetricsOptions {
  /** On every sample: region, process. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Also `process_*` and `nodejs_*`: CPU time, memory, garbage collection, event loop. */
  readonly processMetrics?: boolean;
}

export function nodeMetrics(options: NodeMetricsOptions = {}): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ ...options.labels });
  if (options.processMetrics === true) collectDefaultMetrics({ register: registry });
  const collectors: (() => void)[] = [];
  return {
    counter: (spec) => family(registry, spec, { type: "counter", make: counterCell }),
    gauge: (spec) => family(registry, spec, { type: "gauge", make: gaugeCell }),
    histogram(spec) {
      const { buckets } = spec;
      assert(
        buckets.length > 0 && buckets.every((b, i) => i === 0 || b > (buckets[i - 1] as number)),
        `${spec.name}: buckets must rise`,
      );
      const bounds = Float64Array.from(buckets);
      return family(registry, spec, { type: "histogram", make: () => histogramCell(bounds) });
    },
    onCollect: (collect) => void collectors.push(collect),
    async expose() {
      for (const collect of collectors) collect();
      return registry.metrics();
    },
  };
}

type Labels = Record<string, string>;

interface Sample {
  readonly metricName?: string;
  readonly labels: Labels;
  readonly value: number;
}

interface Cell<Child> {
  readonly child: Child;
  samples(name: string, labels: Labels): readonly Sample[];
}

interface Kind<Child> {
  readonly type: "counter" | "gauge" | "histogram";
  readonly make: () => Cell<Child>;
}

function family<Child>(registry: Registry, spec: MetricSpec, kind: Kind<Child>): Family<Child> {
  const names = spec.labels ?? [];
  const cells = new Map<string, { labels: Labels; cell: Cell<Child> }>();
  const resolve = (values: readonly string[]): Child => {
    const id = JSON.stringify(values);
    let entry = cells.get(id);
    if (entry === undefined) {
      const labels = Object.fromEntries(names.map((name, i) => [name, values[i] as string]));
      entry = { labels, cell: kind.make() };
      cells.set(id, entry);
    }
    return entry.cell.child;
  };
  const overflow = names.map(() => overflowLabel);

  assert(registry.getSingleMetric(spec.name) === undefined, `${spec.name} registered twice`);
  // Of a metric the registry asks nothing but its name and `get`.
  const metric = {
    name: spec.name,
    async get() {
      const values: Sample[] = [];
      for (const { labels, cell } of cells.values()) {
        for (const sample of cell.samples(spec.name, labels)) values.push(sample);
      }
      return { name: spec.name, help: spec.help, type: kind.type, values };
    },
  };
  registry.registerMetric(metric as unknown as Metric);

  return {
    child(...values) {
      assert(values.length === names.length, `${spec.name}: ${names.length} labels expected`);
      const isFull = cells.size >= metricChildrenMax && !cells.has(JSON.stringify(values));
      return resolve(isFull ? overflow : values);
    },
  };
}

function counterCell(): Cell<CounterChild> {
  let value = 0;
  return {
    child: {
      add(amount) {
        value += amount;
      },
    },
    samples: (_name, labels) => [{ labels, value }],
  };
}

function gaugeCell(): Cell<GaugeChild> {
  let value = 0;
  return {
    child: {
      set(to) {
        value = to;
      },
    },
    samples: (_name, labels) => [{ labels, value }],
  };
}

function histogramCell(bounds: Float64Array): Cell<HistogramChild> {
  // One more than the bounds: what is above them all.
  const counts = new Float64Array(bounds.length + 1);
  // In an array, since a captured variable would be a heap number allocated at every change.
  const sum = new Float64Array(1);
  return {
    child: {
      counts,
      observe(value) {
        let low = 0;
        let high = bounds.length;
        while (low < high) {
          const middle = (low + high) >>> 1;
          if (value <= (bounds[middle] as number)) high = middle;
          else low = middle + 1;
        }
        (counts[low] as number)++;
        (sum[0] as number) += value;
      },
    },
    samples(name, labels) {
      const samples: Sample[] = [];
      let count = 0;
      for (let i = 0; i <= bounds.length; i++) {
        count += counts[i] as number;
        const le = i < bounds.length ? String(bounds[i]) : "+Inf";
        samples.push({ metricName: `${name}_bucket`, labels: { le, ...labels }, value: count });
      }
      samples.push({ metricName: `${name}_sum`, labels, value: sum[0] as number });
      samples.push({ metricName: `${name}_count`, labels, value: count });
      return samples;
    },
  };
}
