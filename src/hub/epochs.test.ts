import assert from "node:assert/strict";
import { test } from "node:test";
import { nextEpoch, Reigns } from "./epochs.ts";

const own = { epoch: 30, position: 200 };

test("an epoch is above all that are known, and two hubs from the same data take different ones", () => {
  assert.equal(nextEpoch([], 0), 2 ** 20);
  assert.equal(nextEpoch([5, 2 ** 20 + 3], 0.5), 2 ** 21 + 2 ** 19);
  assert.notEqual(nextEpoch([5], 0.25), nextEpoch([5], 0.75));
});

test("what a hub or the start before it published is its own", () => {
  const reigns = new Reigns({ epoch: 20, position: 100 });
  for (const [epoch, position] of [
    [0, 0],
    [7, 1_000],
    [20, 100],
    [30, 0],
    [30, 200],
  ] as const) {
    assert.equal(reigns.isForeign({ epoch, position }, own), false, `${epoch}/${position}`);
  }
});

test("a version behind the end of the start before is of records that the stream has lost", () => {
  const reigns = new Reigns({ epoch: 20, position: 100 });
  assert.equal(reigns.isForeign({ epoch: 20, position: 101 }, own), true);
});

test("a version of an epoch that no start gave, or not given yet, is another hub's", () => {
  const reigns = new Reigns({ epoch: 20, position: 100 });
  for (const [epoch, position] of [
    [25, 1],
    [30, 201],
    [31, 0],
  ] as const) {
    assert.equal(reigns.isForeign({ epoch, position }, own), true, `${epoch}/${position}`);
  }
});

test("an epoch that was left keeps its end", () => {
  const reigns = new Reigns({ epoch: 20, position: 100 });
  reigns.end(own);
  const later = { epoch: 40, position: 300 };
  assert.equal(reigns.isForeign(own, later), false);
  assert.equal(reigns.isForeign({ ...own, position: 201 }, later), true);
});

test("after a restore every earlier version may be the old hub's, and is no news", () => {
  const reigns = new Reigns(undefined);
  assert.equal(reigns.isForeign({ epoch: 25, position: 5_000 }, own), false);
  assert.equal(reigns.isForeign({ epoch: 31, position: 0 }, own), true);
});
