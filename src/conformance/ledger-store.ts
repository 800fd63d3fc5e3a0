/** What every `LedgerStore` keeps: run by each adapter's tests and by the simulator's fake. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { FoldCheckpoint, LedgerStore, OpenReport, UsageQuery } from "../ports/ledger-store.ts";
import { checkOutcomes } from "./ledger-outcomes.ts";
import {
  emptyDelta,
  emptyFold,
  everything,
  loadTotals,
  totalOf,
  totalsOf,
  usageRow,
} from "./ledger-samples.ts";

/** One ledger's storage; `open` may be called again once the ledger opened before is closed. */
export interface LedgerStorage {
  open(): Promise<LedgerStore>;
  /** Where a copy may be made, and what it holds then. */
  readonly copyFile: string;
  openCopy(): Promise<LedgerStore>;
  dispose(): Promise<void>;
}

export interface LedgerSuite {
  readonly name: string;
  readonly create: () => Promise<LedgerStorage>;
}

const hourMs = 3_600_000;

type Define = (name: string, run: (storage: LedgerStorage) => Promise<void>) => void;

export function ledgerStoreConformance(suite: LedgerSuite): void {
  const define: Define = (name, run) => {
    test(name, async () => {
      const storage = await suite.create();
      try {
        await run(storage);
      } finally {
        await storage.dispose();
      }
    });
  };
  describe(`ledger store: ${suite.name}`, () => {
    totals(define);
    foldState(define);
    reports(define);
    openReports(define);
    rest(define);
  });
}

function totals(define: Define): void {
  define("a new ledger says so", async (storage) => {
    const ledger = await storage.open();
    assert.equal(await ledger.load(() => assert.fail("no totals")), undefined);
    assert.equal(await ledger.subjectOf("w", 1, 1), undefined);
    await ledger.close();
  });

  define("totals are absolute: the last value wins, the subject stays", async (storage) => {
    const first = await storage.open();
    const high = Number.MAX_SAFE_INTEGER;
    const a = { lo: 0xffff_ffff, hi: 0xffff_ffff, charged: 5, refunded: 1, subject: "key:k_ö" };
    await first.checkpoint({ ...emptyDelta, totals: [totalsOf("w", [totalOf(1, 3, "ip:1"), a])] });
    const changed = { ...a, charged: high, refunded: high - 1, subject: "" };
    await first.checkpoint({ ...emptyDelta, totals: [totalsOf("w", [changed])] });
    await first.close();
    const second = await storage.open();
    assert.deepEqual(await loadTotals(second), {
      w: [totalOf(1, 3, "ip:1"), { ...changed, subject: "key:k_ö" }],
    });
    assert.equal(await second.subjectOf("w", a.lo, a.hi), "key:k_ö");
    assert.equal(await second.subjectOf("w", 2, 2), undefined);
    assert.deepEqual((await loadTotals(second, false))["w"]?.[0], totalOf(1, 3, ""));
    await second.close();
  });

  define("dropped windows are gone, others stay, and a window may come again", async (storage) => {
    const ledger = await storage.open();
    const totalsNow = ["a", "b"].map((window) => totalsOf(window, [totalOf(1, 1, window)]));
    await ledger.checkpoint({ ...emptyDelta, totals: totalsNow });
    await ledger.checkpoint({ ...emptyDelta, dropped: ["a", "never there"] });
    assert.deepEqual(await loadTotals(ledger), { b: [totalOf(1, 1, "b")] });
    assert.equal(await ledger.subjectOf("a", 1, 7919), undefined);
    await ledger.checkpoint({ ...emptyDelta, totals: [totalsOf("a", [totalOf(2, 2, "new")])] });
    assert.deepEqual((await loadTotals(ledger))["a"], [totalOf(2, 2, "new")]);
    await ledger.close();
  });

  define("many counters in several windows come back complete", async (storage) => {
    const ledger = await storage.open();
    const count = 70_000;
    const many = Array.from({ length: count }, (_, i) => totalOf(i + 1, i, `ip:${i}`));
    await ledger.checkpoint({
      ...emptyDelta,
      totals: [
        totalsOf("w", many.slice(0, 40_000)),
        totalsOf("v", many),
        totalsOf("w", many.slice(40_000)),
      ],
    });
    const loaded = await loadTotals(ledger);
    assert.deepEqual(
      Object.entries(loaded)
        .map(([window, { length }]) => [window, length])
        .sort(),
      [
        ["v", count],
        ["w", count],
      ],
    );
    assert.deepEqual(loaded["w"]?.[65_600], totalOf(65_601, 65_600, "ip:65600"));
    await ledger.close();
  });
}

