import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ChangeLog } from "./change-log.ts";

test("a log gives each fingerprint once, in order of its first change", () => {
  const pair = fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 3 }));
  fc.assert(
    fc.property(fc.array(pair, { maxLength: 300 }), (pairs) => {
      const log = new ChangeLog();
      for (const [lo, hi] of pairs) log.append(lo, hi);
      const { lo, hi } = log.take();
      const taken = Array.from(lo, (l, i) => `${l}/${hi[i]}`);
      assert.deepEqual(taken, [...new Set(pairs.map(([l, h]) => `${l}/${h}`))]);
      assert.equal(log.take().lo.length, 0);
    }),
  );
});

test("a log of few counters that change often stays small", () => {
  const log = new ChangeLog();
  let lengthMax = 0;
  for (let i = 0; i < 1_000_000; i++) {
    log.append((i % 1_000) + 1, 7);
    lengthMax = Math.max(lengthMax, log.length);
  }
  assert.ok(lengthMax <= 131_072);
  assert.equal(log.take().lo.length, 1_000);
});
