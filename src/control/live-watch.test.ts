import assert from "node:assert/strict";
import { test } from "node:test";
import { callOutcomes } from "../ports/link.ts";
import { LiveWatch, liveEveryMs, liveSamplesMax } from "./live-watch.ts";
import { createFakeHub, nowMs, processStatus } from "./testing/fake-hub.ts";

function sums(counts: Readonly<Record<string, number>>, atMs: number) {
  return {
    atMs,
    outcomes: callOutcomes.map((name) => counts[name] ?? 0),
    overheadP50Ms: 0,
    overheadP99Ms: 0,
  };
}

function watch() {
  const fake = createFakeHub();
  const { hub, clock, timers, log } = fake.context;
  const live = new LiveWatch({ status: () => hub.status(), clock, timers, log });
  const step = (counts: Readonly<Record<string, number>>, atMs: number, heardAgoMs = 100) => {
    const process = { ...processStatus("sydney"), heardAgoMs, calls: sums(counts, atMs) };
    fake.processes = [process];
    fake.clockMs += liveEveryMs;
    fake.elapse(liveEveryMs);
    return live.samples.at(-1);
  };
  return { live, step };
}

test("rates are calls by a gateway's own seconds, by what they are to an operator", () => {
  const { step } = watch();
  step({ admitted: 500 }, nowMs);
  const sample = step({ admitted: 520, limited: 6, unauthorized: 4, timeout: 2 }, nowMs + 2_000);
  assert.deepEqual(sample?.regions.get("sydney"), [10, 3, 2, 1]);
  assert.equal(sample?.outcomes[callOutcomes.indexOf("admitted")], 20);
});

test("what a gateway had counted before the hub looked is no news, nor is a start of its own a burst", () => {
  const { step } = watch();
  const first = step({ admitted: 1_000_000 }, nowMs);
  assert.deepEqual(first?.regions.get("sydney"), [0, 0, 0, 0]);
  assert.ok(first?.outcomes.every((count) => count === 0));
  const restarted = step({ admitted: 30 }, nowMs + 1_000);
  assert.deepEqual(restarted?.regions.get("sydney"), [30, 0, 0, 0]);
});

test("between two reports the last rate holds; of a gateway that is silent nothing is known", () => {
  const { step } = watch();
  step({ admitted: 0 }, nowMs);
  step({ admitted: 10 }, nowMs + 1_000);
  const same = step({ admitted: 10 }, nowMs + 1_000);
  assert.deepEqual(same?.regions.get("sydney"), [10, 0, 0, 0]);
  assert.equal(same?.outcomes[0], 0, "and is counted once");
  const silent = step({ admitted: 10 }, nowMs + 1_000, 3_001);
  assert.deepEqual(silent?.regions.get("sydney"), [0, 0, 0, 0]);
});

test("the history is bounded", () => {
  const { live, step } = watch();
  for (let i = 0; i < liveSamplesMax + 3; i++) step({ admitted: i }, nowMs + i * 1_000);
  assert.equal(live.samples.length, liveSamplesMax);
});
