import assert from "node:assert/strict";
import { test } from "node:test";
import { createControl } from "./control.ts";
import type { OutcomesJson } from "./outcome-routes.ts";
import { adminToken, createFakeHub, nowMs } from "./testing/fake-hub.ts";

const hourMs = 3_600_000;
const fake = createFakeHub();
const app = createControl(fake.context);

function get(path: string) {
  return app.request(path, { headers: { authorization: `Bearer ${adminToken}` } });
}

const row = (value: string, calls: number) => {
  return { window: "2026-11-21T11:00:00Z", value, calls, bytes: 10, timeMs: 1.5 };
};

test("without parameters: today's hours by outcome", async () => {
  fake.outcomes = [row("admitted", 3), row("timeout", 1)];
  const answer = (await (await get("/v1/outcomes")).json()) as OutcomesJson;
  assert.deepEqual(answer.rows, fake.outcomes);
  assert.equal(answer.more, false);
  const asked = fake.outcomeQueries.at(-1);
  assert.deepEqual(
    [asked?.by, asked?.window, asked?.fromMs, asked?.toMs],
    ["outcome", "hour", Date.UTC(2026, 10, 21), nowMs + hourMs],
  );
});

test("dimension, window, span and filters reach the ledger; one row too many is told", async () => {
  const query = "by=route&window=day&from=2026-11-01&to=2026-11-02T00:30:00Z&region=seoul&limit=1";
  const answer = (await (await get(`/v1/outcomes?${query}`)).json()) as OutcomesJson;
  assert.equal(answer.rows.length, 1);
  assert.equal(answer.more, true);
  assert.deepEqual(fake.outcomeQueries.at(-1), {
    ...{ by: "route", window: "day", where: { region: "seoul" }, limit: 2 },
    ...{ fromMs: Date.UTC(2026, 10, 1), toMs: Date.UTC(2026, 10, 2, 1) },
  });
});

test("what cannot be answered is refused", async () => {
  for (const query of [
    "by=key",
    "window=month",
    "from=2026-11-02&to=2026-11-01",
    "from=2026-01-01&to=2026-11-01",
    "limit=0",
    "other=1",
  ]) {
    assert.equal((await get(`/v1/outcomes?${query}`)).status, 400, query);
  }
});
