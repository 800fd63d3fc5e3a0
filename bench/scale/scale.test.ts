import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/base/random.ts";
import { lagOf } from "./lag.ts";
import { bottlenecks, figuresOf, section } from "./report.ts";
import { runSample, type SampleOptions } from "./sample.ts";
import { type Distribution, drawRank, interestOf, shareOf } from "./traffic.ts";

function optionsOf(distribution: Distribution): SampleOptions {
  return {
    ...{ distribution, callers: 20_000, callsPerSecond: 50_000, processesPerRegion: 2 },
    ...{ flushMs: 50, publishMs: 10, virtualMs: 200, seed: 1 },
  };
}

test("a short sample folds all that was offered, and its page names what breaks first", () => {
  for (const distribution of ["uniform", "zipf"] as const) {
    const options = optionsOf(distribution);
    const sample = runSample(options);
    assert.equal(sample.calls, 10_000);
    assert.ok(sample.updates > 0 && sample.updates <= sample.calls);
    assert.ok(sample.nodeBytes >= 20_000 * 16 && sample.nodeBytes < 20_000 * 100);
    const [first] = bottlenecks(figuresOf(sample, options));
    assert.ok(section(sample, options).includes(`**Breaks first: ${first?.what}**`));
  }
});

test("the same seed offers the same load", () => {
  const [one, two] = [runSample(optionsOf("zipf")), runSample(optionsOf("zipf"))];
  assert.deepEqual(
    [one.updates, one.batchBytes, one.feedBytes],
    [two.updates, two.batchBytes, two.feedBytes],
  );
});

test("ranks are drawn as often as their share says", () => {
  const random = seededRandom(3);
  let first = 0;
  for (let i = 0; i < 50_000; i++) if (drawRank("zipf", 1_000, random) === 0) first++;
  assert.ok(Math.abs(first / 50_000 - shareOf("zipf", 1_000, 0)) < 0.01);
});

test("a node that keeps what it saw for ever holds every counter, one that keeps nothing holds none", () => {
  const options = { distribution: "zipf", callers: 1_000, callsPerSecond: 100 } as const;
  assert.ok(interestOf({ ...options, keepSeconds: 1e9 }).counters > 999);
  assert.ok(interestOf({ ...options, keepSeconds: 1e-9 }).counters < 1);
});

test("lag has no percentile where the hub cannot keep up", () => {
  const options = { flushMs: 50, publishMs: 10, serviceMs: 0.5, applyMs: 1 };
  assert.equal(lagOf({ ...options, utilisation: 1 }).p99Ms, Infinity);
  const { p50Ms, p99Ms } = lagOf({ ...options, utilisation: 0.5 });
  assert.ok(p50Ms > 100 && p99Ms > p50Ms && p99Ms < 500);
});
