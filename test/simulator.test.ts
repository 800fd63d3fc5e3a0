import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { test } from "node:test";
import { type Job, runJobs } from "../src/sim/pool.ts";
import type { RunResult } from "../src/sim/run.ts";
import { faultKinds } from "../src/sim/swarm.ts";
import { Totals } from "../src/sim/totals.ts";

/** All of them in the long form; in the everyday one as many as fit its time on this machine. */
const seeds = 1_000;
const repeats = 200;
const isLong = process.env["TALLYGATE_LONG"] === "1";
const everydayMsMax = 70_000;
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
  const jobs: Job[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    jobs.push({ seed, plant: undefined });
    // Again later, on whichever worker is free: what it did does not depend on what ran before.
    if (seed > 10 && seed <= repeats + 10) jobs.push({ seed: seed - 10, plant: undefined });
  }
  const hashes = new Map<number, string>();
  const totals = new Totals();
  let repeated = 0;
  const isOver = (): boolean => {
    return !isLong && performance.now() - startMs > everydayMsMax && totals.seeds >= seedsMin;
  };
  const startMs = performance.now();
  await runJobs(jobs, workers, (result) => {
    const { seed, traceHash } = result;
    const before = hashes.get(seed);
    if (before !== undefined) {
      assert.equal(traceHash, before, `seed ${seed} does not repeat its trace`);
      repeated++;
      return isOver() ? "stop" : undefined;
    }
    hashes.set(seed, traceHash);
    totals.add(result);
    check(result);
    return isOver() ? "stop" : undefined;
  });
  const seconds = (performance.now() - startMs) / 1000;
  t.diagnostic(
    `${totals.seeds} seeds in ${seconds.toFixed(0)} s on ${workers} workers, 0 violations, ${repeated} of ${repeated} traces repeated`,
  );
  for (const line of totals.lines()) t.diagnostic(line);
  const share = totals.seeds / seeds;
  for (const kind of faultKinds) atLeast(totals, `fault: ${kind}`, faultsMin * share);
  for (const name of recoveries) atLeast(totals, `recovery: ${name}`, recoveriesMin * share);
});

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
