/** What every `LedgerStore` keeps about reports. */

import assert from "node:assert/strict";
import type { OpenReport, UsagePage, UsageQuery, UsageReportRow } from "../ports/ledger-store.ts";
import { emptyDelta, everything, usageRow } from "./ledger-samples.ts";
import type { Define } from "./ledger-store.ts";

const hourMs = 3_600_000;

export function reports(define: Define): void {
  const t0 = Date.UTC(2026, 9, 31, 23);
  const rows = [
    usageRow({ hour: t0, key: "k_1", units: 10, calls: 2, refundedCalls: 1, refundedUnits: 5 }),
    usageRow({ hour: t0 + hourMs, key: "k_1", units: 20, region: "seoul" }),
    usageRow({ hour: t0 + 2 * hourMs, key: "k_2", units: 7, owner: "b", plan: "free" }),
    usageRow({ hour: t0 + 30 * hourMs, key: "k_3", units: 7, address: "2001:db8::/64" }),
  ];
  const cases: { name: string; query: Partial<UsageQuery>; expected: string }[] = [
    { name: "sums per key", query: {}, expected: "k_1=30 k_2=7 k_3=7" },
    {
      name: "per month, UTC",
      query: { window: "month" },
      expected:
        "2026-10-01T00:00:00Z k_1=10 2026-11-01T00:00:00Z k_1=20 2026-11-01T00:00:00Z k_2=7 2026-11-01T00:00:00Z k_3=7",
    },
    {
      name: "per day, the highest only",
      query: { window: "day", top: 1 },
      expected:
        "2026-10-31T00:00:00Z k_1=10 2026-11-01T00:00:00Z k_1=20 2026-11-02T00:00:00Z k_3=7",
    },
    {
      name: "per hour, start included, end not",
      query: { window: "hour", fromMs: t0 + hourMs, toMs: t0 + 2 * hourMs },
      expected: "2026-11-01T00:00:00Z k_1=20",
    },
    { name: "by region", query: { by: "region" }, expected: "sydney=24 seoul=20" },
    { name: "by owner", query: { by: "owner" }, expected: "acme=37 b=7" },
    { name: "by plan", query: { by: "plan" }, expected: "pro=37 free=7" },
    { name: "by route", query: { by: "route" }, expected: "/{ip}=44" },
    { name: "by referer", query: { by: "referer" }, expected: "=44" },
    {
      name: "by address, only some",
      query: { by: "ip", where: { key: "k_3" } },
      expected: "2001:db8::/64=7",
    },
    {
      name: "only rows with two values",
      query: { where: { region: "sydney", plan: "pro" } },
      expected: "k_1=10 k_3=7",
    },
    { name: "in pages", query: { limit: 2, offset: 1 }, expected: "k_2=7 k_3=7" },
    { name: "nothing", query: { where: { key: "'; DROP TABLE usage; --" } }, expected: "" },
  ];

  define("reports sum rows by dimension and window", async (storage) => {
    const ledger = await storage.open();
    await ledger.checkpoint({ ...emptyDelta, rows });
    for (const { name, query, expected } of cases) {
      for (const fromRows of [false, true]) {
        const found = await ledger.usage({ ...everything, ...query, fromRows });
        const shown = found.map(({ window, value, units }) => `${window} ${value}=${units}`.trim());
        assert.equal(shown.join(" "), expected, name);
      }
    }
    const [first] = await ledger.usage(everything);
    assert.deepEqual(first, {
      ...{ window: "", value: "k_1", calls: 3, units: 30, refundedCalls: 1, refundedUnits: 5 },
    });
    await ledger.close();
  });

  define("the pages of a report are the report, each row once", async (storage) => {
    const ledger = await storage.open();
    await ledger.checkpoint({ ...emptyDelta, rows });
    for (const window of ["hour", "day", "month", "total"] as const) {
      for (const top of [0, 1]) {
        const query = { ...everything, window, top };
        const paged: UsageReportRow[] = [];
        let at: UsagePage["next"] = query;
        while (at !== undefined) {
          const page: UsagePage = await ledger.usagePage({ ...query, ...at, limit: 2 });
          paged.push(...page.rows);
          at = page.next;
        }
        assert.deepEqual(paged, await ledger.usage(query), window);
      }
    }
    await ledger.close();
  });

  define(
    "rows are added to what is stored, across restarts, and none counts as damaged",
    async (storage) => {
      for (let i = 0; i < 3; i++) {
        const ledger = await storage.open();
        const observation = {
          hour: t0,
          region: "r",
          route: "/",
          plan: "p",
          outcome: "admitted",
          calls: 1,
          bytes: 9,
          timeMs: 0.1,
        };
        const observations = [observation, observation];
        await ledger.checkpoint({ ...emptyDelta, rows: [...rows, ...rows], observations });
        await ledger.close();
      }
      const ledger = await storage.open();
      assert.equal((await ledger.usage(everything))[0]?.units, 180);
      assert.deepEqual(await ledger.checkUsage(10), { damaged: [], wrongSums: [] });
      await ledger.close();
    },
  );

  define("thousands of rows of one checkpoint are all there", async (storage) => {
    const ledger = await storage.open();
    const many = Array.from({ length: 5000 }, (_, i) =>
      usageRow({ address: `10.0.${i >> 8}.${i & 255}` }),
    );
    await ledger.checkpoint({ ...emptyDelta, rows: many });
    assert.equal((await ledger.usage({ ...everything, by: "ip", limit: 10_000 })).length, 5000);
    assert.equal((await ledger.usage(everything))[0]?.units, 5000);
    await ledger.close();
  });
}

