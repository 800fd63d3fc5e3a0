import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Decider, type Decision } from "./decide.ts";
import { HeldCounter, HeldCounters } from "./held-counters.ts";
import { markStored, openLease } from "./lease-spend.ts";
import { emptySubjects, type Limit, type Plan } from "./plan.ts";
import { parseWindowSpec } from "./window.ts";
import { WindowTables } from "./window-tables.ts";

const nowMs = Date.UTC(2026, 10, 21, 10);

function limit(name: string, counter: number, change: Partial<Limit> = {}): Limit {
  return {
    ...{ name, counter, quota: 100, sharedQuota: 100, enforcement: "strict", stalenessMs: 0 },
    ...{ onFailure: "deny", missing: "deny" },
    ...change,
  };
}

function plan(...limits: Limit[]): Plan {
  const windows = ["day", "month"].map((text) => {
    const spec = parseWindowSpec(text);
    assert.ok(!("error" in spec));
    return spec;
  });
  const counters = windows.map((window) => {
    return { per: "key", dimension: 0, window, scope: "global" } as const;
  });
  return { name: "pro", index: 0, limits, counters };
}

class Bench {
  readonly held = new HeldCounters();
  readonly tables = new WindowTables("sydney");
  readonly decider = new Decider(this.tables, this.held);
  readonly subjects = emptySubjects();

  constructor() {
    this.subjects.lo[0] = 0xffff_fff5;
    this.subjects.hi[0] = 6;
  }

  decide(of: Plan, cost: number): Readonly<Decision> {
    return this.decider.decide(of, this.subjects, cost, nowMs);
  }

  /** A lease of the plan's counter, of which `marked` units are below a durable mark. */
  grant(of: Plan, counter: number, granted: number, marked = granted): HeldCounter {
    const spec = of.counters[counter];
    assert.ok(spec !== undefined);
    const { id, window } = this.tables.current(spec, nowMs, 1);
    let held = this.held.find(id, 0xffff_fff5, 6);
    if (held === undefined) {
      held = new HeldCounter({ id, window, lo: 0xffff_fff5, hi: 6 });
      this.held.add(held);
    }
    const lease = openLease({ holder: "p/1", request: held.leases.length + 1 }, granted);
    markStored(lease, marked);
    held.leases.push(lease);
    held.measure();
    return held;
  }
}

describe("a strict limit", () => {
  it("admits what is held below a durable mark, to the last unit, whatever the totals say", () => {
    const bench = new Bench();
    const pro = plan(limit("day", 0, { quota: 3 }));
    const held = bench.grant(pro, 0, 10, 6);
    assert.deepEqual(
      [2, 2, 2, 1].map((cost) => bench.decide(pro, cost).admitted),
      [true, true, true, false],
    );
    assert.deepEqual([held.spent, held.spendable, held.left], [6, 0, 4]);
  });

  it("refuses what is not held, and says that the quota is not used up", () => {
    const bench = new Bench();
    const pro = plan(limit("day", 0));
    const { admitted, violated, unleased, retryAtMs } = bench.decide(pro, 1);
    assert.deepEqual([admitted, violated, unleased, retryAtMs], [false, 1, 1, 0]);
    const place = bench.decider.unleased(pro, 0);
    assert.deepEqual([place.id, place.lo, place.hi], ["day/2026-11-21T00:00:00Z", 0xffff_fff5, 6]);
  });

  it("is violated until the window ends once the hub has said that all is used", () => {
    const bench = new Bench();
    const pro = plan(limit("day", 0));
    bench.grant(pro, 0, 1).standing = "used-up";
    assert.equal(bench.decide(pro, 1).admitted, true);
    const { unleased, violated, retryAtMs, remaining } = bench.decide(pro, 1);
    assert.deepEqual([unleased, violated, remaining], [0, 1, 0]);
    assert.equal(retryAtMs, Date.UTC(2026, 10, 22));
  });

  it("is decided by the totals in a window in which not all use was leased", () => {
    const bench = new Bench();
    const pro = plan(limit("day", 0, { quota: 2 }));
    bench.grant(pro, 0, 5).standing = "soft";
    assert.deepEqual(
      [1, 1, 1].map((cost) => bench.decide(pro, cost).admitted),
      [true, true, false],
    );
  });

  it("spends from every strict limit of the plan or from none", () => {
    const bench = new Bench();
    const pro = plan(limit("day", 0), limit("month", 1));
    const day = bench.grant(pro, 0, 10);
    const month = bench.grant(pro, 1, 3);
    assert.equal(bench.decide(pro, 3).admitted, true);
    const { admitted, unleased } = bench.decide(pro, 1);
    assert.deepEqual([admitted, unleased, day.spent, month.spent], [false, 2, 3, 3]);
  });

  it("spends nothing where an ordinary limit refuses, and gives back what cannot be written down", () => {
    const bench = new Bench();
    const pro = plan(limit("day", 0), limit("month", 1, { enforcement: "soft", quota: 4 }));
    const held = bench.grant(pro, 0, 10);
    assert.equal(bench.decide(pro, 3).admitted, true);
    bench.decider.undo(pro);
    assert.deepEqual([held.spent, held.spendable], [0, 10]);
    assert.equal(bench.decide(pro, 4).admitted, true);
    assert.equal(bench.decide(pro, 1).admitted, false);
    assert.deepEqual([held.spent, held.spendable], [4, 6]);
  });

  it("tells the caller what can still be had: never less than is held here", () => {
    const bench = new Bench();
    const pro = plan(limit("day", 0, { quota: 8 }));
    bench.grant(pro, 0, 20);
    assert.equal(bench.decide(pro, 5).remaining, 15);
    assert.equal(bench.decider.peek(pro, bench.subjects, nowMs)[0]?.remaining, 15);
  });
});

describe("held counters", () => {
  it("are told apart by both halves of their fingerprints, and noted once until they are looked after", () => {
    const held = new HeldCounters();
    const window = { id: "day/2026-11-21T00:00:00Z" } as HeldCounter;
    const all = [1, 2, 3].map((hi) => {
      return new HeldCounter({ id: window.id, window: {} as never, lo: 9, hi });
    });
    for (const counter of all) held.add(counter);
    let told = 0;
    held.onNoted = () => told++;
    for (const counter of [...all, ...all]) held.note(counter);
    assert.deepEqual([held.size, told, held.takeNoted().length], [3, 1, 3]);
    const [first, second, third] = all;
    assert.ok(first && second && third);
    held.remove(second);
    assert.equal(held.find(window.id, 9, 2), undefined);
    assert.equal(held.find(window.id, 9, 1), first);
    assert.equal(held.find(window.id, 9, 3), third);
    held.remove(third);
    held.remove(third);
    held.remove(first);
    assert.equal(held.size, 0);
    assert.equal(held.find(window.id, 9, 1), undefined);
  });
});