function foldState(define: Define): void {
  define(
    "the leases of counters are replaced, read back, and go with their windows",
    async (storage) => {
      const ledger = await storage.open();
      const day = { window: "day/2026-11-21T00:00:00Z", lo: 1, hi: 0xffff_ffff };
      const month = { window: "month/2026-11-01T00:00:00Z", lo: 0xffff_ffff, hi: 0 };
      const leases = [
        { ...day, book: "[0,1,[]]" },
        { ...month, book: "[1,0,[]]" },
      ];
      await ledger.checkpoint({ ...emptyDelta, leases });
      await ledger.checkpoint({ ...emptyDelta, leases: [{ ...month, book: "[1,7,[]]" }] });
      const read = async () => (await ledger.load(() => {}))?.leases;
      assert.deepEqual(await read(), [
        { ...day, book: "[0,1,[]]" },
        { ...month, book: "[1,7,[]]" },
      ]);
      await ledger.checkpoint({ ...emptyDelta, dropped: [day.window] });
      assert.deepEqual(await read(), [{ ...month, book: "[1,7,[]]" }]);
      await ledger.close();
    },
  );

  define("the fold's state is saved with the totals and read back the same", async (storage) => {
    const fold: FoldCheckpoint = {
      version: { epoch: 2 ** 21 + 5, position: 1234 },
      horizonMs: 1_795_000_000_000,
      fenceMs: 1_795_000_005_000,
      strictSince: [
        ["pro/day", 0],
        ["pro/month", 1_794_000_000_000],
      ],
      producers: [
        { producer: "p1/i1", last: 7, parked: [], lost: [] },
        {
          ...{
            producer: "p1/i2",
            last: 3,
            lost: [
              [4, 4],
              [9, 12],
            ],
          },
          parked: [5, 6].map((seq) => ({ seq, bytes: Uint8Array.from([seq, 1, 2]) })),
        },
      ],
    };
    const first = await storage.open();
    await first.checkpoint({ ...emptyDelta, fold });
    await first.close();
    const second = await storage.open();
    assert.deepEqual((await second.load(() => {}))?.fold, fold);
    await second.close();
  });

  define(
    "each checkpoint's state replaces the one before: parked batches and producers go",
    async (storage) => {
      const ledger = await storage.open();
      const parked = [5, 6].map((seq) => ({ seq, bytes: Uint8Array.from([seq]) }));
      const before = ["a", "b"].map((producer) => ({
        producer,
        last: 3,
        parked,
        lost: [[4, 4]] as const,
      }));
      await ledger.checkpoint({ ...emptyDelta, fold: { ...emptyFold, producers: before } });
      const after = [{ producer: "b", last: 5, parked: parked.slice(1), lost: [] }];
      const fold = { ...emptyFold, version: { epoch: 1, position: 2 }, producers: after };
      await ledger.checkpoint({ ...emptyDelta, fold });
      const loaded = await ledger.load(() => {});
      assert.deepEqual(loaded, { fold, leases: [], damaged: [] });
      await ledger.close();
    },
  );

  define("checkpoints given at once are written in order", async (storage) => {
    const ledger = await storage.open();
    await Promise.all(
      [1, 2, 3].map((n) =>
        ledger.checkpoint({
          ...{ ...emptyDelta, fold: { ...emptyFold, version: { epoch: 1, position: n } } },
          ...{ totals: [totalsOf("w", [totalOf(1, n, "s")])], rows: [usageRow({ calls: n })] },
        }),
      ),
    );
    assert.deepEqual(await loadTotals(ledger), { w: [totalOf(1, 3, "s")] });
    assert.equal((await ledger.load(() => {}))?.fold.version.position, 3);
    assert.equal((await ledger.usage(everything))[0]?.calls, 6);
    await ledger.close();
  });
}

