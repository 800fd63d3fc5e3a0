import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as spending from "./lease-spend.ts";

function lease(granted: number, mark: number, spent = 0): spending.HeldLease {
  return { holder: "p/1", request: 1, granted, mark, spent };
}

describe("spending from leases", () => {
  it("takes the whole cost across leases, first ones first, or nothing", () => {
    const leases = [lease(8, 4, 1), lease(8, 2)];
    assert.equal(spending.spend(leases, 6), false);
    assert.deepEqual(
      leases.map(({ spent }) => spent),
      [1, 0],
    );
    assert.equal(spending.spend(leases, 4), true);
    assert.deepEqual(
      leases.map(({ spent }) => spent),
      [4, 1],
    );
    assert.equal(spending.spend([], 1), false);
  });

  it("never goes above the durable mark, though more is granted", () => {
    const held = spending.openLease({ holder: "p/1", request: 1 }, 80);
    assert.equal(spending.spend([held], 1), false);
    spending.markStored(held, 10);
    assert.equal(spending.spend([held], 10), true);
    assert.equal(spending.spend([held], 1), false);
  });
});

describe("the next mark", () => {
  const rows: readonly [held: spending.HeldLease, needed: number, mark: number, why: string][] = [
    [lease(80, 0), 1, 10, "the first chunk, an eighth"],
    [lease(80, 10, 4), 1, 0, "more than half a chunk is left"],
    [lease(80, 10, 5), 1, 20, "half a chunk is left"],
    [lease(80, 10, 0), 25, 25, "a call that costs more than a chunk"],
    [lease(80, 75, 75), 1, 80, "the rest of the lease, and no more"],
    [lease(80, 80, 80), 1, 0, "nothing is left to mark"],
    [lease(1, 0), 1, 1, "a lease of one unit"],
  ];
  for (const [held, needed, mark, why] of rows) {
    it(`is ${mark} where ${why}`, () => assert.equal(spending.nextMark(held, needed), mark));
  }

  it("never goes back when marks are stored out of order", () => {
    const held = lease(80, 10);
    spending.markStored(held, 30);
    spending.markStored(held, 20);
    assert.equal(held.mark, 30);
  });
});

describe("closing a lease", () => {
  it("says what was spent; after a restart, all that may have been", () => {
    assert.equal(spending.closeLease(lease(80, 20, 13)).spent, 13);
    assert.equal(spending.closeAfterRestart(lease(80, 20)).spent, 20);
  });
});

describe("a grant", () => {
  it("is taken only for the request that is awaited, by the incarnation that sent it", () => {
    const grant = { holder: "p/1", request: 2 };
    assert.equal(spending.isAwaited(grant, "p/1", 2), true);
    assert.equal(spending.isAwaited(grant, "p/1", 3), false);
    assert.equal(spending.isAwaited(grant, "p/1", 0), false);
    assert.equal(spending.isAwaited(grant, "p/2", 2), false);
  });
});
