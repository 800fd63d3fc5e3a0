import assert from "node:assert/strict";
import { test } from "node:test";
import { countDeath, delayMsMax, restartDelayMs } from "./restart-delay.ts";

test("a start is never more than 800 ms after a death, and never at once", () => {
  const delays = Array.from({ length: 50 }, (_, i) => restartDelayMs(i + 1));
  assert.deepEqual(delays.slice(0, 6), [50, 100, 200, 400, 800, 800]);
  assert.ok(delays.every((ms) => ms > 0 && ms <= delayMsMax));
  assert.ok(delayMsMax < 1_000);
});

test("a process that ran for five seconds begins anew with the shortest delay", () => {
  assert.equal(countDeath(7, 4_999), 8);
  assert.equal(countDeath(7, 5_000), 1);
});
