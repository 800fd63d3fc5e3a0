import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MinuteSketch, secondsToNextMinute } from "./minute-sketch.ts";

const half = fc.integer({ min: 0, max: 0xffff_ffff });

test("an estimate is never below the truth, whatever else is counted", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(half, half, fc.integer({ min: 1, max: 20 })), { maxLength: 300 }),
      (all) => {
        const sketch = new MinuteSketch(64);
        const truth = new Map<string, number>();
        for (const [lo, hi, times] of all) {
          for (let i = 0; i < times; i++) sketch.add(lo, hi, 0);
          truth.set(`${lo} ${hi}`, (truth.get(`${lo} ${hi}`) ?? 0) + times);
        }
        return all.every(([lo, hi]) => sketch.count(lo, hi, 0) >= (truth.get(`${lo} ${hi}`) ?? 0));
      },
    ),
  );
});

test("a million subjects leave a stranger's estimate near nothing", () => {
  const sketch = new MinuteSketch(65_536);
  const mixed = (of: number): number => Math.imul(of ^ (of >>> 16), 0x85eb_ca6b) >>> 0;
  for (let i = 1; i <= 1_000_000; i++) sketch.add(mixed(i), mixed(i ^ 0x5bd1_e995), 0);
  assert.ok(sketch.count(mixed(5_000_000), mixed(5_000_000 ^ 0x5bd1_e995), 0) < 30);
  assert.equal(sketch.bytes, 524_288);
});

test("counts begin anew with each minute and stop at the top of a cell", () => {
  const sketch = new MinuteSketch(16);
  for (let i = 0; i < 70_000; i++) sketch.add(1, 2, 59_999);
  assert.equal(sketch.count(1, 2, 59_999), 65_535);
  assert.equal(sketch.count(1, 2, 60_000), 0);
});

test("the next minute is 1 to 60 seconds away", () => {
  for (const [nowMs, seconds] of [
    [0, 60],
    [1, 60],
    [1_000, 59],
    [59_000, 1],
    [59_999, 1],
    [60_000, 60],
  ] as const) {
    assert.equal(secondsToNextMinute(nowMs), seconds);
  }
});
