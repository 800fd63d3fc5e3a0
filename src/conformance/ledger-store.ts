/** What every `LedgerStore` keeps: run by each adapter's tests and by the simulator's fake. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { FoldCheckpoint, LedgerStore } from "../ports/ledger-store.ts";
import { checkOutcomes } from "./ledger-outcomes.ts";
import { openReports, reports } from "./ledger-reports.ts";
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

export type Define = (name: string, run: (storage: LedgerStorage) => Promise<void>) => void;

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
