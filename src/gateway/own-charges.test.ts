import assert from "node:assert/strict";
import { test } from "node:test";
import { type OwnBatch, OwnCharges } from "./own-charges.ts";

function batch(seq: number, count = 1): OwnBatch {
  const words = new Uint32Array(count).fill(1);
  const units = new Float64Array(count).fill(seq);
  const counters = {
    count,
    window: new Uint32Array(count),
    lo: words,
    hi: words,
    charged: units,
    refunded: new Float64Array(count),
  };
  return { seq, windows: ["w"], counters, units: seq, firstChargeAtMs: 1_000 + seq };
}

function covered(own: OwnCharges, incarnation: string, upTo: number): number[] {
  const seqs: number[] = [];
  own.cover(incarnation, upTo, (released) => void seqs.push(released.seq));
  return seqs;
}

test("each batch is released exactly once, in order, whatever watermarks come", () => {
  const own = new OwnCharges();
  for (let seq = 1; seq <= 5; seq++) own.add("i", batch(seq));
  assert.deepEqual(covered(own, "i", 2), [1, 2]);
  assert.deepEqual(covered(own, "i", 2), []);
  assert.deepEqual(covered(own, "i", 1), []);
  assert.deepEqual(covered(own, "i", 9), [3, 4, 5]);
  assert.deepEqual(own.outstanding(), { units: 0, oldestMs: 0, batches: 0 });
});

test("incarnations are apart", () => {
  const own = new OwnCharges();
  own.begin("old", 7);
  own.add("old", batch(8));
  own.add("new", batch(1));
  assert.deepEqual(covered(own, "new", 1), [1]);
  assert.deepEqual(covered(own, "old", 8), [8]);
  assert.deepEqual(covered(own, "never heard of", 3), []);
});

test("beyond the memory bound the counters come back from the journal before a watermark moves", () => {
  const own = new OwnCharges(1_000);
  for (let seq = 1; seq <= 10; seq++) own.add("i", batch(seq));
  const missing = own.missing("i", 8);
  assert.ok(missing !== undefined && missing.from > 1 && missing.to === 8);
  for (let seq = missing.from; seq <= missing.to; seq++) own.supply("i", batch(seq));
  assert.equal(own.missing("i", 8), undefined);
  assert.deepEqual(covered(own, "i", 8), [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.equal(own.outstanding().batches, 2);
});

test("a batch supplied after it was covered is not released again", () => {
  const own = new OwnCharges();
  own.add("i", batch(1));
  assert.deepEqual(covered(own, "i", 1), [1]);
  own.supply("i", batch(1));
  assert.deepEqual(covered(own, "i", 1), []);
  assert.equal(own.outstanding().units, 0);
});

test("outstanding tells units and the oldest charge", () => {
  const own = new OwnCharges();
  own.add("i", batch(1));
  own.add("i", batch(2));
  covered(own, "i", 1);
  assert.deepEqual(own.outstanding(), { units: 2, oldestMs: 1_002, batches: 1 });
});

test("what came back from the journal counts against the memory bound while it is held", () => {
  const own = new OwnCharges(1_000);
  for (let seq = 1; seq <= 10; seq++) own.add("i", batch(seq));
  const held = (own.missing("i", 10)?.from ?? 0) - 1;
  covered(own, "i", held);
  for (let seq = held + 1; seq <= 10; seq++) own.supply("i", batch(seq));
  own.supply("i", batch(10));
  own.add("i", batch(11));
  assert.equal(own.outstanding().oldestMs, 1_000 + held + 1);
  assert.deepEqual(own.missing("i", 11), { incarnation: "i", from: 11, to: 11 });
  covered(own, "i", 10);
  assert.equal(own.outstanding().oldestMs, 1_010, "the eleventh is not in memory and not older");
  own.add("i", batch(12));
  own.supply("i", batch(11));
  assert.equal(own.missing("i", 12), undefined, "there is room again");
  assert.deepEqual(own.outstanding(), { units: 23, oldestMs: 1_011, batches: 2 });
});

test("batches without a charge do not hide the oldest charge behind them", () => {
  const own = new OwnCharges();
  for (const seq of [1, 2]) own.add("i", { ...batch(seq), units: 0, firstChargeAtMs: 0 });
  assert.equal(own.outstanding().oldestMs, 0);
  own.add("i", batch(3));
  own.add("i", batch(4));
  assert.equal(own.outstanding().oldestMs, 1_003);
  covered(own, "i", 3);
  assert.equal(own.outstanding().oldestMs, 1_004);
});
