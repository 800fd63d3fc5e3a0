import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as leases from "./lease-book.ts";

const grant = { kind: "grant", holder: "p/1", request: 1, units: 40 } as const;
const alone = { quota: 100, producers: 1, pending: [], isFenced: false };

function bookOf(...records: leases.LeaseRecord[]): leases.LeaseBook {
  const book = leases.emptyLeaseBook();
  for (const record of records) leases.applyLeaseRecord(book, record);
  return book;
}

function ask(book: leases.LeaseBook, context: leases.AnswerContext = alone): leases.LeaseAnswer {
  return leases.answerLeaseRequest(
    book,
    { holder: "p/2", request: 1, want: 10, needed: 1 },
    context,
  );
}

describe("the lease book", () => {
  it("moves units from free to held to consumed, the first final once", () => {
    const final = { ...grant, kind: "final", spent: 25 } as const;
    const rows: [leases.LeaseBook, held: number, consumed: number, free: number][] = [
      [bookOf(grant), 40, 0, 60],
      [bookOf(grant, final, final), 0, 25, 75],
      [bookOf(grant, final, grant), 0, 25, 75],
      [bookOf(grant, { ...grant, request: 2 }, final), 40, 25, 35],
      [bookOf(final, final, grant), 0, 25, 75],
    ];
    for (const [book, held, consumed, free] of rows) {
      assert.deepEqual(
        [book.held, book.consumed, leases.freeUnits(book, 100)],
        [held, consumed, free],
      );
    }
  });

  it("has nothing free, and not less, where the quota was lowered below what is out", () => {
    assert.equal(leases.freeUnits(bookOf(grant), 10), 0);
    assert.equal(ask(bookOf(grant), { ...alone, quota: 10 }).kind, "others-hold");
  });
});

describe("a request for a lease", () => {
  it("gets the same lease however often it comes, also when nothing is free any more", () => {
    const again = { holder: "p/1", request: 1, want: 99, needed: 1 };
    const context = { ...alone, quota: 1 };
    const answer = leases.answerLeaseRequest(bookOf(grant), again, context);
    assert.deepEqual(answer, { kind: "granted", units: 40 });
    const waiting = { ...context, pending: [grant] };
    assert.equal(leases.answerLeaseRequest(bookOf(), again, waiting).kind, "pending");
  });

  it("is told whether all is used, others hold the rest, or the window is fenced", () => {
    const used = bookOf(grant, { ...grant, kind: "final", spent: 40 });
    assert.equal(ask(used, { ...alone, quota: 40 }).kind, "used-up");
    assert.equal(ask(bookOf(grant), { ...alone, quota: 40 }).kind, "others-hold");
    assert.equal(ask(bookOf(), { ...alone, quota: 40, pending: [grant] }).kind, "others-hold");
    assert.equal(ask(bookOf(), { ...alone, isFenced: true }).kind, "fenced");
  });

  it("is told that all is used where what is left is less than one call costs", () => {
    const used = bookOf(grant, { ...grant, kind: "final", spent: 38 });
    const ask5 = { holder: "p/2", request: 1, want: 10, needed: 5 };
    const context = { ...alone, quota: 40 };
    assert.equal(leases.answerLeaseRequest(used, ask5, context).kind, "used-up");
    assert.equal(leases.answerLeaseRequest(used, { ...ask5, needed: 2 }, context).kind, "append");
  });

  it("is not granted again once its lease is closed", () => {
    const closed = bookOf(grant, { ...grant, kind: "final", spent: 4 });
    const again = { holder: "p/1", request: 1, want: 99, needed: 1 };
    assert.equal(leases.answerLeaseRequest(closed, again, alone).kind, "stale");
  });
});

describe("the size of a grant", () => {
  const rows: readonly [want: number, free: number, producers: number, units: number][] = [
    [1_000, 6_000, 3, 1_000],
    [5_000, 6_000, 3, 1_000],
    [5_000, 90, 3, leases.grantUnitsMin],
    [5_000, leases.grantUnitsMin - 1, 3, leases.grantUnitsMin - 1],
    [1, 6_000, 3, 1],
  ];
  for (const [want, free, producers, units] of rows) {
    it(`is ${units} of ${free} free for ${producers} producers, ${want} wanted`, () => {
      assert.equal(leases.grantUnits({ want, free, producers }), units);
    });
  }

  it("uses a quota up in few grants: the last unit too", () => {
    let free = 10_000_000;
    let grants = 0;
    for (; free > 0; grants++) free -= leases.grantUnits({ want: free, free, producers: 10 });
    assert.equal(free, 0);
    assert.ok(grants < 300, `${grants} grants`);
  });
});
