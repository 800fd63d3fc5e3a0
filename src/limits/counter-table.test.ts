import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type SeededRandom, seededRandom } from "../base/random.ts";
import { emptyCounterRef } from "./counter-ref.ts";
import { ownMax } from "./counter-shard.ts";
import { CounterTable } from "./counter-table.ts";

/** The long form runs for minutes; the everyday form for seconds. */
const isLong = process.env["TALLYGATE_LONG"] === "1";

const wordMax = 0xffff_ffff;

interface Model {
  total: number;
  own: number;
}

interface Pair {
  readonly lo: number;
  readonly hi: number;
}

function nameOf({ lo, hi }: Pair): number {
  // Exact for what the tests use: at most 2^21 different high halves of each low half.
  return lo * 0x20_0000 + (hi % 0x20_0000);
}

/** Numbers that a multiplication by odd constants spreads: even, without repeats, no memory. */
function evenPair(i: number): Pair {
  let lo = Math.imul(i + 1, 0x9e3779b1);
  lo = Math.imul(lo ^ (lo >>> 16), 0x85ebca6b);
  let hi = Math.imul(i + 7, 0xc2b2ae35);
  hi = Math.imul(hi ^ (hi >>> 15), 0x2c1b3c6d);
  return { lo: (lo ^ (lo >>> 13)) >>> 0 || 1, hi: (hi ^ (hi >>> 12)) >>> 0 };
}

/** How the fingerprints of one run are spread; the keyed hash gives the first, nobody the others. */
const spreads: Readonly<
  Record<string, { count: number; pair: (random: SeededRandom, n: number) => Pair }>
> = {
  even: { count: 40_000, pair: (_, n) => evenPair(n) },
  "of one high half": {
    count: 30_000,
    pair: (_, n) => ({ lo: evenPair(n).lo, hi: 0xabcd_ef01 }),
  },
  "of few high halves at both ends": {
    count: 30_000,
    pair: (_, n) => ({ lo: evenPair(n).lo, hi: [0, 1, 2, wordMax - 1, wordMax][n % 5] as number }),
  },
  "clustered at low half 1": { count: 1_500, pair: (_, n) => ({ lo: 1 + (n % 40), hi: n }) },
  "clustered at low half 2^32-1": {
    count: 1_500,
    pair: (_, n) => ({ lo: wordMax - (n % 40), hi: Math.imul(n, 0x9e3779b1) >>> 11 }),
  },
  "in runs of consecutive low halves": {
    count: 1_500,
    pair: (_, n) => ({ lo: 0x7fff_ff00 + n, hi: n }),
  },
};

describe("the counter table agrees with a plain Map", () => {
  for (const [name, { count, pair }] of Object.entries(spreads)) {
    it(`for fingerprints ${name}`, () => {
      const random = seededRandom(count);
      const table = new CounterTable();
      const model = new Map<number, Model>();
      const pairs = Array.from({ length: count }, (_, n) => pair(random, n));
      const operations = isLong ? count * 200 : Math.min(count * 10, 300_000);
      const ref = emptyCounterRef();
      for (let step = 0; step < operations; step++) {
        // The range grows with the steps, so that there are always new counters and known ones.
        const known = Math.ceil(((step + 1) / operations) * count);
        const at = pairs[random.below(known)] as Pair;
        operate({ table, model, ref }, at, random);
      }
      assertEqual(table, model, pairs);
    });
  }

  it("for millions of operations on even fingerprints", () => {
    const random = seededRandom(7);
    const table = new CounterTable();
    const count = isLong ? 3_000_000 : 200_000;
    const totals = new Float64Array(count);
    const owns = new Float64Array(count);
    for (let step = 0; step < count * 10; step++) {
      const i = random.below(count);
      const { lo, hi } = evenPair(i);
      const units = random.below(1_000);
      if (step % 2 === 0) {
        totals[i] = (totals[i] as number) + units;
        assert.equal(table.addTotal(lo, hi, units), totals[i]);
      } else {
        owns[i] = (owns[i] as number) + units - 500;
        table.addOwn(lo, hi, units - 500);
      }
    }
    for (let i = 0; i < count; i++) {
      const { lo, hi } = evenPair(i);
      if (table.total(lo, hi) !== totals[i] || table.own(lo, hi) !== owns[i]) assert.fail(`${i}`);
    }
  });
});

