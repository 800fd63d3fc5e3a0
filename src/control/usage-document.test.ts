import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { UsageReportRow } from "../ports/ledger-store.ts";
import { createControl } from "./control.ts";
import type { UsageJson } from "./schemas.ts";
import { adminToken, createFakeHub, type FakeHub } from "./testing/fake-hub.ts";
import { documentMsMax, documentRowsAtOnce, readerIdleMsMax } from "./usage-document.ts";

let fake: FakeHub;
beforeEach(() => {
  fake = createFakeHub();
});

function get(path: string, headers: Record<string, string> = {}, method = "GET") {
  const authorization = `Bearer ${adminToken}`;
  return createControl(fake.context).request(path, {
    method,
    headers: { authorization, ...headers },
  });
}

async function page(path: string): Promise<UsageJson> {
  return (await (await get(path)).json()) as UsageJson;
}

const sums = { calls: 1, units: 1, refundedCalls: 0, refundedUnits: 0 };

function rowsOf(count: number): UsageReportRow[] {
  return Array.from({ length: count }, (_, i) => ({ window: "w", value: `v${i}`, ...sums }));
}

test("CSV is one document of all rows in which nothing is a formula", async () => {
  fake.rows = rowsOf(10_001);
  for (const [i, start] of ["=", "+", "-", "@", "＝", "\r"].entries()) {
    fake.rows[i] = { window: "w", value: `${start}HYPERLINK("x")`, ...sums };
  }
  fake.rows[6] = { window: "w", value: "a,b", ...sums };
  const response = await get("/v1/usage?by=referer", { accept: "text/csv" });
  assert.match(response.headers.get("content-type") ?? "", /^text\/csv/);
  assert.match(response.headers.get("content-disposition") ?? "", /usage\.csv/);
  const lines = (await response.text()).split("\r\n");
  assert.equal(lines[0], "window,referer,calls,units,refundedCalls,refundedUnits");
  for (const line of lines.slice(1, 7)) assert.match(line, /^w,"'.HYPERLINK\(""x""\)",1,1,0,0$/s);
  assert.equal(lines[7], 'w,"a,b",1,1,0,0');
  assert.equal(lines.length, 1 + 10_001 + 1);
  assert.deepEqual([fake.reports.length, fake.reportsOpen], [1, 0]);
});

test("JSON lines hold what the pages hold, a row a line", async () => {
  fake.rows = rowsOf(documentRowsAtOnce);
  const response = await get("/v1/usage?format=jsonl");
  assert.match(response.headers.get("content-type") ?? "", /^application\/x-ndjson/);
  const lines = (await response.text()).trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line) as unknown),
    fake.rows,
  );
  assert.equal(fake.reportsOpen, 0);
  const accepted = await get("/v1/usage", { accept: "application/jsonl" });
  assert.equal((await accepted.text()).length, lines.join("\n").length + 1);
  const json = await get("/v1/usage", { accept: "text/csv, application/json" });
  assert.match(json.headers.get("content-type") ?? "", /^application\/json/);
});

test("a report is made as fast as it is read, and closed when its reader goes", async () => {
  fake.rows = rowsOf(100 * documentRowsAtOnce);
  const { body } = await get("/v1/usage?format=csv");
  const reader = body?.getReader();
  await reader?.read();
  assert.equal(fake.reportsOpen, 1);
  await reader?.cancel();
  assert.equal(fake.reportsOpen, 0);
});

for (const [what, ms] of [
  ["takes nothing", readerIdleMsMax / 4],
  ["takes too long", documentMsMax],
] as const) {
  test(`a reader that ${what} is cut off, and its report closed`, async () => {
    fake.rows = rowsOf(100 * documentRowsAtOnce);
    const response = await get("/v1/usage?format=csv");
    for (let i = 0; i < 5; i++) fake.elapse(ms);
    await assert.rejects(response.text());
    assert.equal(fake.reportsOpen, 0);
  });
}

test("HEAD opens no report", async () => {
  const response = await get("/v1/usage?format=csv", {}, "HEAD");
  assert.match(response.headers.get("content-type") ?? "", /^text\/csv/);
  assert.equal(fake.reports.length, 0);
});

test("the pages of a report are of one span of time", async () => {
  fake.rows = rowsOf(3);
  const first = (await (await get("/v1/usage?limit=2")).json()) as { next: string; to: string };
  fake.clockMs += 7_200_000;
  const second = (await (await get(`/v1/usage?limit=2&cursor=${first.next}`)).json()) as {
    next: null;
    to: string;
  };
  assert.deepEqual([second.next, second.to], [null, first.to]);
  assert.deepEqual(
    fake.queries.map(({ offset }) => offset),
    [0, 2],
  );
});

test("usage asks for whole hours of this month by default, and pages", async () => {
  const row = { window: "2026-11-01T00:00:00Z", value: "k_1", calls: 2, units: 3 };
  fake.rows = [1, 2, 3].map(() => ({ ...row, refundedCalls: 0, refundedUnits: 0 }));
  const first = await page("/v1/usage?limit=2&region=seoul");
  assert.equal(first.rows.length, 2);
  assert.equal(first.from, "2026-11-01T00:00:00.000Z");
  assert.equal(first.to, "2026-11-21T13:00:00.000Z");
  assert.deepEqual(fake.queries[0]?.where, { region: "seoul" });
  const last = await page(`/v1/usage?limit=2&cursor=${first.next}`);
  assert.equal(last.rows.length, 1);
  assert.equal(last.next, null);
  const rounded = "/v1/usage?from=2026-11-20T10:20:00Z&to=2026-11-20T10:21:00%2B01:00";
  const { from, to } = await page(rounded.replace("T10:21", "T12:21"));
  assert.deepEqual([from, to], ["2026-11-20T10:00:00.000Z", "2026-11-20T12:00:00.000Z"]);
});
