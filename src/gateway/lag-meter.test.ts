import assert from "node:assert/strict";
import { test } from "node:test";
import { LagMeter } from "./lag-meter.ts";

test("percentiles are of the last half minute at least, and of one and a half at most", () => {
  const meter = new LagMeter();
  assert.equal(meter.percentile(0.99, 100_000), 0, "nothing observed");
  for (let lag = 1; lag <= 100; lag++) meter.observe(lag, 100_000);
  assert.equal(meter.percentile(0.5, 100_000), 50);
  assert.equal(meter.percentile(0.99, 100_000), 99);
  meter.observe(20_000, 129_000);
  assert.equal(meter.percentile(1, 129_000), 8_191, "told as the most that is told");
  for (let i = 0; i < 101; i++) meter.observe(7, 131_000);
  assert.equal(meter.percentile(0.5, 131_000), 7, "both generations count");
  assert.equal(meter.percentile(1, 161_000), 7, "the older one is forgotten");
  assert.equal(meter.percentile(0.5, 400_000), 0, "and then everything");
});
