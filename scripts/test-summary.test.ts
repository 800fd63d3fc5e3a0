import assert from "node:assert/strict";
import { test } from "node:test";
import { addSummaries, isSummaryLine, type TestEvent } from "./test-summary.ts";

function line(message: string): TestEvent {
  return { type: "test:diagnostic", data: { nesting: 0, message } };
}

test("only the closing figures of a run are summary lines", () => {
  assert.ok(isSummaryLine(line("tests 12")));
  assert.ok(isSummaryLine(line("duration_ms 3.25")));
  assert.ok(!isSummaryLine(line("lag p99 87 ms")));
  assert.ok(!isSummaryLine({ type: "test:diagnostic", data: { nesting: 1, message: "tests 12" } }));
  const ofFile = { nesting: 0, message: "tests 12", file: "a.test.ts" };
  assert.ok(!isSummaryLine({ type: "test:diagnostic", data: ofFile }));
});

test("phases add up to one summary", () => {
  const first = [line("tests 3"), line("fail 1"), line("duration_ms 10.25")];
  const second = [line("tests 4"), line("fail 0"), line("duration_ms 2.5")];
  assert.deepEqual(
    addSummaries([first, second]).map((event) => event.data.message),
    ["tests 7", "fail 1", "duration_ms 12.750"],
  );
});
