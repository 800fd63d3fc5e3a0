/** The page that `npm run sim:scale` writes: what a sample comes to at full load, and what breaks first. */

import { lagOf } from "./lag.ts";
import type { Sample, SampleOptions } from "./sample.ts";
import { interestOf, regions, shareOf } from "./traffic.ts";

/** Of a usual server, which is what a demand is held against. Taken as given. */
const capacity = {
  /** A hub folds on one thread. */
  hubCores: 1,
  /** Of a gateway process, for what is not answering calls. */
  applyCores: 0.25,
  wireBytes: 10e9 / 8,
  diskBytes: 500e6,
  memoryBytes: 64e9,
};

const partitionCounts = [1, 4, 16, 64];
const keepSeconds = 600;
const mega = 1e6;

export interface Figures {
  readonly hubCores: number;
  readonly applyCores: number;
  readonly toHubBytes: number;
  /** To one process, and to all. */
  readonly feedBytes: number;
  readonly fromHubBytes: number;
  readonly journalBytes: number;
  readonly nodeBytes: number;
  readonly hubBytes: number;
}

/** Per second of virtual time. */
export function figuresOf(sample: Sample, options: SampleOptions): Figures {
  const seconds = options.virtualMs / 1_000;
  const processes = regions.length * options.processesPerRegion;
  const hubMs = sample.foldMs + sample.publishMs + sample.checkpointMs;
  const feedBytes = sample.feedBytes / seconds;
  return {
    hubCores: hubMs / options.virtualMs,
    applyCores: sample.applyMs / options.virtualMs,
    toHubBytes: sample.batchBytes / seconds,
    feedBytes,
    fromHubBytes: feedBytes * processes,
    journalBytes: (sample.batchBytes + sample.recordBytes) / seconds / processes,
    nodeBytes: sample.nodeBytes,
    hubBytes: sample.hubBytes,
  };
}

/** What the demand is of what there is, the most first. */
export function bottlenecks(
  figures: Figures,
): readonly { readonly what: string; readonly load: number }[] {
  return [
    { what: "processor of the hub's thread", load: figures.hubCores / capacity.hubCores },
    {
      what: "feed from the hub to all processes (10 Gbit/s)",
      load: figures.fromHubBytes / capacity.wireBytes,
    },
    { what: "batches to the hub (10 Gbit/s)", load: figures.toHubBytes / capacity.wireBytes },
    { what: "the hub's stream on disk (500 MB/s)", load: figures.toHubBytes / capacity.diskBytes },
    {
      what: "a process applying the feed (a quarter of a core)",
      load: figures.applyCores / capacity.applyCores,
    },
    { what: "memory of a process's table (64 GB)", load: figures.nodeBytes / capacity.memoryBytes },
  ].sort((a, b) => b.load - a.load);
}

export function section(sample: Sample, options: SampleOptions): string {
  const figures = figuresOf(sample, options);
  const first = bottlenecks(figures)[0] as { readonly what: string; readonly load: number };
  return [
    `## ${options.distribution === "zipf" ? "Zipf (exponent 1)" : "Uniform"}`,
    "",
    `**Breaks first: ${first.what}**, ${times(first.load)} of what there is.`,
    "",
    table(["what", "figure", "how"], measuredRows(sample, figures, options)),
    "",
    "### What is asked of what there is",
    "",
    table(
      ["resource", "share"],
      bottlenecks(figures).map(({ what, load }) => [what, times(load)]),
    ),
    "",
    "### A node that follows all counters, beside one that follows those it has seen",
    "",
    table(["node", "counters", "table", "feed to it"], interestRows(figures, options)),
    "",
    "### One hub beside hubs partitioned by counter",
    "",
    table(
      [
        "hubs",
        "load of each",
        "lag p50",
        "lag p99",
        "overshoot of a 1,000/s-per-region key",
        "of the busiest caller",
      ],
      partitionCounts.map((partitions) => partitionRow(partitions, sample, options)),
    ),
    "",
  ].join("\n");
}

