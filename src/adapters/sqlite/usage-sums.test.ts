import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import fc from "fast-check";
import { nextRows } from "../../conformance/ledger-reports.ts";
import { emptyDelta, everything, usageRow } from "../../conformance/ledger-samples.ts";
import { MemoryLedger } from "../../hub/testing/memory-ledger.ts";
import type {
  LedgerRow,
  LedgerStore,
  UsageDimension,
  UsageQuery,
  UsageReportRow,
} from "../../ports/ledger-store.ts";
import { openLedgerStore } from "./ledger-store.ts";
import { dimensionNumbers } from "./usage-sums.ts";

const hourMs = 3_600_000;
const t0 = Date.UTC(2026, 9, 29, 20);
/** Rows lie in so many hours from `t0` on: in three days of October and the whole of November. */
const hours = 40 * 24;

const hour = fc.integer({ min: 0, max: hours }).map((n) => t0 + n * hourMs);
const text = (...values: readonly string[]) => fc.constantFrom(...values);
const count = fc.integer({ min: 0, max: 1_000 });

const row: fc.Arbitrary<LedgerRow> = fc.record({
  hour,
  region: text("sydney", "seoul"),
  route: text("/{ip}", "/a", "/ö"),
  plan: text("pro", "free"),
  owner: text("", "acme", "b"),
  key: text("", "k_1", "k_2", "k_3"),
  address: text("", "203.0.113.7", "2001:db8::/64"),
  referer: text("", "example.com"),
  calls: count,
  units: count,
  refundedCalls: count,
  refundedUnits: count,
});

const dimensions = Object.keys(dimensionNumbers) as UsageDimension[];
const filter = fc.option(text("", "k_1", "acme", "seoul", "pro", "/ö", "example.com"), {
  nil: undefined,
});

const query: fc.Arbitrary<UsageQuery> = fc
  .record({
    by: fc.constantFrom(...dimensions),
    window: fc.constantFrom("hour", "day", "month", "total"),
    from: fc.option(hour, { nil: 0 }),
    to: fc.option(hour, { nil: Date.UTC(2027, 5, 1) }),
    top: fc.constantFrom(0, 0, 1, 2),
    limit: fc.integer({ min: 1, max: 30 }),
    offset: fc.constantFrom(0, 0, 1, 7),
    where: fc
      .record({ key: filter, owner: filter, region: filter, plan: filter })
      .map((given) => Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined))),
  })
  .map(({ from, to, ...rest }) => {
    return { ...rest, fromMs: Math.min(from, to), toMs: Math.max(from, to) };
  });

async function opened<T>(use: (ledger: LedgerStore, file: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "tallygate-sums-"));
  const file = join(folder, "ledger.db");
  const ledger = await openLedgerStore(file);
  try {
    return await use(ledger, file);
  } finally {
    await ledger.close();
    await rm(folder, { recursive: true });
  }
}

async function paged(ledger: LedgerStore, asked: UsageQuery): Promise<UsageReportRow[]> {
  const rows: UsageReportRow[] = [];
  let at: Pick<UsageQuery, "fromMs" | "offset"> | undefined = { ...asked, offset: 0 };
  while (at !== undefined) {
    const page = await ledger.usagePage({ ...asked, ...at });
    assert.ok(page.rows.length <= asked.limit);
    rows.push(...page.rows);
    at = page.next;
  }
  return rows;
}

test("whatever is asked, sums come to what the rows come to", async () => {
  const given = fc.record({
    checkpoints: fc.array(fc.array(row, { maxLength: 40 }), { minLength: 1, maxLength: 4 }),
    queries: fc.array(query, { minLength: 10, maxLength: 10 }),
  });
  await fc.assert(
    fc.asyncProperty(given, async ({ checkpoints, queries }) => {
      const memory = new MemoryLedger();
      await opened(async (ledger) => {
        for (const rows of checkpoints) {
          for (const store of [memory, ledger]) await store.checkpoint({ ...emptyDelta, rows });
        }
        assert.deepEqual(await ledger.checkUsage(10), { damaged: [], wrongSums: [] });
        for (const asked of queries) {
          const expected = (await memory.usage(asked)).filter(hasFigures);
          const shown = JSON.stringify(asked);
          assert.deepEqual((await ledger.usage(asked)).filter(hasFigures), expected, shown);
          const rowsAsked = { ...asked, fromRows: true };
          assert.deepEqual((await ledger.usage(rowsAsked)).filter(hasFigures), expected, shown);
          const whole = { ...asked, limit: 10_000, offset: 0 };
          const all = (await memory.usage(whole)).filter(hasFigures);
          assert.deepEqual((await paged(ledger, asked)).filter(hasFigures), all, shown);
          const report = await ledger.openReport(asked, "jsonl");
          assert.deepEqual((await nextRows(report, 10_000)).filter(hasFigures), all, shown);
        }
      });
    }),
    { numRuns: 25 },
  );
});