interface Run {
  readonly table: CounterTable;
  readonly model: Map<number, Model>;
  readonly ref: ReturnType<typeof emptyCounterRef>;
}

/** One random operation on table and model. Halves are passed signed and unsigned in turn. */
function operate({ table, model, ref }: Run, pair: Pair, random: SeededRandom): void {
  const lo = random.below(2) === 0 ? pair.lo : pair.lo | 0;
  const hi = random.below(2) === 0 ? pair.hi : pair.hi | 0;
  const name = nameOf(pair);
  const there = model.get(name);
  const known = there ?? { total: 0, own: 0 };
  const large = [1, 0xffff, 0xffff_ffff, 0x1_0000_0000, 2 ** 41][random.below(5)] as number;
  const units = random.below(large);
  switch (random.below(6)) {
    case 0:
      known.own += known.own > 0 ? 0 - units : units;
      table.addOwn(lo, hi, known.own - table.own(lo, hi));
      break;
    case 1:
      assert.equal(table.used(lo, hi, ref), known.total + known.own);
      known.own += known.own > 0 ? 0 - units : units;
      table.addOwnAt(ref, known.own - table.own(lo, hi));
      break;
    case 2:
      known.total += units;
      assert.equal(table.addTotal(lo, hi, units), known.total);
      break;
    case 3:
      known.total = random.below(8) === 0 ? Number.MAX_SAFE_INTEGER : units * 2_048;
      table.setTotal(lo, hi, known.total);
      if (known.total > 2 ** 52) table.setTotal(lo, hi, (known.total = 0));
      break;
    case 4:
      known.own = 0 - units;
      table.setOwn(lo, hi, known.own);
      break;
    default:
      assert.equal(table.total(lo, hi), known.total);
      assert.equal(table.own(lo, hi), known.own);
      return;
  }
  if (there === undefined) model.set(name, known);
}

function assertEqual(
  table: CounterTable,
  model: ReadonlyMap<number, Model>,
  pairs: readonly Pair[],
): void {
  assert.equal(table.count, model.size);
  const seen = new Set<number>();
  table.forEach((lo, hi, total, own) => {
    const name = nameOf({ lo, hi });
    assert.ok(!seen.has(name), "visited once");
    seen.add(name);
    assert.deepEqual({ total, own }, model.get(name));
  });
  assert.equal(seen.size, model.size);
  for (const pair of pairs) {
    const known = model.get(nameOf(pair)) ?? { total: 0, own: 0 };
    assert.equal(table.total(pair.lo, pair.hi), known.total);
    assert.equal(table.own(pair.lo, pair.hi), known.own);
  }
}

