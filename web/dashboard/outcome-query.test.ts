import assert from "node:assert/strict";
import { test } from "node:test";
import {
  outcomeHash,
  outcomesOfHour,
  outcomesPath,
  outcomeViewQuery,
  readOutcomeView,
} from "./outcome-query.ts";

const nowMs = Date.UTC(2026, 10, 21, 12, 30);

test("an address is read and written back the same; nonsense is left out", () => {
  const query = { by: "region", window: "day", span: "30d", outcome: "limited:day" };
  assert.deepEqual(outcomeViewQuery(readOutcomeView(query, nowMs)), query);
  const odd = readOutcomeView({ by: "key", window: "month", span: "x" }, nowMs);
  assert.deepEqual(outcomeViewQuery(odd), { by: "outcome", window: "hour", span: "day" });
});

test("filters and span reach the API, whatever they hold", () => {
  const view = readOutcomeView({ span: "hour", route: "/a?b&c=d", plan: "" }, nowMs);
  const path = outcomesPath(view, { by: "route", window: "total", limit: 7 });
  const query = new URL(path, "http://hub.test").searchParams;
  assert.equal(query.get("route"), "/a?b&c=d");
  assert.equal(query.get("plan"), "");
  assert.equal(query.get("from"), "2026-11-21T12:00:00.000Z");
  assert.match(outcomeHash(view), /^#\/outcomes\?/);
});

test("a moment leads to its hour", () => {
  const hash = outcomesOfHour(nowMs);
  assert.match(decodeURIComponent(hash), /from=2026-11-21T12:00:00.000Z&to=2026-11-21T13:00:00/);
});