/** Rows of nothing are in no sum that something was taken off. Nor does a hub store any. */
function hasFigures({ calls, units, refundedCalls, refundedUnits }: UsageReportRow): boolean {
  return calls + units + refundedCalls + refundedUnits > 0;
}

const damages: readonly { sql: string; wrong: string }[] = [
  {
    sql: "UPDATE sums SET units = units + 1 WHERE span = 2 AND dimension = 4 AND value = 'k_1'",
    wrong: "month key k_1: 10, found 11",
  },
  {
    sql: "DELETE FROM sums WHERE span = 0 AND dimension = 0",
    wrong: "hour region sydney: 10, found 0 hour region sydney: 20, found 0",
  },
  {
    sql: "INSERT INTO sums VALUES (1, 3, 1793318400, 'nobody', 1, 0, 0, 0)",
    wrong: "day owner nobody: 0, found 1",
  },
  {
    sql: "UPDATE sums SET refunded_units = 3 WHERE span = 1 AND dimension = 6",
    wrong: "day referer : 2, found 2",
  },
];

for (const { sql, wrong } of damages) {
  test(`a sum that is not its rows' is named: ${sql}`, async () => {
    await opened(async (ledger, file) => {
      const rows = [
        usageRow({ units: 10 }),
        usageRow({ units: 20, key: "k_2", hour: Date.UTC(2026, 10, 21, 23) }),
      ];
      await ledger.checkpoint({ ...emptyDelta, rows });
      const db = new DatabaseSync(file);
      db.exec(sql);
      db.close();
      const { damaged, wrongSums } = await ledger.checkUsage(10);
      assert.deepEqual(damaged, []);
      const shown = wrongSums.map(({ dimension, length, value, expected, found }) => {
        return `${length} ${dimension} ${value}: ${expected}, found ${found}`;
      });
      assert.equal(shown.join(" "), wrong);
      // What is asked of the rows themselves does not depend on their sums.
      const asked = { ...everything, by: "region", fromRows: true } as const;
      assert.equal((await ledger.usage(asked))[0]?.units, 30);
    });
  });
}

for (const version of [1, 2]) {
  test(`a ledger of version ${version} gets the sums of the rows that it has`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "tallygate-sums-"));
    const file = join(folder, "ledger.db");
    const before = await openLedgerStore(file);
    const rows = fc.sample(row, { numRuns: 200, seed: 1 });
    await before.checkpoint({ ...emptyDelta, rows });
    const sumsOf = () => {
      const db = new DatabaseSync(file, { readOnly: true });
      const sums = db.prepare("SELECT * FROM sums").all();
      db.close();
      return sums;
    };
    const written = sumsOf();
    await before.close();
    const db = new DatabaseSync(file);
    db.exec("DROP TABLE sums; DROP INDEX usage_by_key; DROP INDEX usage_by_owner");
    if (version === 1) db.exec("DROP TABLE leases; DROP TABLE strict");
    db.exec(`PRAGMA user_version = ${version}`);
    db.close();
    const after = await openLedgerStore(file);
    assert.deepEqual(await after.checkUsage(10), { damaged: [], wrongSums: [] });
    assert.ok(written.length > 100);
    assert.deepEqual(sumsOf(), written);
    await after.close();
    await rm(folder, { recursive: true });
  });
}

test("made-up figures of a producer stop no checkpoint", async () => {
  await opened(async (ledger) => {
    const most = Number.MAX_SAFE_INTEGER;
    for (const key of ["k_1", "k_2", "k_3"]) {
      await ledger.checkpoint({ ...emptyDelta, rows: [usageRow({ key, units: most })] });
    }
    const [sum] = await ledger.usage({ ...everything, by: "region", window: "month" });
    assert.equal(sum?.units, most);
  });
});

test("reports of one key or owner read its rows, and no others", async () => {
  await opened(async (ledger, file) => {
    await ledger.checkpoint({ ...emptyDelta, rows: [usageRow({})] });
    const db = new DatabaseSync(file, { readOnly: true });
    for (const [column, index] of [
      ['"key"', "usage_by_key"],
      ["owner", "usage_by_owner"],
    ]) {
      const plan = db
        .prepare(
          `EXPLAIN QUERY PLAN SELECT units FROM usage WHERE hour >= ? AND hour < ? AND ${column} = ? AND ${column} <> ''`,
        )
        .all(0, 1, "x");
      assert.match(String(plan[0]?.["detail"]), new RegExp(`${index} `));
    }
    db.close();
  });
});
