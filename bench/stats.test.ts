import assert from "node:assert/strict";
import { test } from "node:test";
import { median, medianInterval } from "./stats.ts";

test("the median is the middle value, or the mean of the two", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test("an interval holds its median and is the same each time", () => {
  const values = [0.9, 1.0, 1.1, 0.95, 1.05, 1.2, 0.8];
  const interval = medianInterval(values);
  assert.equal(interval.median, 1);
  assert.ok(interval.low >= 0.8 && interval.low <= 1 && interval.high >= 1 && interval.high <= 1.2);
  assert.deepEqual(medianInterval(values), interval);
  assert.deepEqual(medianInterval([2]), { median: 2, low: 2, high: 2 });
});
