import assert from "node:assert/strict";
import { test } from "node:test";
import { isSpan, spanOf, spans, windowsIn } from "./time-span.ts";

const nowMs = Date.UTC(2026, 10, 21, 12, 34, 56);

test("spans are whole hours that end with the present one", () => {
  for (const span of spans) {
    const { fromMs, toMs } = spanOf(span, nowMs);
    assert.equal(toMs, Date.UTC(2026, 10, 21, 13), span);
    assert.equal(fromMs % 3_600_000, 0, span);
    assert.ok(fromMs < toMs);
  }
  assert.equal(spanOf("month", nowMs).fromMs, Date.UTC(2026, 10, 1));
  assert.equal(spanOf("day", nowMs).fromMs, Date.UTC(2026, 10, 21));
});

test("windows without calls are there too", () => {
  assert.equal(windowsIn(spanOf("day", nowMs), "hour").length, 13);
  assert.equal(windowsIn(spanOf("month", nowMs), "day").length, 21);
});

test("only spans that exist are taken from an address", () => {
  assert.ok(isSpan("7d"));
  assert.ok(!isSpan("toString"));
  assert.ok(!isSpan(undefined));
});
