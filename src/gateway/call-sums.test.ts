import assert from "node:assert/strict";
import { test } from "node:test";
import { callOutcomes } from "../ports/link.ts";
import { CallSums, quantile } from "./call-sums.ts";

test("calls are summed by how they ended, whatever limit refused them", () => {
  const sums = new CallSums();
  sums.add("admitted", 3);
  sums.add("limited:month", 2);
  sums.add("limited:burst", 1);
  sums.add("admitted", 4);
  sums.add("an outcome of a later version", 9);
  const told = Object.fromEntries(callOutcomes.map((name, i) => [name, sums.outcomes[i]]));
  assert.equal(told["admitted"], 7);
  assert.equal(told["limited"], 3);
  assert.equal(
    sums.outcomes.reduce((a, b) => a + b),
    10,
  );
});

test("a quantile lies within its bucket, and is the highest bound above them all", () => {
  const bounds = [0.001, 0.002, 0.004];
  assert.equal(quantile([0, 0, 0, 0], bounds, 0.5), 0);
  assert.equal(quantile([10, 0, 0, 0], bounds, 0.5), 0.0005);
  assert.equal(quantile([10, 10, 0, 0], bounds, 0.75), 0.0015);
  assert.equal(quantile([0, 0, 0, 5], bounds, 0.5), 0.004);
});

test("the time added is that of the last half to whole minute", () => {
  const sums = new CallSums();
  const bounds = [0.001, 0.002];
  sums.observed(100_000, { counts: [0, 0, 0], bounds });
  sums.observed(101_000, { counts: [100, 0, 0], bounds });
  assert.equal(sums.overheadP50Ms, 0.5);
  sums.observed(131_000, { counts: [100, 100, 0], bounds });
  assert.equal(sums.overheadP50Ms, 1, "both are of the last minute");
  sums.observed(161_000, { counts: [100, 200, 0], bounds });
  assert.equal(sums.overheadP50Ms, 1.5, "the first hundred are older than a minute");
});
