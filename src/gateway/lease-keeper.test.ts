/** The keeper of leases against a journal in memory and a hub that the test plays. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeTime, settle } from "../hub/testing/fake-time.ts";
import { HeldCounters } from "../limits/held-counters.ts";
import type { Plan } from "../limits/plan.ts";
import { parseWindowId } from "../limits/window.ts";
import type { ClosedLease } from "../metering/usage.ts";
import type { LeaseAsk, LeaseResult } from "../ports/link.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import type { LeaseDemand } from "./tended-counter.ts";
import { MemoryJournal } from "./testing/memory-journal.ts";

const day = "day/2026-11-21T00:00:00Z";

class Rig {
  readonly time = new FakeTime();
  readonly journal = new MemoryJournal();
  readonly held = new HeldCounters();
  readonly asked: LeaseAsk[] = [];
  readonly closed: ClosedLease[] = [];
  isConnected = true;
  epoch = 3;
  readonly keeper = new LeaseKeeper({
    ...{ held: this.held, journal: this.journal, clock: this.time, timers: this.time },
    nowMs: () => this.time.wallMs(),
    epoch: () => this.epoch,
    send: () =>
      this.isConnected
        ? (message) =>
            void (message.kind === "lease-request" && this.asked.push(...message.requests))
        : undefined,
    close: (lease) => void this.closed.push(lease),
  });

  async demand(change: Partial<LeaseDemand> = {}): Promise<void> {
    const window = parseWindowId(day);
    assert.ok(window !== undefined);
    this.keeper.demand({
      ...{ plan: "pro", limit: "day", quota: 1_000, subject: "key:k_1", cost: 1, want: 0 },
      place: { id: day, window, lo: 1, hi: 2 },
      ...change,
    });
    await settle();
  }

  async answer(result: LeaseResult, units = 0, request = this.asked.at(-1)?.request ?? 0) {
    this.keeper.answered(3, [{ request, result, units }]);
    await settle();
  }

  get counter() {
    const counter = this.held.find(day, 1, 2);
    assert.ok(counter !== undefined);
    return counter;
  }

  /** Spends one by one, as calls do, with a turn after each. */
  async spend(units: number): Promise<number> {
    let spent = 0;
    for (; spent < units && this.counter.spendable > 0; spent++) {
      this.held.spend(this.counter, 1);
      await settle(2);
    }
    return spent;
  }

  async tick(ms = 250): Promise<void> {
    this.time.skip(ms);
    this.keeper.tick();
    await settle();
  }
}

async function granted(units: number): Promise<Rig> {
  const rig = new Rig();
  await rig.demand();
  await rig.answer("granted", units);
  return rig;
}

test("a refused call asks once; nothing can be spent before a mark is on disk", async () => {
  const rig = new Rig();
  rig.journal.waitingMarks = [];
  await rig.demand();
  await rig.demand();
  assert.equal(rig.asked.length, 1);
  assert.equal(rig.asked[0]?.want, Math.ceil(1_000 / 32));
  await rig.answer("granted", 80);
  assert.equal(rig.counter.spendable, 0);
  rig.journal.storeMarks();
  await settle();
  assert.equal(rig.counter.spendable, 10);
  assert.deepEqual(
    rig.journal.leases.map(({ mark, window }) => [mark, window]),
    [[10, day]],
  );
});

test("marks go ahead of the calls, and never fall behind what was spent", async () => {
  const rig = await granted(80);
  for (let spent = 1; spent <= 39; spent++) {
    assert.equal(await rig.spend(1), 1, `call ${spent}`);
    const [stored] = rig.journal.leases;
    assert.ok((stored?.mark ?? 0) >= spent);
  }
});

test("the next lease is asked for when half is left, and the first is closed when it is used up", async () => {
  const rig = await granted(80);
  assert.equal(await rig.spend(39), 39);
  assert.equal(rig.asked.length, 1);
  await rig.spend(1);
  assert.equal(rig.asked.length, 2);
  assert.equal(rig.asked[1]?.request, 2);
  await rig.answer("granted", 80);
  assert.equal(await rig.spend(60), 60);
  assert.deepEqual(
    rig.closed.map(({ request, spent }) => [request, spent]),
    [[1, 80]],
  );
});

test("a request without an answer is sent again under its number, also on the next connection", async () => {
  const rig = new Rig();
  await rig.demand();
  await rig.tick(500);
  await rig.tick(600);
  rig.isConnected = false;
  await rig.tick(1_500);
  rig.isConnected = true;
  rig.keeper.connected();
  assert.deepEqual(
    rig.asked.map(({ request }) => request),
    [1, 1, 1],
  );
});

test("a grant is taken once, for the request that awaits it, and from no older hub", async () => {
  const rig = new Rig();
  await rig.demand();
  rig.epoch = 4;
  await rig.answer("granted", 50);
  assert.equal(rig.counter.left, 0);
  rig.epoch = 3;
  await rig.answer("granted", 50);
  await rig.answer("granted", 50, 1);
  await rig.answer("granted", 50, 99);
  assert.equal(rig.counter.left, 50);
});

test("of a request sent twice, the second copy may be granted what was refused to the first", async () => {
  const rig = new Rig();
  await rig.demand();
  await rig.tick(1_100);
  await rig.answer("others-hold", 0, 1);
  await rig.answer("granted", 30, 1);
  await rig.answer("granted", 30, 1);
  assert.equal(rig.counter.left, 30);
});

test("who got nothing asks again while calls come, and not for ever", async () => {
  const rig = new Rig();
  await rig.demand();
  await rig.answer("others-hold");
  await rig.demand();
  assert.equal(rig.asked.length, 1);
  await rig.tick(300);
  assert.equal(rig.asked.length, 2);
  await rig.answer("used-up");
  assert.equal(rig.counter.standing, "used-up");
  for (let i = 0; i < 20; i++) await rig.tick(1_000);
  assert.equal(rig.asked.length, 2);
  rig.keeper.connected();
  assert.equal(rig.asked.length, 3, "another hub, or the same with a higher quota");
});

