/**
 * The counter table and the decision alone, by number of counters.
 *
 *   node bench/counters.ts [--json] [sizes…]      sizes: 1e4 1e6 1e7 5e7 if none is given
 *
 * Each size runs in two fresh processes, one after the other: `table` fills one table, timing every
 * insert, and then updates counters at random; `decide` fills the day and the month of the contract's
 * anonymous plan with half the counters each, and then decides calls of random callers, with the
 * hash that makes a subject of an address, under that plan (three of its four limits apply) and
 * under a plan of one limit. 5e7 needs 1.5 GB and some minutes. Updates and decisions are processor
 * time, medians of rounds; inserts are by the clock, so they include what else the machine does. With
 * `GLIBC_TUNABLES=glibc.malloc.hugetlb=1` the tables lie in huge pages, which is faster.
 */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { fingerprintWords, type HashKey } from "../src/base/hash.ts";
import { seededRandom } from "../src/base/random.ts";
import type { Fingerprint } from "../src/base/words.ts";
import { emptyCounterRef } from "../src/limits/counter-ref.ts";
import { Decider } from "../src/limits/decide.ts";
import { type CounterSpec, emptySubjects, type Limit, type Plan } from "../src/limits/plan.ts";
import { defaultScope, parseWindowSpec } from "../src/limits/window.ts";
import { WindowTables } from "../src/limits/window-tables.ts";

const rounds = 7;
const operationsPerRound = 500_000;
/** Calls in a millisecond of the benchmark's time: one core, well used. */
const callsPerMs = 200;
const startMs = Date.UTC(2026, 10, 21, 12);

interface TableFigures {
  /** Of table, spare arrays included, when full; and at its worst from a tenth of the size on. */
  bytesPerCounter: number;
  worstBytesPerCounter: number;
  rssPerCounter: number;
  movedPerStepMax: number;
  insertNs: { p50: number; p9999: number; max: number };
  updateNs: number;
}

interface DecideFigures {
  /** One word at a random place of an array as large as the tables: what each look-up costs at least here. */
  randomReadNs: number;
  anonymousNs: number;
  oneLimitNs: number;
}

const key: HashKey = [0x1badcafe, 0x7e57ab1e, 0x0ddba11, 0x5eed];
const words = new Uint32Array([0, 0, 0xffff, 0]);
const fingerprint: Fingerprint = { lo: 0, hi: 0 };

/** The fingerprint of the address number `caller`. */
function hash(caller: number): Fingerprint {
  words[3] = caller;
  fingerprintWords(key, 7, words, fingerprint);
  return fingerprint;
}

function counterOf(window: string, dimension: number): CounterSpec {
  const spec = parseWindowSpec(window);
  if ("error" in spec) throw new Error(spec.error);
  return { per: "ip", dimension, window: spec, scope: defaultScope(spec) };
}

/** Each limit with a counter of its own and a quota that is never reached. */
function planOf(...counters: readonly CounterSpec[]): Plan {
  const limits = counters.map(
    (_, counter): Limit => ({
      name: `limit${counter}`,
      counter,
      quota: 1_000_000_000,
      sharedQuota: 1_000_000_000,
      enforcement: "soft",
      stalenessMs: 0,
      onFailure: "deny",
      missing: "skip",
    }),
  );
  return { name: "bench", index: 0, limits, counters };
}

/**
 * Nanoseconds of processor time per operation of `run`, which does `operationsPerRound`: median of the rounds. `prepare` runs
 * before each, not measured.
 */
function medianNs(run: () => void, prepare: () => void = () => undefined): number {
  const figures: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    prepare();
    const before = process.threadCpuUsage();
    run();
    const { user, system } = process.threadCpuUsage(before);
    // The first round is for the compiler.
    if (round > 0) figures.push(((user + system) * 1e3) / operationsPerRound);
  }
  return figures.sort((a, b) => a - b)[rounds >> 1] as number;
}

function measureTable(size: number): TableFigures {
  const rssBefore = process.memoryUsage.rss();
  const counter = counterOf("month", 0);
  const { table } = new WindowTables("bench").current(counter, startMs, 1);
  // One entry for each 10 ns, the last for all that took 10 ms or more.
  const histogram = new Uint32Array(1_000_000);
  let maxNs = 0;
  let worstBytesPerCounter = 0;
  for (let i = 0; i < size; i++) {
    const { lo, hi } = hash(i);
    const began = performance.now();
    table.addOwn(lo, hi, 1);
    const ns = (performance.now() - began) * 1e6;
    const bucket = Math.min(Math.floor(ns / 10), histogram.length - 1);
    histogram[bucket] = (histogram[bucket] as number) + 1;
    if (ns > maxNs) maxNs = ns;
    if (i > size / 10) worstBytesPerCounter = Math.max(worstBytesPerCounter, table.bytes / (i + 1));
  }
  const quantile = (q: number): number => {
    let left = size * q;
    let bucket = 0;
    while (left > (histogram[bucket] as number)) left -= histogram[bucket++] as number;
    return bucket * 10;
  };
  const insertNs = { p50: quantile(0.5), p9999: quantile(0.9999), max: maxNs };
  const rssPerCounter = (process.memoryUsage.rss() - rssBefore) / size;
  const random = seededRandom(1);
  const ref = emptyCounterRef();
  let used = 0;
  const updateNs = medianNs(() => {
    for (let i = 0; i < operationsPerRound; i++) {
      const { lo, hi } = hash(random.below(size));
      used += table.used(lo, hi, ref);
      table.addOwnAt(ref, 1);
    }
  });
  if (used === 0 || table.count !== size) throw new Error("the table lost counters");
  const bytesPerCounter = table.bytes / size;
  const { movedPerStepMax } = table;
  return {
    bytesPerCounter,
    worstBytesPerCounter,
    rssPerCounter,
    movedPerStepMax,
    insertNs,
    updateNs,
  };
}

