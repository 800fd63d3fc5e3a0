import assert from "node:assert/strict";
import { test } from "node:test";
import { PeakUnits } from "./peak-units.ts";

test("the highest units of a tick are told for at least half a minute, and forgotten after one and a half", () => {
  const peak = new PeakUnits();
  const table = [
    { atMs: 100_000, charged: 10, peak: 10 },
    { atMs: 100_250, charged: 90, peak: 80 },
    { atMs: 100_500, charged: 95, peak: 80 },
    { atMs: 130_250, charged: 96, peak: 80 },
    { atMs: 160_250, charged: 97, peak: 1 },
    { atMs: 400_000, charged: 97, peak: 0 },
  ];
  for (const row of table) {
    peak.tick(row.charged, row.atMs);
    assert.equal(peak.units, row.peak, `at ${row.atMs}`);
  }
});