test("what others want goes back after a while, with what was spent of it", async () => {
  const rig = await granted(80);
  await rig.spend(5);
  rig.keeper.wanted([{ window: day, lo: 1, hi: 2 }]);
  await rig.tick(250);
  assert.equal(rig.closed.length, 0);
  await rig.tick(1_000);
  assert.deepEqual(
    rig.closed.map(({ request, spent }) => [request, spent]),
    [[1, 5]],
  );
  assert.equal(rig.counter.spendable, 0);
  assert.ok((rig.asked.at(-1)?.want ?? 0) <= 10, "and a smaller one is asked for");
});

test("after a minute without calls all but a few units go back", async () => {
  const rig = await granted(800);
  await rig.spend(5);
  for (let i = 0; i < 70; i++) await rig.tick(1_000);
  assert.deepEqual(
    rig.closed.map(({ spent }) => spent),
    [5],
  );
  assert.equal(rig.asked.at(-1)?.want, 16);
  await rig.answer("granted", 16);
  for (let i = 0; i < 70; i++) await rig.tick(1_000);
  assert.equal(rig.closed.length, 1, "and those stay");
});

for (const cost of [1, 16, 50]) {
  test(`an idle counter whose calls cost ${cost} is left in peace`, async () => {
    const rig = new Rig();
    await rig.demand({ cost });
    await rig.answer("granted", 200);
    for (let i = 0; i < 480; i++) {
      await rig.tick();
      const last = rig.asked.at(-1);
      if (last !== undefined) await rig.answer("granted", last.want, last.request);
    }
    assert.ok(rig.asked.length <= 4, `${rig.asked.length} requests`);
    assert.ok(rig.counter.left >= 16);
  });
}

test("a key moved to another plan gives back what it was given under the old one", async () => {
  const rig = await granted(80);
  await rig.spend(5);
  await rig.demand({ plan: "max" });
  assert.deepEqual(
    rig.closed.map(({ spent }) => spent),
    [5],
  );
  assert.deepEqual([rig.counter.left, rig.asked.at(-1)?.plan], [0, "max"]);
});

test("a moved key spends nothing of what it was given before, also while marks are on their way", async () => {
  const rig = new Rig();
  rig.journal.waitingMarks = [];
  await rig.demand();
  await rig.answer("granted", 80);
  await rig.demand({ plan: "max" });
  assert.deepEqual([rig.counter.plan, rig.closed.length, rig.asked.length], ["pro", 0, 1]);
  rig.journal.storeMarks();
  await settle();
  await rig.demand({ plan: "max" });
  assert.deepEqual([rig.counter.plan, rig.closed.length, rig.counter.left], ["max", 1, 0]);
});

test("the next window is asked for before it begins, and the last one's leases are closed after it", async () => {
  const rig = await granted(80);
  await rig.spend(5);
  rig.time.skip(12 * 3_600_000 - 900);
  await rig.tick(1);
  await rig.tick(1);
  const next = rig.asked.filter(({ window }) => window === "day/2026-11-22T00:00:00Z");
  assert.equal(next.length, 1);
  await rig.tick(2_500);
  await rig.tick(1);
  assert.deepEqual(
    rig.closed.map(({ window, spent }) => [window, spent]),
    [[day, 5]],
  );
  assert.equal(rig.held.find(day, 1, 2), undefined);
});

test("a grant that comes when its window is over goes back, once", async () => {
  const rig = new Rig();
  await rig.demand();
  assert.equal(rig.asked.length, 1);
  rig.time.skip(12 * 3_600_000 + 2_000);
  await rig.tick(1);
  assert.equal(rig.held.find(day, 1, 2), undefined);
  await rig.answer("granted", 80, 1);
  await rig.answer("granted", 80, 1);
  assert.deepEqual(
    rig.closed.map(({ request, window, spent }) => [request, window, spent]),
    [[1, day, 0]],
  );
});

test("a stop gives everything back, also what is granted only then", async () => {
  const rig = await granted(80);
  await rig.spend(41);
  assert.equal(rig.asked.length, 2);
  await rig.keeper.stop(async () => {});
  await rig.answer("granted", 80);
  assert.deepEqual(
    rig.closed.map(({ request, spent }) => [request, spent]),
    [
      [1, 41],
      [2, 0],
    ],
  );
  assert.equal(rig.counter.spendable, 0);
});

function planOf(enforcement: "soft" | "strict", quota: number): Plan {
  const limit = { counter: 0, quota, enforcement, stalenessMs: 0, onFailure: "deny" } as const;
  return {
    ...{ name: "pro", index: 0, counters: [] },
    limits: [{ ...limit, sharedQuota: quota, name: "day", missing: "deny" }],
  };
}

test("a changed quota is asked for at once where the old one was used up", async () => {
  const rig = new Rig();
  await rig.demand();
  await rig.answer("used-up");
  assert.equal(rig.asked.length, 1);
  rig.keeper.reconfigure([planOf("strict", 9_000)]);
  await settle();
  assert.equal(rig.asked.length, 2);
  assert.equal(rig.asked[1]?.want, Math.ceil(9_000 / 32));
});

test("what is held for a limit that is not strict any more goes back", async () => {
  const rig = await granted(80);
  await rig.spend(3);
  rig.keeper.reconfigure([planOf("soft", 1_000)]);
  await rig.tick();
  assert.deepEqual(
    rig.closed.map(({ spent }) => spent),
    [3],
  );
  assert.equal(rig.keeper.units().held, 0);
});