function measureDecide(size: number): DecideFigures {
  const tables = new WindowTables("bench");
  const decider = new Decider(tables);
  const [day, month] = [counterOf("day", 0), counterOf("month", 0)];
  // Calls without a referer: that limit is looked at and does not apply.
  const anonymous = planOf(day, month, counterOf("day", 1), counterOf("second", 0));
  const oneLimit = planOf(month);
  const callers = Math.ceil(size / 2);
  for (const counter of [day, month]) {
    const { table } = tables.current(counter, startMs, 1);
    for (let i = 0; i < callers; i++) {
      const { lo, hi } = hash(i);
      table.addOwn(lo, hi, 1);
    }
  }
  const random = seededRandom(2);
  const subjects = emptySubjects();
  const order = new Uint32Array(operationsPerRound);
  const shuffle = (): void => {
    for (let i = 0; i < order.length; i++) order[i] = random.below(callers);
  };
  let nowMs = startMs;
  let denied = 0;
  const decideWith = (plan: Plan) => (): void => {
    for (let next = 0; next < operationsPerRound; next += callsPerMs) {
      nowMs++;
      if (nowMs % 1_000 === 0) tables.dropEndedBefore(nowMs);
      for (let i = next; i < next + callsPerMs; i++) {
        const { lo, hi } = hash(order[i] as number);
        subjects.lo[0] = lo;
        subjects.hi[0] = hi;
        if (!decider.decide(plan, subjects, 1, nowMs).admitted) denied++;
      }
    }
  };
  const randomReadNs = measureRandomRead(tables.bytes);
  const anonymousNs = medianNs(decideWith(anonymous), shuffle);
  const oneLimitNs = medianNs(decideWith(oneLimit), shuffle);
  if (denied > 0) throw new Error("calls were denied");
  return { randomReadNs, anonymousNs, oneLimitNs };
}

/** Each place depends on the word read before, as a look-up depends on what it finds. */
function measureRandomRead(bytes: number): number {
  const array = new Uint32Array(bytes / 4);
  const random = seededRandom(3);
  for (let i = 0; i < array.length; i++) array[i] = random.below(array.length);
  let at = 0;
  const ns = medianNs(() => {
    for (let i = 0; i < operationsPerRound; i++) at = ((array[at] as number) + i) % array.length;
  });
  if (at < 0) throw new Error("the compiler must not drop the reads");
  return ns;
}

function inFreshProcess(mode: "table" | "decide", size: number): unknown {
  const file = fileURLToPath(import.meta.url);
  const { status, stdout } = spawnSync(process.execPath, [file, `--${mode}`, String(size)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`${mode} at ${size} ended with ${status}`);
  return JSON.parse(stdout);
}

function row(size: number, table: TableFigures, decide: DecideFigures): string {
  const us = (ns: number): string => (ns / 1_000).toFixed(1);
  const cells = [
    size.toExponential(0).replace("+", ""),
    `${table.bytesPerCounter.toFixed(2)} (${table.worstBytesPerCounter.toFixed(2)})`,
    table.rssPerCounter.toFixed(1),
    `${us(table.insertNs.p50)} / ${us(table.insertNs.p9999)} / ${us(table.insertNs.max)}`,
    String(table.movedPerStepMax),
    table.updateNs.toFixed(0),
    decide.randomReadNs.toFixed(0),
    decide.oneLimitNs.toFixed(0),
    decide.anonymousNs.toFixed(0),
  ];
  return `| ${cells.join(" | ")} |`;
}

function main(args: readonly string[]): void {
  const sizes = args.filter((arg) => !arg.startsWith("--")).map(Number);
  const [first] = sizes;
  if (args.includes("--table")) {
    process.stdout.write(JSON.stringify(measureTable(first as number)));
    return;
  }
  if (args.includes("--decide")) {
    process.stdout.write(JSON.stringify(measureDecide(first as number)));
    return;
  }
  if (sizes.some((size) => !(size >= 1_000 && size <= 2 ** 31))) {
    process.stderr.write("usage: node bench/counters.ts [--json] [sizes from 1e3 to 2e9…]\n");
    process.exitCode = 2;
    return;
  }
  const isJson = args.includes("--json");
  if (!isJson) {
    process.stdout.write(
      "| counters | table B/counter (worst) | RSS B/counter | insert µs p50 / p99.99 / max | moved per step | update ns | random read ns | decide ns, 1 limit | decide ns, anonymous |\n" +
        "|---|---|---|---|---|---|---|---|---|\n",
    );
  }
  const all: { size: number; table: TableFigures; decide: DecideFigures }[] = [];
  for (const size of sizes.length === 0 ? [1e4, 1e6, 1e7, 5e7] : sizes) {
    const table = inFreshProcess("table", size) as TableFigures;
    const decide = inFreshProcess("decide", size) as DecideFigures;
    all.push({ size, table, decide });
    if (!isJson) process.stdout.write(`${row(size, table, decide)}\n`);
  }
  if (isJson) process.stdout.write(`${JSON.stringify(all)}\n`);
}

main(process.argv.slice(2));
