import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RetryBudget, retriesPerWindowMin, retryShareMax } from "./retry-budget.ts";
import { isIdempotent, mayRetry, saysUnavailable, triesMax } from "./retry-policy.ts";

const rows: [string, number, number, boolean, boolean, string][] = [
  // method, tries, allowed, attempted, body whole, verdict
  ["GET", 1, 3, false, true, "free"],
  ["GET", 1, 3, true, true, "budget"],
  ["GET", 2, 3, true, true, "budget"],
  ["GET", 3, 3, false, true, "no"],
  ["GET", 1, 1, false, true, "no"],
  ["GET", 1, 3, true, false, "no"],
  ["POST", 1, 3, false, true, "free"],
  ["POST", 1, 3, true, true, "no"],
  ["PATCH", 1, 3, true, true, "no"],
  ["PUT", 1, 3, true, true, "budget"],
  ["DELETE", 1, 3, true, true, "budget"],
  ["HEAD", 1, 3, true, true, "budget"],
  ["OPTIONS", 1, 3, true, true, "budget"],
  ["QUERY", 1, 3, true, true, "no"],
  ["get", 1, 3, true, true, "no"],
];

test("what may have reached a target is sent again only if that does no harm", () => {
  for (const [method, tries, triesAllowed, isAttempted, isBodyWhole, expected] of rows) {
    const facts = { method, tries, triesAllowed, isAttempted, isBodyWhole };
    assert.equal(mayRetry(facts), expected, JSON.stringify(facts));
  }
});

test("no configuration allows more tries than the bound", () => {
  const facts = { method: "GET", triesAllowed: 99, isAttempted: false, isBodyWhole: true };
  assert.equal(mayRetry({ ...facts, tries: triesMax - 1 }), "free");
  assert.equal(mayRetry({ ...facts, tries: triesMax }), "no");
});

test("only 502, 503 and 504 say that a target cannot answer", () => {
  const all = [200, 404, 429, 500, 501, 502, 503, 504, 505];
  assert.deepEqual(all.filter(saysUnavailable), [502, 503, 504]);
  assert.equal(isIdempotent("POST"), false);
});

test("I31: at every retry, retries of the last ten seconds are a tenth of the calls of the last ten seconds, or the minimum", () => {
  const step = fc.record({ ms: fc.integer({ min: 0, max: 3_000 }), calls: fc.nat(200) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const budget = new RetryBudget();
      const calls: number[] = [];
      const retries: number[] = [];
      let nowMs = 5_000;
      for (const { ms, calls: count } of steps) {
        nowMs += ms;
        for (let i = 0; i < count; i++) {
          budget.called(nowMs);
          calls.push(nowMs);
        }
        for (let i = 0; i < 30; i++) {
          if (!budget.take(nowMs)) continue;
          retries.push(nowMs);
          const within = (times: readonly number[]): number =>
            times.filter((at) => at > nowMs - 10_000).length;
          const allowed = Math.max(retriesPerWindowMin, within(calls) * retryShareMax);
          assert.ok(within(retries) <= allowed, `${within(retries)} > ${allowed}`);
        }
      }
    }),
  );
});

test("a budget that is used up is whole again when its window has passed", () => {
  const budget = new RetryBudget();
  for (let i = 0; i < 100; i++) budget.called(0);
  let taken = 0;
  while (budget.take(0)) taken++;
  assert.equal(taken, 10);
  for (let i = 0; i < 100; i++) budget.called(11_500);
  assert.equal(budget.take(11_500), true);
});
