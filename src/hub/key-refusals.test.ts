import assert from "node:assert/strict";
import { test } from "node:test";
import type { RefusalCount } from "../ports/link.ts";
import { KeyRefusals, refusalKeptMs, refusalsPerKeyMax, refusedKeysMax } from "./key-refusals.ts";

function told(key: string, fields: Partial<RefusalCount> = {}): RefusalCount {
  return { key, route: "/", reason: "limited:day", count: 1, lastMs: 10, ...fields };
}

test("what regions tell is summed by region, route and reason, the latest first", () => {
  const refusals = new KeyRefusals();
  refusals.heard("seoul", [told("k_1"), told("k_2")]);
  refusals.heard("seoul", [told("k_1", { count: 4, lastMs: 20 })]);
  refusals.heard("sydney", [told("k_1", { lastMs: 30 })]);
  const one = { key: "k_1", route: "/", reason: "limited:day" };
  assert.deepEqual(refusals.of(["k_1"], 40), [
    { ...one, region: "sydney", count: 1, lastMs: 30 },
    { ...one, region: "seoul", count: 5, lastMs: 20 },
  ]);
  assert.deepEqual(refusals.of(["k_3"], 40), []);
});

test("a refusal is forgotten after a day", () => {
  const refusals = new KeyRefusals();
  refusals.heard("seoul", [told("k_1")]);
  assert.equal(refusals.of(["k_1"], 10 + refusalKeptMs - 1).length, 1);
  assert.equal(refusals.of(["k_1"], 10 + refusalKeptMs).length, 0);
});

test("kinds of one key and keys in all are bounded: those refused longest ago go", () => {
  const refusals = new KeyRefusals();
  for (let i = 0; i <= refusalsPerKeyMax; i++) {
    refusals.heard("seoul", [told("k_1", { route: `/${i}`, lastMs: i })]);
  }
  const kept = refusals.of(["k_1"], 40);
  assert.equal(kept.length, refusalsPerKeyMax);
  assert.ok(!kept.some(({ route }) => route === "/0"));
  for (let i = 0; i < refusedKeysMax; i++) refusals.heard("seoul", [told(`k_x${i}`)]);
  assert.deepEqual(refusals.of(["k_1"], 40), []);
  assert.equal(refusals.of(["k_x0"], 40).length, 1);
});
