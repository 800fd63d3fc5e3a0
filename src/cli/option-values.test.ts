import assert from "node:assert/strict";
import { test } from "node:test";
import { parseInstant, parseLatencies, parseWhole } from "./option-values.ts";

const instants = [
  ["2026-12", "2026-12-01T00:00:00.000Z"],
  ["2026-12-31", "2026-12-31T00:00:00.000Z"],
  ["2026-12-31T08:00Z", "2026-12-31T08:00:00.000Z"],
  ["2026-12-31T08:00:00+09:00", "2026-12-30T23:00:00.000Z"],
  ["2026-12-31T08:00", undefined],
  ["2026-13-01", undefined],
  ["31.12.2026", undefined],
  ["soon", undefined],
] as const;

for (const [text, iso] of instants) {
  test(`the time ${text} is ${iso ?? "refused"}`, () => {
    if (iso === undefined) assert.throws(() => parseInstant(text), /Expected a time/);
    else assert.equal(parseInstant(text), iso);
  });
}

test("latencies are regions and delays of at most 5 s, each region once", () => {
  assert.deepEqual(
    [...parseLatencies("sydney=65ms, seoul=5s")],
    [
      ["sydney", 65],
      ["seoul", 5_000],
    ],
  );
  for (const text of ["", "sydney", "sydney=1", "=1ms", "a=1ms=2ms", "a=5001ms", "a=1ms,a=2ms"]) {
    assert.throws(() => parseLatencies(text), { code: "commander.invalidArgument" }, text);
  }
});

test("whole numbers are taken within their bounds only", () => {
  assert.deepEqual([parseWhole("1", 1, 9), parseWhole("9", 1, 9)], [1, 9]);
  for (const text of ["0", "10", "1.5", "-1", "1e3", "", " 1"]) {
    assert.throws(() => parseWhole(text, 1, 9), { code: "commander.invalidArgument" }, text);
  }
});
