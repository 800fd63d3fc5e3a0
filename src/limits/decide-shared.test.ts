import assert from "node:assert/strict";
import { test } from "node:test";
import { Decider } from "./decide.ts";
import { type Dimension, emptySubjects, type Limit, type Plan, type Subjects } from "./plan.ts";
import { parseWindowSpec } from "./window.ts";
import { WindowTables } from "./window-tables.ts";

const nowMs = Date.UTC(2026, 10, 21, 10);
const dimensions: readonly Dimension[] = ["key", "ip"];
const overflow = { lo: 0xfeed, hi: 0xbeef };

function planOf(per: Dimension, quota: number, sharedQuota: number): Plan {
  const window = parseWindowSpec("day");
  assert.ok(!("error" in window));
  const dimension = dimensions.indexOf(per);
  const limit: Limit = {
    ...{ name: "day", counter: 0, quota, sharedQuota, enforcement: "soft", stalenessMs: 0 },
    ...{ onFailure: "deny", missing: "skip" },
  };
  const counters = [{ per, dimension, window, scope: "global" } as const];
  return { name: "test", index: 0, limits: [limit], counters };
}

function subjectsOf(dimension: number, number: number): Subjects {
  const subjects = emptySubjects();
  subjects.lo[dimension] = Math.imul(number, 0x9e3779b1) >>> 0;
  subjects.hi[dimension] = Math.imul(number, 0x85ebca6b) >>> 0;
  subjects.overflowLo[1] = overflow.lo;
  subjects.overflowHi[1] = overflow.hi;
  return subjects;
}

/** A window that holds counters of the addresses 1 to `count`. */
function filled(count: number, plan: Plan) {
  const tables = new WindowTables("sydney");
  const decider = new Decider(tables, undefined, count);
  for (let i = 1; i <= count; i++) decider.decide(plan, subjectsOf(1, i), 1, nowMs);
  const { table } = tables.current(plan.counters[0] as Plan["counters"][number], nowMs, 1);
  return { decider, table };
}

test("subjects that come when a window is full share one counter, with a quota of its own, exact in sum", () => {
  const plan = planOf("ip", 3, 50);
  const { decider, table } = filled(100, plan);
  for (let i = 0; i < 50; i++) {
    const decision = decider.decide(plan, subjectsOf(1, 1_000 + i), 1, nowMs);
    assert.equal(decision.admitted, true);
    assert.equal(decision.shared, 1);
    assert.ok(decision.remaining <= 3, "nobody is told to have more than the quota");
  }
  assert.equal(table.own(overflow.lo, overflow.hi), 50);
  assert.equal(table.count, 101);
  const denied = decider.decide(plan, subjectsOf(1, 2_000), 1, nowMs);
  assert.equal(denied.admitted, false);
  assert.equal(denied.shared, 1);
  assert.equal(table.own(overflow.lo, overflow.hi), 50, "a denied call spends nothing");
});

test("who has a counter keeps it, and what was used up stays so, however many come", () => {
  const plan = planOf("ip", 3, 1_000_000);
  const { decider, table } = filled(100, plan);
  for (const _ of [1, 2]) decider.decide(plan, subjectsOf(1, 7), 1, nowMs);
  for (let i = 0; i < 100_000; i++) decider.decide(plan, subjectsOf(1, 1_000 + i), 1, nowMs);
  assert.equal(decider.decide(plan, subjectsOf(1, 7), 1, nowMs).admitted, false);
  assert.equal(decider.decide(plan, subjectsOf(1, 8), 1, nowMs).remaining, 1);
  assert.equal(table.count, 101);
});

test("a shared call's charge is taken back from the shared counter", () => {
  const plan = planOf("ip", 3, 50);
  const { decider, table } = filled(100, plan);
  decider.decide(plan, subjectsOf(1, 1_000), 2, nowMs);
  decider.undo(plan);
  assert.equal(table.own(overflow.lo, overflow.hi), 0);
});

test("keys always have a counter of their own", () => {
  const { decider, table } = filled(100, planOf("ip", 3, 50));
  const plan = planOf("key", 3, 50);
  const decision = decider.decide(plan, subjectsOf(0, 5_000), 1, nowMs);
  assert.equal(decision.shared, 0);
  assert.equal(table.count, 101);
});

test("the shared counter's use is told with its own quota", () => {
  const plan = planOf("ip", 3, 50);
  const { decider } = filled(100, plan);
  decider.decide(plan, subjectsOf(1, 1_000), 1, nowMs);
  const [usage] = decider.peek(plan, subjectsOf(1, 1_001), nowMs);
  assert.deepEqual(
    [usage?.isShared, usage?.quota, usage?.used, usage?.remaining],
    [true, 50, 1, 49],
  );
});
