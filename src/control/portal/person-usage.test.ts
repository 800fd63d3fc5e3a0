import assert from "node:assert/strict";
import { test } from "node:test";
import { compileConfigValue } from "../../access/config.ts";
import type { KeyView } from "../../hub/hub-api.ts";
import type { UsageQuery, UsageReportRow } from "../../ports/ledger-store.ts";
import { personUsage } from "./person-usage.ts";

/** A Saturday. */
const nowMs = Date.UTC(2026, 10, 21, 13, 30);

const limit = (window: string, more: object = {}) => {
  return { name: window, per: "key", quota: 100, window, ...more };
};

const compiled = compileConfigValue(
  {
    version: 1,
    regions: { sydney: { listen: "127.0.0.1:8081" }, seoul: { listen: "127.0.0.1:8082" } },
    plans: {
      wide: {
        limits: [
          ...["minute", "hour", "6h", "day", "week", "month", "month@key"].map((w) => limit(w)),
          limit("month", { name: "all", per: "owner" }),
          limit("day", { name: "here", scope: "region" }),
        ],
      },
    },
    routes: [{ path: "/", reply: { status: 200 } }],
  },
  { file: "/c.yaml", fileExists: () => true },
);
assert.ok("config" in compiled);
const { config } = compiled;

function keyOf(id: string, createdAtMs = Date.UTC(2026, 0, 31)): KeyView {
  return {
    ...{ id, plan: "wide", name: "", owner: "p_1", createdAtMs, expiresAtMs: 0, revoked: false },
    ...{ restrict: { referers: [], addresses: [], routes: [] }, version: 1, credentials: [] },
  };
}

interface Used {
  readonly at: string;
  readonly key: string;
  readonly region: string;
  readonly units: number;
  readonly refunded?: number;
}

/** A ledger with these hours: sums them as the real one does. */
function ledgerOf(rows: readonly Used[]) {
  return {
    usage: async ({ by, window, fromMs, toMs, where }: UsageQuery) => {
      assert.deepEqual(where, { owner: "p_1" });
      const sums = new Map<string, UsageReportRow>();
      for (const row of rows) {
        const atMs = Date.parse(row.at);
        if (atMs < fromMs || atMs >= toMs) continue;
        const length = window === "hour" ? 3_600_000 : 86_400_000;
        const start = new Date(Math.floor(atMs / length) * length).toISOString();
        const value = by === "key" ? row.key : row.region;
        const sum = sums.get(`${start} ${value}`);
        const [units, refunded] = [row.units, row.refunded ?? 0];
        sums.set(`${start} ${value}`, {
          ...{ window: start, value },
          calls: (sum?.calls ?? 0) + units,
          units: (sum?.units ?? 0) + units,
          refundedCalls: (sum?.refundedCalls ?? 0) + refunded,
          refundedUnits: (sum?.refundedUnits ?? 0) + refunded,
        });
      }
      return [...sums.values()];
    },
  };
}

const used: readonly Used[] = [
  { at: "2026-11-21T13:00Z", key: "k_1", region: "seoul", units: 5, refunded: 1 },
  { at: "2026-11-21T12:00Z", key: "k_1", region: "sydney", units: 10 },
  { at: "2026-11-21T11:00Z", key: "k_1", region: "sydney", units: 20 },
  { at: "2026-11-16T00:00Z", key: "k_1", region: "sydney", units: 100 },
  { at: "2026-11-15T23:00Z", key: "k_1", region: "old", units: 1_000 },
  { at: "2026-11-01T00:00Z", key: "k_2", region: "seoul", units: 7 },
  { at: "2026-10-31T00:00Z", key: "k_1", region: "seoul", units: 50_000 },
  { at: "2026-10-30T23:00Z", key: "k_1", region: "seoul", units: 900_000 },
];

test("limits are told by their own windows, shorter ones and those of one region are not told", async () => {
  const keys = [keyOf("k_1"), keyOf("k_2")];
  const usage = await personUsage(ledgerOf(used), { owner: "p_1", keys, config, nowMs });
  const limits = usage.keys[0]?.limits.map(({ name, used: told, endsAt }) => [name, told, endsAt]);
  assert.deepEqual(limits, [
    ["minute", null, null],
    ["hour", 4, "2026-11-21T14:00:00.000Z"],
    ["6h", 14, "2026-11-21T18:00:00.000Z"],
    ["day", 34, "2026-11-22T00:00:00.000Z"],
    ["week", 134, "2026-11-23T00:00:00.000Z"],
    ["month", 1_134, "2026-12-01T00:00:00.000Z"],
    // From the 31st on, or the last day of a shorter month.
    ["month@key", 51_141 - 7, "2026-11-30T00:00:00.000Z"],
    ["all", 1_141, "2026-12-01T00:00:00.000Z"],
    ["here", null, null],
  ]);
});

test("sums, hours and days agree, and a region that is gone is still told", async () => {
  const keys = [keyOf("k_1"), keyOf("k_2")];
  const usage = await personUsage(ledgerOf(used), { owner: "p_1", keys, config, nowMs });
  assert.deepEqual(usage.regions, ["sydney", "seoul", "old"]);
  assert.deepEqual(usage.today, { calls: 34, units: 34 });
  assert.deepEqual(usage.month, { calls: 1_141, units: 1_141 });
  const sum = (points: typeof usage.hours) =>
    points.flatMap(({ units }) => units).reduce((all, units) => all + units, 0);
  assert.deepEqual([sum(usage.hours), sum(usage.days)], [34, 1_141]);
  assert.deepEqual([usage.hours.length, usage.days.length], [14, 21]);
  assert.deepEqual(
    usage.keys.map(({ today, month }) => [today, month]),
    [
      [34, 1_134],
      [0, 7],
    ],
  );
});

test("nobody without keys has used anything", async () => {
  const usage = await personUsage(ledgerOf([]), { owner: "p_1", keys: [], config, nowMs });
  assert.deepEqual([usage.today.units, usage.month.units, usage.keys], [0, 0, []]);
});