function reports(define: Define): void {
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
      const found = await ledger.usage({ ...everything, ...query });
      const shown = found.map(({ window, value, units }) => `${window} ${value}=${units}`.trim());
      assert.equal(shown.join(" "), expected, name);
    }
    const [first] = await ledger.usage(everything);
    assert.deepEqual(first, {
      ...{ window: "", value: "k_1", calls: 3, units: 30, refundedCalls: 1, refundedUnits: 5 },
    });
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
      assert.deepEqual(await ledger.damagedRows(10), []);
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

function openReports(define: Define): void {
  const valuesOf = async (report: OpenReport, limit: number): Promise<string[]> =>
    (await report.next(limit)).map(({ value, units }) => `${value}=${units}`);
  const rows = ["k_1", "k_2", "k_3"].map((key, i) => usageRow({ key, units: 30 - i }));

  define("an open report shows one state of the ledger, piece by piece", async (storage) => {
    const ledger = await storage.open();
    await ledger.checkpoint({ ...emptyDelta, rows });
    const report = await ledger.openReport(everything);
    await ledger.checkpoint({ ...emptyDelta, rows: [...rows, usageRow({ key: "k_4" })] });
    assert.deepEqual(await valuesOf(report, 2), ["k_1=30", "k_2=29"]);
    assert.deepEqual(await valuesOf(report, 2), ["k_3=28"]);
    await assert.rejects(report.next(2), { code: "ledger-failed" });
    await report.close();
    const later = await ledger.openReport({ ...everything, top: 1 });
    assert.deepEqual(await valuesOf(later, 2), ["k_1=60"]);
    await ledger.close();
  });

  define("reports beyond the bound are refused until one is closed", async (storage) => {
    const ledger = await storage.open();
    await ledger.checkpoint({ ...emptyDelta, rows });
    const open: OpenReport[] = [];
    await assert.rejects(
      async () => {
        for (let i = 0; i < 100; i++) open.push(await ledger.openReport(everything));
      },
      { code: "too-busy" },
    );
    assert.ok(open.length >= 4);
    await open[0]?.close();
    await open[0]?.close();
    // Fewer rows than asked for: it is closed by that.
    assert.equal((await open[1]?.next(4))?.length, 3);
    for (const _ of [0, 1]) assert.ok(await ledger.openReport(everything));
    await ledger.close();
  });
}

function rest(define: Define): void {
  define("outcomes are summed as asked, refusals too", async (storage) => {
    const ledger = await storage.open();
    await checkOutcomes(ledger);
    await ledger.close();
  });

  define("named values are kept", async (storage) => {
    const first = await storage.open();
    assert.equal(await first.getMeta("epoch"), undefined);
    await first.setMeta("epoch", "1");
    await first.setMeta("epoch", "2");
    await first.close();
    const second = await storage.open();
    assert.equal(await second.getMeta("epoch"), "2");
    await second.close();
  });

  define("a copy is a ledger of its own, and never overwrites", async (storage) => {
    const ledger = await storage.open();
    const totals = [totalsOf("month", [totalOf(1, 10, "key:k_1")])];
    await ledger.checkpoint({ ...emptyDelta, totals, rows: [usageRow({ units: 10 })] });
    await ledger.setMeta("epoch", "7");
    await ledger.copyTo(storage.copyFile);
    await assert.rejects(ledger.copyTo(storage.copyFile), { code: "data-unwritable" });
    await ledger.checkpoint({ ...emptyDelta, totals: [totalsOf("month", [totalOf(1, 99)])] });
    await ledger.setMeta("epoch", "8");
    const copy = await storage.openCopy();
    assert.equal((await loadTotals(copy))["month"]?.[0]?.charged, 10);
    assert.equal((await copy.usage(everything))[0]?.units, 10);
    assert.equal(await copy.getMeta("epoch"), "7");
    await copy.close();
    await ledger.close();
  });

  define("a closed ledger refuses a checkpoint", async (storage) => {
    const ledger = await storage.open();
    await ledger.close();
    await assert.rejects(ledger.checkpoint(emptyDelta), { code: "ledger-failed" });
    await ledger.close();
  });
}
