import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { test } from "node:test";
import { type Job, runJobs } from "../src/sim/pool.ts";
import type { RunResult } from "../src/sim/run.ts";
import { faultKinds } from "../src/sim/swarm.ts";
import { Totals } from "../src/sim/totals.ts";

/** All of them in the long form; in the everyday one as many as fit its time on this machine. */
const seeds = 1_000;
/** Of the seeds, run twice. */
const repeatedShare = 0.2;
const isLong = process.env["TALLYGATE_LONG"] === "1";
const everydayMsMax = 40_000;
/** Fewer would say nothing about how often faults fire. */
const seedsMin = 50;
const workers = Math.min(2, availableParallelism());

/** How often each must have happened in 1,000 seeds, so that a run of them means something. */
const faultsMin = 1_000;
const recoveriesMin = 50;

const recoveries = [
  "gateway started",
  "hub started",
  "hub restored",
  "open records sealed",
  "leases given back",
  "journal trimmed",
  "snapshot sent",
  "batch asked for again",
];

test("no seed breaks an invariant, each is busy enough to mean something, and a seed is run the same way twice", async (t) => {
  const hashes = new Map<number, string>();
  const totals = new Totals();
  const startMs = performance.now();
  await runJobs(jobsTo(seeds), workers, (result) => {
    hashes.set(result.seed, result.traceHash);
    totals.add(result);
    check(result);
    const isOver = performance.now() - startMs > everydayMsMax && totals.seeds >= seedsMin;
    return isOver && !isLong ? "stop" : undefined;
  });
  const seedsMs = performance.now() - startMs;
  // Again, on whichever worker is free: what a seed does does not depend on what ran before.
  const repeats = Math.floor(totals.seeds * repeatedShare);
  await runJobs(jobsTo(repeats), workers, ({ seed, traceHash }) => {
    assert.equal(traceHash, hashes.get(seed), `seed ${seed} does not repeat its trace`);
    return undefined;
  });
  const repeatsMs = performance.now() - startMs - seedsMs;
  const seconds = (ms: number): string => (ms / 1000).toFixed(0);
  t.diagnostic(
    `${totals.seeds} seeds in ${seconds(seedsMs)} s on ${workers} workers, 0 violations; ${repeats} of ${repeats} traces repeated in ${seconds(repeatsMs)} s`,
  );
  for (const line of totals.lines()) t.diagnostic(line);
  const share = totals.seeds / seeds;
  for (const kind of faultKinds) atLeast(totals, `fault: ${kind}`, faultsMin * share);
  for (const name of recoveries) atLeast(totals, `recovery: ${name}`, recoveriesMin * share);
});

function jobsTo(seed: number): Job[] {
  return Array.from({ length: seed }, (_, i) => ({ seed: i + 1, plant: undefined }));
}

function check({ seed, violation, events, admissions, closedWindows }: RunResult): void {
  const again = `npm run sim -- --seed ${seed} --trace`;
  assert.equal(violation, undefined, `${violation?.invariant}: ${violation?.detail}; ${again}`);
  assert.ok(events >= 20_000, `seed ${seed} had ${events} events`);
  assert.ok(admissions >= 2_000, `seed ${seed} had ${admissions} admissions`);
  assert.ok(closedWindows >= 3, `seed ${seed} closed ${closedWindows} windows`);
}

function atLeast(totals: Totals, name: string, times: number): void {
  const counted = totals.counts.get(name) ?? 0;
  assert.ok(counted >= times, `${name}: ${counted}, of ${times}`);
}