describe("the counter table", () => {
  it("of a window with few callers costs a kilobyte", () => {
    const table = new CounterTable();
    for (let i = 0; i < 10; i++) table.addOwn(evenPair(i).lo, evenPair(i).hi, 1);
    assert.ok(table.bytes <= 1_024, `${table.bytes}`);
  });

  it("makes no counter by looking", () => {
    const table = new CounterTable();
    const ref = emptyCounterRef();
    assert.equal(table.total(5, 6), 0);
    assert.equal(table.own(5, 6), 0);
    assert.equal(table.used(5, 6, ref), 0);
    assert.equal(table.count, 0);
  });

  for (const { name, sparseCountMax, from, to, bytesMax } of [
    { name: "dense", sparseCountMax: 0, from: 100_000, to: 500_000, bytesMax: 24 },
    { name: "fast", sparseCountMax: 2_000_000, from: 100_000, to: 500_000, bytesMax: 38 },
    ...(isLong
      ? [
          { name: "growing", sparseCountMax: undefined, from: 1e5, to: 4e6, bytesMax: 38 },
          { name: "large", sparseCountMax: undefined, from: 1e7, to: 2.5e7, bytesMax: 24 },
        ]
      : []),
  ]) {
    it(`keeps to ${bytesMax} bytes a counter at every step of growth when ${name}, and to 20,000 moved`, () => {
      const table = new CounterTable({ sparseCountMax });
      let worst = 0;
      let bytesBefore = 0;
      for (let i = 0; i < to; i++) {
        const { lo, hi } = evenPair(i);
        table.addOwn(lo, hi, 1);
        if (i < from || table.bytes === bytesBefore) continue;
        bytesBefore = table.bytes;
        worst = Math.max(worst, table.bytes / table.count);
      }
      assert.ok(worst <= bytesMax, `${worst.toFixed(2)} bytes`);
      assert.ok(table.movedPerStepMax <= 20_000, `${table.movedPerStepMax} moved`);
    });
  }

  it("takes memory for expected counters as they come, and no more than for others", () => {
    const expected = 100_000;
    const table = new CounterTable({ expected });
    assert.ok(table.bytes < 50_000, `${table.bytes} bytes at first`);
    for (let i = 0; i < expected; i++) table.addOwn(evenPair(i).lo, evenPair(i).hi, i + 1);
    assert.equal(table.count, expected);
    assert.ok(table.bytes / expected <= 44, `${table.bytes / expected} bytes`);
    for (let i = 0; i < expected; i++) {
      const { lo, hi } = evenPair(i);
      if (table.own(lo, hi) !== i + 1) assert.fail(`${i}`);
    }
    let visited = 0;
    table.forEach(() => visited++);
    assert.equal(visited, expected);
    const boundless = new CounterTable({ expected: 1e9 });
    for (let i = 0; i < 1_000; i++) boundless.addOwn(evenPair(i).lo, evenPair(i).hi, 1);
    assert.ok(boundless.bytes < 12_000_000, `${boundless.bytes} bytes`);
  });

  it("becomes dense without losing a counter", () => {
    const table = new CounterTable({ sparseCountMax: 50_000 });
    for (let i = 0; i < 150_000; i++) table.addOwn(evenPair(i).lo, evenPair(i).hi, i + 1);
    assert.equal(table.count, 150_000);
    for (let i = 0; i < 150_000; i++) {
      const { lo, hi } = evenPair(i);
      if (table.own(lo, hi) !== i + 1) assert.fail(`${i}`);
    }
    assert.ok(table.bytes / table.count <= 24);
  });

  it("has the same digest for the same totals, whatever the way there", () => {
    const count = 30_000;
    const forwards = new CounterTable();
    const backwards = new CounterTable();
    for (let i = 0; i < count; i++) {
      const { lo, hi } = evenPair(i);
      forwards.setTotal(lo, hi, i * 1_000_003);
      forwards.addOwn(lo, hi, 3);
    }
    for (let i = count - 1; i >= 0; i--) {
      const { lo, hi } = evenPair(i);
      for (let part = 0; part < 3; part++) backwards.addTotal(lo, hi, 1_000_003);
      backwards.addTotal(lo, hi, Math.max(0, i - 3) * 1_000_003);
      if (i < 3) backwards.setTotal(lo, hi, i * 1_000_003);
      backwards.addTotal(lo ^ 0x10, hi, 0);
    }
    assert.equal(forwards.digestLo, backwards.digestLo);
    assert.equal(forwards.digestHi, backwards.digestHi);
    const { lo, hi } = evenPair(17);
    forwards.addTotal(lo, hi, 1);
    assert.notEqual(forwards.digestLo, backwards.digestLo);
    assert.notEqual(forwards.digestHi, backwards.digestHi);
    forwards.addTotal(lo, hi, -1);
    assert.equal(forwards.digestLo, backwards.digestLo);
  });

  it("has another digest when totals change places or trade units", () => {
    const digestOf = (...totals: readonly (readonly [lo: number, hi: number, total: number])[]) => {
      const table = new CounterTable();
      for (const [lo, hi, total] of totals) table.setTotal(lo, hi, total);
      return `${table.digestLo} ${table.digestHi}`;
    };
    const digests = [
      digestOf(),
      digestOf([1, 1, 1]),
      digestOf([1, 1, 2 ** 32]),
      digestOf([1, 1, 2 ** 32 + 1]),
      digestOf([1, 1, 3], [2, 1, 4]),
      digestOf([1, 1, 4], [2, 1, 3]),
      digestOf([1, 1, 2], [2, 1, 5]),
      digestOf([1, 2, 3], [2, 1, 4]),
      digestOf([2, 1, 3], [1, 2, 4]),
    ];
    assert.equal(new Set(digests).size, digests.length);
    assert.equal(digestOf([1, 1, 0], [2, 2, 0]), digests[0]);
  });

  it("clears totals and own units apart from each other", () => {
    const table = new CounterTable();
    const empty = [table.digestLo, table.digestHi];
    for (let i = 0; i < 50_000; i++) {
      const { lo, hi } = evenPair(i);
      table.setTotal(lo, hi, i);
      table.setOwn(lo, hi, -i);
    }
    table.clearOwn();
    const { lo, hi } = evenPair(40_000);
    assert.equal(table.total(lo, hi), 40_000);
    assert.equal(table.own(lo, hi), 0);
    table.setOwn(lo, hi, -9);
    table.clearTotals();
    assert.equal(table.total(lo, hi), 0);
    assert.equal(table.own(lo, hi), -9);
    assert.deepEqual([table.digestLo, table.digestHi], empty);
  });

  it("is walked in slices while it grows: what was there is visited once", () => {
    const table = new CounterTable();
    const before = 60_000;
    for (let i = 0; i < before; i++) table.setTotal(evenPair(i).lo, evenPair(i).hi, i + 1);
    const visits = new Uint8Array(before);
    let next = before;
    let slices = 0;
    for (let place = 0; place < 1; slices++) {
      let visited = 0;
      place = table.visitFrom(place, (_lo, _hi, total) => {
        visited++;
        if (total > 0) visits[total - 1] = (visits[total - 1] as number) + 1;
      });
      assert.ok(visited <= 16_384, `${visited} in a slice`);
      for (let i = 0; i < 20_000; i++, next++)
        table.addOwn(evenPair(next).lo, evenPair(next).hi, 1);
    }
    assert.ok(slices > 4, `${slices} slices`);
    assert.ok(visits.every((count) => count === 1));
  });

  it("finds a counter again that other inserts have moved since `used`", () => {
    const table = new CounterTable();
    const refs = [emptyCounterRef(), emptyCounterRef()] as const;
    table.addOwn(1_000, 5, 1);
    table.used(1_000, 5, refs[0]);
    table.used(999, 5, refs[1]);
    for (let i = 0; i < 40_000; i++) table.addOwn(evenPair(i).lo, evenPair(i).hi, 1);
    for (const ref of refs) table.addOwnAt(ref, 10);
    assert.equal(table.own(1_000, 5), 11);
    assert.equal(table.own(999, 5), 10);
  });

  it("holds 2^53 - 1 in total and 2^42 - 1 own either way; a sum stops there, all else asserts", () => {
    const table = new CounterTable();
    table.setTotal(1, 1, Number.MAX_SAFE_INTEGER);
    for (const own of [ownMax, -ownMax]) {
      table.setOwn(1, 1, own);
      assert.equal(table.own(1, 1), own);
      assert.equal(table.total(1, 1), Number.MAX_SAFE_INTEGER);
      assert.throws(() => table.addOwn(1, 1, Math.sign(own)), /2\^42/);
    }
    assert.equal(table.addTotal(1, 1, 1), Number.MAX_SAFE_INTEGER);
    assert.throws(() => table.setTotal(1, 1, -1), /2\^53/);
    assert.throws(() => table.setTotal(1, 1, Number.NaN), /2\^53/);
    assert.throws(() => table.addOwn(0, 1, 1), /not 0/);
    assert.equal(table.total(1, 1), Number.MAX_SAFE_INTEGER);
    assert.equal(table.own(1, 1), -ownMax);
  });
});