/** Of a report in JSON lines. */
export async function nextRows(report: OpenReport, limit: number): Promise<UsageReportRow[]> {
  const { lines, text } = await report.next(limit);
  const rows = new TextDecoder().decode(text).split("\n").filter(Boolean);
  assert.equal(rows.length, lines);
  return rows.map((row) => JSON.parse(row) as UsageReportRow);
}

export function openReports(define: Define): void {
  const valuesOf = async (report: OpenReport, limit: number): Promise<string[]> =>
    (await nextRows(report, limit)).map(({ value, units }) => `${value}=${units}`);
  const rows = ["k_1", "k_2", "k_3"].map((key, i) => usageRow({ key, units: 30 - i }));

  define("an open report shows one state of the ledger, piece by piece", async (storage) => {
    const ledger = await storage.open();
    await ledger.checkpoint({ ...emptyDelta, rows });
    const report = await ledger.openReport(everything, "jsonl");
    await ledger.checkpoint({ ...emptyDelta, rows: [...rows, usageRow({ key: "k_4" })] });
    assert.deepEqual(await valuesOf(report, 2), ["k_1=30", "k_2=29"]);
    assert.deepEqual(await valuesOf(report, 2), ["k_3=28"]);
    await assert.rejects(report.next(2), { code: "ledger-failed" });
    await report.close();
    const later = await ledger.openReport({ ...everything, top: 1 }, "jsonl");
    assert.deepEqual(await valuesOf(later, 2), ["k_1=60"]);
    await ledger.close();
  });

  define("reports beyond the bound are refused until one is closed", async (storage) => {
    const ledger = await storage.open();
    await ledger.checkpoint({ ...emptyDelta, rows });
    const open: OpenReport[] = [];
    await assert.rejects(
      async () => {
        for (let i = 0; i < 100; i++) open.push(await ledger.openReport(everything, "jsonl"));
      },
      { code: "too-busy" },
    );
    assert.ok(open.length >= 4);
    await open[0]?.close();
    await open[0]?.close();
    // Fewer rows than asked for: it is closed by that.
    assert.equal((await open[1]?.next(4))?.lines, 3);
    for (const _ of [0, 1]) assert.ok(await ledger.openReport(everything, "jsonl"));
    await ledger.close();
  });
}
