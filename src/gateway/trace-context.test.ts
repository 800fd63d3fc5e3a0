import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "../ports/clock.ts";
import { readTraceParent, traceParentField } from "./trace-context.ts";

const random: Random = { hex: () => "", bytes: (n) => new Uint8Array(n), fraction: () => 0.5 };
const traceId = "0af7651916cd43dd8448eb211c80319c";
const parent = "b7ad6b7169203331";

const values: [string, string | undefined][] = [
  [`00-${traceId}-${parent}-01`, "01"],
  [`00-${traceId}-${parent}-00`, "00"],
  [`00-${traceId}-${parent}-03`, "01"],
  [`cc-${traceId}-${parent}-01-what-comes-later`, "01"],
  [`00-${traceId}-${parent}-01-more`, undefined],
  [`ff-${traceId}-${parent}-01`, undefined],
  [`00-${"0".repeat(32)}-${parent}-01`, undefined],
  [`00-${traceId}-${"0".repeat(16)}-01`, undefined],
  [`00-${traceId.toUpperCase()}-${parent}-01`, undefined],
  [`00-${traceId}-${parent}`, undefined],
  ["", undefined],
  ["garbage", undefined],
];

test("a well-formed trace of the caller's is continued, anything else is not", () => {
  for (const [value, flags] of values) {
    const found = readTraceParent(["TraceParent", value]);
    assert.deepEqual(found, flags === undefined ? undefined : { traceId, flags }, value);
  }
  const good = `00-${traceId}-${parent}-01`;
  assert.equal(readTraceParent(["traceparent", good, "traceparent", good]), undefined, "two");
  assert.equal(readTraceParent([]), undefined);
});

test("what is sent is well-formed, names a new parent, and keeps the trace and whether it is sampled", () => {
  const continued = traceParentField({ traceId, flags: "01" }, random);
  assert.equal(continued.slice(0, 36), `00-${traceId}-`);
  assert.equal(continued.slice(-3), "-01");
  assert.ok(!continued.includes(parent));
  for (const fraction of [0, 0.5, 1 - 2 ** -53]) {
    const begun = traceParentField(undefined, { ...random, fraction: () => fraction });
    assert.ok(readTraceParent(["traceparent", begun]) !== undefined, begun);
    assert.equal(begun.length, 55);
  }
});