function measuredRows(sample: Sample, figures: Figures, options: SampleOptions): string[][] {
  const perUpdate = (ms: number): string =>
    `${((ms * 1_000) / sample.updates).toFixed(2)} µs a counter update`;
  const { foldMs, publishMs, checkpointMs, applyMs } = sample;
  return [
    [
      "calls in the sample",
      count(sample.calls),
      `${options.virtualMs} ms of full load, measured in full`,
    ],
    ["counter updates a call", (sample.updates / sample.calls).toFixed(3), "measured"],
    ["hub processor", `${figures.hubCores.toFixed(2)} cores`, "processor time ÷ virtual time"],
    ["… fold", perUpdate(foldMs), "measured"],
    ["… updates", perUpdate(publishMs), "measured"],
    ["… taking checkpoints", perUpdate(checkpointMs), "measured once, at the end"],
    [
      "one process applying the feed",
      `${figures.applyCores.toFixed(2)} cores, ${perUpdate(applyMs)}`,
      "measured on one, the same on each",
    ],
    ["batches to the hub", rate(figures.toHubBytes), "measured, without framing"],
    ["… of one region", rate(figures.toHubBytes / regions.length), "÷ 10"],
    ["feed to one process", rate(figures.feedBytes), "measured, without framing"],
    ["… to one region", rate(figures.feedBytes * options.processesPerRegion), "× processes"],
    ["… from the hub", rate(figures.fromHubBytes), "× all processes"],
    [
      "journal of one process",
      rate(figures.journalBytes),
      "records and sealed batches, without SQLite's pages and log",
    ],
    ["stream and ledger input at the hub", rate(figures.toHubBytes), "the batches"],
    ["table of a process", size(figures.nodeBytes), `measured, ${count(options.callers)} counters`],
    ["table of the hub", size(figures.hubBytes), "measured, without usage rows and names"],
  ];
}

function interestRows(figures: Figures, options: SampleOptions): string[][] {
  const { callers } = options;
  const seen = interestOf({ ...options, keepSeconds });
  const perCounter = figures.nodeBytes / callers;
  return [
    ["all (as built)", count(callers), size(figures.nodeBytes), rate(figures.feedBytes)],
    [
      `seen in ${keepSeconds / 60} minutes (computed)`,
      count(Math.round(seen.counters)),
      size(seen.counters * perCounter),
      rate(figures.feedBytes * seen.share),
    ],
  ];
}

function partitionRow(partitions: number, sample: Sample, options: SampleOptions): string[] {
  const figures = figuresOf(sample, options);
  const utilisation = figures.hubCores / partitions;
  const serviceMs = (sample.foldMs + sample.publishMs) / sample.batches / partitions;
  const applyMs = sample.applyMs / sample.feeds;
  const { p50Ms, p99Ms } = lagOf({ ...options, utilisation, serviceMs, applyMs });
  const busiest = shareOf(options.distribution, options.callers, 0) * options.callsPerSecond;
  const units = (perSecond: number): string =>
    Number.isFinite(p99Ms) ? count(Math.ceil((perSecond * p99Ms) / 1_000)) : "grows";
  return [
    String(partitions),
    times(utilisation),
    ...[p50Ms, p99Ms].map((ms) => (Number.isFinite(ms) ? `${Math.round(ms)} ms` : "grows")),
    units((regions.length - 1) * 1_000),
    units(busiest),
  ];
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(columns), line(columns.map(() => "---")), ...rows.map(line)].join("\n");
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function size(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / mega).toFixed(1)} MB`;
}

function rate(bytesPerSecond: number): string {
  return `${size(bytesPerSecond)}/s`;
}

function times(load: number): string {
  return load >= 1 ? `${load.toFixed(1)} ×` : `${(load * 100).toFixed(1)} %`;
}
