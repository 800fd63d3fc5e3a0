import assert from "node:assert/strict";
import { test } from "node:test";
import { ConcurrencyLimit } from "./concurrency-limit.ts";
import { clientWaitMsMin, type Seat, UpstreamRoom } from "./upstream-room.ts";

interface Phase {
  readonly rounds: number;
  readonly latencyMs: number;
  readonly latenessMs?: number;
}

/** The limit after each of the phases, in which as many calls at once as may go are answered again and again. */
function limitsAfter(...phases: readonly Phase[]): number[] {
  const limit = new ConcurrencyLimit(256);
  let late = 0;
  const room = new UpstreamRoom(limit, {
    cutOffs: { add: () => {} },
    connections: () => 256,
    latenessMs: () => late,
  });
  let nowMs = 0;
  return phases.map(({ rounds, latencyMs, latenessMs = 0 }) => {
    late = latenessMs;
    for (let round = 0; round < rounds; round++) {
      nowMs += latencyMs + 50;
      const begun: Seat[] = [];
      for (;;) {
        const seat = room.begin(false, nowMs);
        if (seat === undefined) break;
        begun.push(seat);
      }
      for (const seat of begun) {
        seat.answered(latencyMs, nowMs);
        seat.leave();
      }
    }
    return limit.limit;
  });
}

const calm: Phase = { rounds: 50, latencyMs: 2 };

test("answers that are read late since this process is busy do not lower an upstream's limit", () => {
  const [, slow = 0] = limitsAfter(calm, { rounds: 12, latencyMs: 40 });
  const [, busy = 0] = limitsAfter(calm, { rounds: 12, latencyMs: 40, latenessMs: 20 });
  assert.ok(slow < busy / 3, `${slow} where it is slow, ${busy} where we are`);
});

test("nor do those that come as ever once it is no longer busy", () => {
  const [before = 0, , after = 0] = limitsAfter(
    { rounds: 50, latencyMs: 40 },
    { rounds: 60, latencyMs: 60, latenessMs: 20 },
    { rounds: 12, latencyMs: 40 },
  );
  assert.ok(after >= before, `${before} before, ${after} after`);
});

/** With ten connections, of which callers without a key may have eight. */
class Connections {
  readonly limit = new ConcurrencyLimit(256);
  readonly cutOff: Seat[] = [];
  readonly #room: UpstreamRoom;
  nowMs = 0;

  constructor({ isLimited = true } = {}) {
    this.#room = new UpstreamRoom(isLimited ? this.limit : undefined, {
      cutOffs: { add: () => {} },
      connections: () => 10,
      latenessMs: () => 0,
    });
  }

  begin(who: "anonymous" | "keyed"): Seat | undefined {
    return this.#room.begin(who === "anonymous", this.nowMs);
  }

  /** So many, answered, whose clients have taken nothing for long. */
  slow(count: number, who: "anonymous" | "keyed"): void {
    for (let i = 0; i < count; i++) {
      const seat = this.begin(who);
      assert.ok(seat !== undefined);
      seat.answered(undefined, this.nowMs);
      seat.waits(this.nowMs);
      seat.holder = { cutOff: () => void this.cutOff.push(seat) };
    }
    this.nowMs += clientWaitMsMin;
  }
}

test("a caller without a key cuts off no caller with one", () => {
  const all = new Connections();
  all.slow(8, "keyed");
  assert.equal(all.begin("anonymous"), undefined);
  const some = new Connections();
  some.slow(1, "keyed");
  some.slow(7, "anonymous");
  assert.ok(some.begin("anonymous") !== undefined);
  assert.deepEqual(
    [...all.cutOff, ...some.cutOff].map(({ isAnonymous }) => isAnonymous),
    [true],
  );
});

test("and none at all where that would not let it in", () => {
  const full = new Connections();
  full.slow(5, "anonymous");
  full.slow(4, "keyed");
  assert.equal(full.begin("anonymous"), undefined);
  assert.equal(full.cutOff.length, 0);
  assert.ok(full.begin("keyed") !== undefined);
  assert.equal(full.cutOff.length, 0, "there is a tenth connection");
  assert.ok(full.begin("keyed") !== undefined);
  assert.equal(full.cutOff[0]?.isAnonymous, true, "the one that has waited longest");
});

test("nor where nothing is bounded and a connection is free", () => {
  const off = new Connections({ isLimited: false });
  off.slow(9, "anonymous");
  assert.ok(off.begin("anonymous") !== undefined);
  assert.deepEqual(off.cutOff, []);
  assert.ok(off.begin("anonymous") !== undefined);
  assert.equal(off.cutOff.length, 1);
});

test("a call that the limit refuses cuts off nobody", () => {
  const full = new Connections();
  full.slow(8, "anonymous");
  while (full.limit.begin(false)) full.limit.enter();
  for (const who of ["anonymous", "keyed"] as const) assert.equal(full.begin(who), undefined);
  assert.deepEqual(full.cutOff, []);
});

test("a call that finds no connection takes nothing of the limit", () => {
  const full = new Connections();
  full.slow(8, "keyed");
  for (let i = 0; i < 100; i++) assert.equal(full.begin("anonymous"), undefined);
  assert.equal(full.limit.underWay, 0);
  const begun = Array.from({ length: 40 }, () => full.limit.begin(true));
  assert.ok(begun.every(Boolean), "its burst is whole");
});
