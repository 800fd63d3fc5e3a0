import assert from "node:assert/strict";
import { test } from "node:test";
import { runSeed } from "./run.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";
const seeds = isLong ? 1_000 : 40;

test("no seed breaks an invariant, and each is busy enough to mean something", async (t) => {
  const counts = new Map<string, number>();
  const startMs = performance.now();
  for (let seed = 1; seed <= seeds; seed++) {
    const result = await runSeed({ seed });
    assert.equal(result.violation, undefined, `npm run sim -- --seed ${seed} --trace`);
    assert.ok(result.events >= 20_000, `seed ${seed} had ${result.events} events`);
    assert.ok(result.admissions >= 2_000, `seed ${seed} had ${result.admissions} admissions`);
    assert.ok(result.closedWindows >= 3, `seed ${seed} closed ${result.closedWindows} windows`);
    for (const [name, times] of result.counts) counts.set(name, (counts.get(name) ?? 0) + times);
  }
  const seconds = (performance.now() - startMs) / 1000;
  t.diagnostic(`${seeds} seeds, ${(seeds / seconds).toFixed(1)} a second, 0 violations`);
  for (const [name, times] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
    t.diagnostic(`${name}: ${times}`);
});

test("a seed is run the same way twice", async () => {
  for (const seed of [3, 7, 11]) {
    const first = await runSeed({ seed });
    const second = await runSeed({ seed });
    assert.equal(first.traceHash, second.traceHash);
  }
});
