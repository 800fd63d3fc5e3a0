import assert from "node:assert/strict";
import { test } from "node:test";
import { nextEpoch, type Reign, Reigns } from "./epochs.ts";

const own = { epoch: 30, position: 200 };

test("an epoch is above all that are known, and two hubs from the same data take different ones", () => {
  assert.equal(nextEpoch([], 0), 2 ** 20);
  assert.equal(nextEpoch([5, 2 ** 20 + 3], 0.5), 2 ** 21 + 2 ** 19);
  assert.notEqual(nextEpoch([5], 0.25), nextEpoch([5], 0.75));
});

const after = (...before: Reign[]): Reigns => new Reigns({ before, isRestored: false });

test("what a hub or a start before it published is its own", () => {
  const reigns = after({ epoch: 10, end: 40 }, { epoch: 20, end: 100 });
  for (const [epoch, position] of [
    [0, 0],
    [7, 1_000],
    [10, 40],
    [20, 100],
    [30, 0],
    [30, 200],
  ] as const) {
    assert.equal(reigns.isForeign({ epoch, position }, own), false, `${epoch}/${position}`);
  }
});

test("a version behind the end of an earlier start is of records that the stream has lost, and news once", () => {
  for (const epoch of [10, 20]) {
    const reigns = after({ epoch: 10, end: 40 }, { epoch: 20, end: 100 });
    assert.equal(reigns.isForeign({ epoch, position: 101 }, own), true);
    reigns.noted({ epoch, position: 101 });
    assert.equal(reigns.isForeign({ epoch, position: 105 }, own), false);
    const next = new Reigns({ before: reigns.earlier, isRestored: false });
    assert.equal(next.isForeign({ epoch, position: 105 }, own), false, "nor to the next start");
  }
});

test("a version of an epoch that no start gave, or not given yet, is another hub's, and news when it goes on", () => {
  const reigns = after({ epoch: 20, end: 100 });
  for (const [epoch, position] of [
    [25, 1],
    [30, 201],
    [31, 0],
  ] as const) {
    assert.equal(reigns.isForeign({ epoch, position }, own), true, `${epoch}/${position}`);
  }
  reigns.noted({ epoch: 25, position: 7 });
  assert.equal(reigns.isForeign({ epoch: 25, position: 7 }, own), false);
  assert.equal(reigns.isForeign({ epoch: 25, position: 8 }, own), true);
});

test("an epoch that was left is its own", () => {
  const reigns = after({ epoch: 20, end: 100 });
  reigns.left(own.epoch);
  assert.equal(reigns.isForeign(own, { epoch: 40, position: 300 }), false);
});

test("after a restore every earlier version may be the old hub's, and is no news, nor to later starts", () => {
  const reigns = new Reigns({ before: [], isRestored: true });
  assert.equal(reigns.isForeign({ epoch: 25, position: 5_000 }, own), false);
  assert.equal(reigns.isForeign({ epoch: 31, position: 0 }, own), true);
  reigns.left(own.epoch);
  const next = after(...reigns.earlier, { epoch: 40, end: 300 });
  assert.equal(next.isForeign({ epoch: 35, position: 5_000 }, { epoch: 50, position: 300 }), false);
});

test("of many starts the oldest are forgotten", () => {
  const before = Array.from({ length: 100 }, (_, i) => ({ epoch: i + 1, end: 10 }));
  const reigns = after(...before);
  const present = { epoch: 200, position: 20 };
  assert.equal(reigns.earlier.length, 64);
  assert.equal(reigns.isForeign({ epoch: 5, position: 11 }, present), false);
  assert.equal(reigns.isForeign({ epoch: 90, position: 11 }, present), true);
});
