import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatTraceparent,
  onwardTraceparent,
  parseTraceparent,
  traceOf,
} from "./trace-context.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";
const valid = `00-${traceId}-${spanId}-01`;

/** Text, and whether it is sampled; undefined: not valid. */
const cases: [string, boolean | undefined][] = [
  [valid, true],
  [`00-${traceId}-${spanId}-00`, false],
  [`00-${traceId}-${spanId}-03`, true],
  // A later version may have more behind.
  [`cc-${traceId}-${spanId}-01-what-will-be`, true],
  [`cc-${traceId}-${spanId}-01`, true],
  [`00-${traceId}-${spanId}-01-what`, undefined],
  [`ff-${traceId}-${spanId}-01`, undefined],
  [`00-${"0".repeat(32)}-${spanId}-01`, undefined],
  [`00-${traceId}-${"0".repeat(16)}-01`, undefined],
  [valid.toUpperCase(), undefined],
  [`00-${traceId}-${spanId}`, undefined],
  [` ${valid}`, undefined],
  ["", undefined],
];

for (const [text, isSampled] of cases) {
  test(`${JSON.stringify(text)} is ${isSampled === undefined ? "not valid" : "read"}`, () => {
    assert.deepEqual(
      parseTraceparent(text),
      isSampled === undefined ? undefined : { traceId, spanId, isSampled },
    );
  });
}

test("what is written is read again", () => {
  for (const isSampled of [true, false]) {
    const parent = { traceId, spanId, isSampled };
    assert.deepEqual(parseTraceparent(formatTraceparent(parent)), parent);
  }
});

test("a request has the trace of its one field, in any case; of two, none", () => {
  assert.equal(traceOf(["Host", "a", "TraceParent", valid])?.spanId, spanId);
  assert.equal(traceOf(["traceparent", valid, "traceparent", valid]), undefined);
  assert.equal(traceOf(["host", "a"]), undefined);
});

test("what goes on is well-formed, names a new parent, and keeps the trace and whether it is sampled", () => {
  const random = { hex: () => "", bytes: (count: number) => new Uint8Array(count) };
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const caller = { traceId, spanId: "b7ad6b7169203331", isSampled: true };
  const onward = onwardTraceparent(caller, { ...random, fraction: () => 0.5 });
  const continued = parseTraceparent(onward);
  assert.deepEqual([continued?.traceId, continued?.isSampled], [traceId, true]);
  assert.notEqual(continued?.spanId, caller.spanId);
  for (const fraction of [0, 0.5, 1 - 2 ** -53]) {
    const begun = onwardTraceparent(undefined, { ...random, fraction: () => fraction });
    assert.ok(parseTraceparent(begun) !== undefined, begun);
  }
});
