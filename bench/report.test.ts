import assert from "node:assert/strict";
import { test } from "node:test";
import { formatResults, judge, ratios } from "./report.ts";
import type { Turns } from "./round.ts";

function rounds(...perSecond: (number | undefined)[]): Turns {
  return perSecond.map((requestsPerSecond) =>
    requestsPerSecond === undefined
      ? undefined
      : [{ connections: 64, requestsPerSecond, cpuMicrosecondsPerRequest: 10, utilisation: 1 }],
  );
}

const results = new Map([
  ["ours", rounds(90, 80, undefined, 100)],
  ["theirs", rounds(100, 100, 100, 100)],
]);

test("ratios are taken within a round, and only where both ran", () => {
  assert.deepEqual(ratios(rounds(90, undefined), rounds(100, 100), 64), [0.9]);
  assert.deepEqual(ratios(rounds(90), rounds(100), 8), []);
});

test("a bar is met by the median, and never by a contender that did not run", () => {
  const bar = { of: "ours", by: "theirs", connections: 64, atLeast: 0.9 };
  assert.equal(judge([bar], results)[0]?.met, true);
  assert.equal(judge([{ ...bar, atLeast: 0.91 }], results)[0]?.met, false);
  assert.equal(judge([{ ...bar, by: "nobody" }], results)[0]?.met, false);
});

test("the table has a row for each contender", () => {
  assert.match(formatResults(results, "theirs", 64), /^ours +90 +10\.0 +100 % +3 +0\.90 \[/m);
});
