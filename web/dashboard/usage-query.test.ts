import assert from "node:assert/strict";
import { test } from "node:test";
import { chartWindow, documentPath, readView, rowsPath, viewQuery } from "./usage-query.ts";

const nowMs = Date.UTC(2026, 10, 21, 12, 30);

test("an address that says nothing is today's hours by key", () => {
  const view = readView({}, nowMs);
  assert.deepEqual([view.by, view.window, view.span, view.filters], ["key", "hour", "day", {}]);
  assert.deepEqual(viewQuery(view), { by: "key", window: "hour", span: "day" });
});

test("what an address says is read and written back the same; nonsense is left out", () => {
  const query = {
    by: "route",
    window: "day",
    from: "2026-11-01T00:00:00.000Z",
    to: "2026-11-08T00:00:00.000Z",
    key: "k_1",
    referer: "",
  };
  assert.deepEqual(viewQuery(readView(query, nowMs)), query);
  const odd = readView({ by: "toString", window: "x", span: "y", from: "z", to: "1" }, nowMs);
  assert.deepEqual(viewQuery(odd), { by: "key", window: "hour", span: "day" });
});

test("filters reach the API whole, empty ones too", () => {
  const view = readView({ by: "ip", span: "hour", key: "a&b=c", referer: "" }, nowMs);
  const path = rowsPath(view, { limit: 100 });
  const query = new URL(path, "http://hub.test").searchParams;
  assert.equal(query.get("key"), "a&b=c");
  assert.equal(query.get("referer"), "");
  assert.equal(query.get("from"), "2026-11-21T12:00:00.000Z");
  assert.equal(query.get("to"), "2026-11-21T13:00:00.000Z");
  assert.match(documentPath(view, "csv"), /format=csv/);
});

test("a chart has hours up to a week and days beyond", () => {
  assert.equal(chartWindow(readView({ span: "7d" }, nowMs)), "hour");
  assert.equal(chartWindow(readView({ span: "30d" }, nowMs)), "day");
});
