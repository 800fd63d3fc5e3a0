import assert from "node:assert/strict";
import { test } from "node:test";
import { childLine, lineSplitter } from "./child-log.ts";

const lines: readonly (readonly [string, string | undefined])[] = [
  ['{"level":"info","message":"fine"}', undefined],
  ['{"level":"warn","time":"t","message":"slow","ms":7,"region":"x"}', "warn: slow ms=7"],
  ['{"level":"error","message":"broke","error":{"message":"disk"}}', "error: broke (disk)"],
  [
    JSON.stringify({
      level: "error",
      message: "failed",
      error: {
        message: "no",
        stack: "Error: no\n    at new X (node:x:1:1)\n    at f (file:///h.ts:3:9)",
      },
    }),
    "error: failed (no, at file:///h.ts:3:9)",
  ],
  ["tallygate: The port is in use", "tallygate: The port is in use"],
  ["{ not json", "{ not json"],
  ["  ", undefined],
];

for (const [line, shown] of lines) {
  test(`a child's line ${line} is shown as ${shown}`, () => {
    assert.equal(childLine(line), shown);
  });
}

test("lines are put together from chunks, and one without end is cut", () => {
  const seen: string[] = [];
  const splitter = lineSplitter((line) => seen.push(line));
  for (const chunk of ["a", "b\nc", "d\n\ne"]) splitter.push(chunk);
  splitter.end();
  assert.deepEqual(seen, ["ab", "cd", "", "e"]);
  splitter.push("x".repeat(65_537));
  splitter.push("y\n");
  assert.deepEqual(seen.slice(4), ["x".repeat(2_000), "y"]);
});
