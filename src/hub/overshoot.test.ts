import assert from "node:assert/strict";
import { test } from "node:test";
import type { OvershootLimit } from "./counter-limits.ts";
import { HubWindow } from "./hub-window.ts";
import { candidatesMax, OvershootAudit, overshootBound, settleMs } from "./overshoot.ts";
import { fingerprintOf } from "./testing/fake-gateway.ts";

const id = "hour/2026-11-21T12:00:00Z";
const endMs = Date.UTC(2026, 10, 21, 13);

function limitOf(plan: string, per: string, quota: number): OvershootLimit {
  return { plan, limit: "hour", per, window: "hour", scope: "global", quota };
}

function auditOf(totals: Readonly<Record<string, number>>, limits: readonly OvershootLimit[]) {
  const window = new HubWindow(id, endMs);
  const subjects = new Map<string, string>();
  for (const [subject, units] of Object.entries(totals)) {
    const { lo, hi } = fingerprintOf(subject);
    window.add(lo, hi, units, 0);
    subjects.set(`${lo} ${hi}`, subject);
  }
  const seen: [string, number][] = [];
  const bound = { units: 7 };
  const audit = new OvershootAudit({
    ...{ limits, windows: new Map([[id, window]]) },
    subjectOf: async (_, lo, hi) => subjects.get(`${lo} ${hi}`),
    planOfKey: (keyId) => (keyId.startsWith("big") ? "big" : "small"),
    boundUnits: () => bound.units,
    onOvershoot: ({ plan }, units) => seen.push([plan, units]),
  });
  return { audit, seen, bound };
}

test("a closed window's counters are held against the quota of their key's plan", async () => {
  const totals = { "key:small1": 13, "key:small2": 12, "key:small3": 10, "key:big1": 100 };
  const limits = [limitOf("small", "key", 10), limitOf("big", "key", 100)];
  const { audit, seen } = auditOf(totals, limits);
  await audit.look(endMs + settleMs);
  assert.deepEqual(seen, [["small", 5]]);
  const [small, big] = audit.status().closed;
  assert.deepEqual(
    [small?.counters, small?.units, small?.largestUnits, small?.unitsTotal, small?.boundUnits],
    [2, 5, 3, 5, 7],
  );
  assert.equal(big?.units, 0);
});

test("a window is read once, and not before what is late has come", async () => {
  const { audit, seen } = auditOf({ "key:small1": 11 }, [limitOf("small", "key", 10)]);
  await audit.look(endMs + settleMs - 1);
  assert.deepEqual(audit.status().closed, []);
  for (let look = 0; look < 3; look++) await audit.look(endMs + settleMs + look);
  assert.deepEqual(seen, [["small", 1]]);
});

test("the bound beside a window is the highest while it ran", async () => {
  const { audit, bound } = auditOf({ "key:small1": 11 }, [limitOf("small", "key", 10)]);
  bound.units = 50;
  await audit.look(endMs - 1);
  bound.units = 3;
  await audit.look(endMs + settleMs);
  assert.equal(audit.status().closed[0]?.boundUnits, 50);
  assert.equal(audit.status().boundUnits, 3);
});

test("counters of addresses are held against the highest quota that a plan gives them", async () => {
  const limits = [limitOf("anonymous", "ip", 10), limitOf("paid", "ip", 15)];
  const { audit, seen } = auditOf({ "ip:203.0.113.7": 16, "ip:2001:db8::/64": 12 }, limits);
  await audit.look(endMs + settleMs);
  assert.deepEqual(seen, [["paid", 1]]);
});

test("a block's counter is held against its ceiling, a caller's own prefix against the limit, a shared counter against none", async () => {
  const totals = {
    "ip:2001:db8:1::/48": 45,
    "ip:2001:db8:1:2::/64": 12,
    "ip:203.0.113.0/24": 13,
    "overflow:ip": 5_000,
  };
  const ceiling = { ...limitOf("anonymous", "ip/48", 40), limit: "hour/48" };
  const limits = [limitOf("anonymous", "ip", 10), ceiling];
  const { audit } = auditOf(totals, limits);
  await audit.look(endMs + settleMs);
  const units = audit.status().closed.map((closed) => closed.units);
  assert.deepEqual(units, [5, 5]);
});

test("counters beyond those that are named are counted", async () => {
  const totals = Object.fromEntries(
    Array.from({ length: candidatesMax + 2 }, (_, i) => [`key:small${i}`, 11]),
  );
  const { audit, seen } = auditOf(totals, [limitOf("small", "key", 10)]);
  await audit.look(endMs + settleMs);
  assert.deepEqual(seen, [["small", candidatesMax]]);
  assert.equal(audit.status().unnamed, 2);
});

test("the bound is the worst gateway's sum over the others of their peak for every beat unseen", () => {
  const at = (peakUnits: number, lagP99Ms: number, change = {}) => {
    return { peakUnits, lagP99Ms, heardAgoMs: 100, oldestUnacknowledgedMs: 0, ...change };
  };
  assert.equal(overshootBound([]), 0);
  assert.equal(overshootBound([at(100, 500)]), 0, "one process sees all that it admits");
  assert.equal(overshootBound([at(100, 100), at(20, 300)]), 300);
  const silent = at(100, 100, { heardAgoMs: 4_000 });
  assert.equal(overshootBound([silent, at(10, 100)]), 1_700);
  const waiting = at(100, 100, { oldestUnacknowledgedMs: 2_000 });
  assert.equal(overshootBound([waiting, at(10, 100)]), 900);
});

test("a window in which a quota changed is held against the highest, and against no limit that is new or gone", async () => {
  const totals = { "key:small1": 13, "key:big1": 60 };
  const { audit, seen } = auditOf(totals, [limitOf("small", "key", 12), limitOf("big", "key", 50)]);
  const added = { ...limitOf("small", "key", 1), limit: "added" };
  audit.reconfigure([limitOf("small", "key", 10), added]);
  await audit.look(endMs + settleMs);
  assert.deepEqual(seen, [["small", 1]]);
  assert.deepEqual(
    audit.status().closed.map(({ limit }) => limit),
    ["hour"],
  );
});
