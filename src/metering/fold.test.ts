import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Fold, lostRangesMax, parkedMax } from "./fold.ts";
import { OpenBatch } from "./open-batch.ts";
import { decodeStreamRecord, encodeExpire, encodeLost, type StreamEntry } from "./stream-record.ts";

const producer = "p";
const incarnation = "i";

/** An entry of seq n; n 0: the range 1 to 3 declared lost; negative: a horizon. */
function entry(n: number): StreamEntry {
  if (n === 0) return decodeStreamRecord(encodeLost({ producer, incarnation, from: 1, to: 3 }));
  if (n < 0) return decodeStreamRecord(encodeExpire(-n));
  const header = { producer, incarnation, seq: n, region: "sydney", sealedAtMs: 1 };
  return decodeStreamRecord(new OpenBatch().seal(header).bytes);
}

function recorded(): { fold: Fold; folded: number[]; apply: (...entries: number[]) => string[] } {
  const folded: number[] = [];
  const fold = new Fold({
    batch: ({ seq }) => void folded.push(seq),
    expire: (horizonMs) => void folded.push(-horizonMs),
    grant: ({ units }) => void folded.push(units),
    fence: (untilMs) => void folded.push(untilMs),
    strict: (since) => void folded.push(since.length),
    soft: ({ lo }) => void folded.push(lo),
  });
  const apply = (...entries: number[]): string[] =>
    entries.map((n) => fold.apply(fold.position + 1, entry(n)));
  return { fold, folded, apply };
}

const table: readonly [string, readonly number[], readonly string[], readonly number[]][] = [
  ["in order", [1, 2, 3], ["folded", "folded", "folded"], [1, 2, 3]],
  ["repeats", [1, 1, 2, 1, 2], ["folded", "repeat", "folded", "repeat", "repeat"], [1, 2]],
  ["a gap that closes", [1, 3, 4, 2], ["folded", "parked", "parked", "folded"], [1, 2, 3, 4]],
  ["a repeat of what is parked", [2, 2, 1], ["parked", "repeat", "folded"], [1, 2]],
  ["lost", [5, 4, 0], ["parked", "parked", "control"], [4, 5]],
  ["lost, but one was there", [2, 4, 0], ["parked", "parked", "control"], [2, 4]],
  ["lost turns up", [0, 2, 2, 4], ["control", "late", "repeat", "folded"], [2, 4]],
  ["lost after all was folded", [1, 2, 3, 0], ["folded", "folded", "folded", "control"], [1, 2, 3]],
  ["horizons only rise", [-5, -3, -9], ["control", "control", "control"], [-5, -9]],
];

for (const [name, entries, outcomes, expected] of table) {
  test(`fold: ${name}`, () => {
    const { folded, apply } = recorded();
    assert.deepEqual(apply(...entries), outcomes);
    assert.deepEqual(folded, expected);
  });
}

test("any order of any repeats folds each seq once, in order", () => {
  const shuffled = fc.integer({ min: 1, max: 40 }).chain((n) =>
    fc.shuffledSubarray(
      Array.from({ length: n * 2 }, (_, i) => (i % n) + 1),
      { minLength: n * 2, maxLength: n * 2 },
    ),
  );
  fc.assert(
    fc.property(shuffled, (entries) => {
      const { folded, fold, apply } = recorded();
      apply(...entries);
      const seqs = Math.max(...entries);
      assert.deepEqual(
        folded,
        Array.from({ length: seqs }, (_, i) => i + 1),
      );
      assert.deepEqual(fold.gaps(), []);
      assert.equal(fold.watermark(`${producer}/${incarnation}`), seqs);
    }),
  );
});

test("the state is the same whether it was saved and restored between records or not", () => {
  const entries = fc.array(fc.integer({ min: -3, max: 12 }), { maxLength: 40 });
  fc.assert(
    fc.property(entries, fc.nat({ max: 40 }), (all, cut) => {
      const whole = recorded();
      whole.apply(...all);
      const first = recorded();
      first.apply(...all.slice(0, cut));
      const second = recorded();
      second.fold.restore({
        position: first.fold.position,
        horizonMs: first.fold.horizonMs,
        producers: [...first.fold.producers].map(([key, { last, parked, lost }]) => ({
          ...{ producer: key, last, lost },
          parked: [...parked].map(([seq, bytes]) => ({ seq, bytes })),
        })),
      });
      second.apply(...all.slice(cut));
      assert.deepEqual([...first.folded, ...second.folded], whole.folded);
      assert.deepEqual(second.fold.producers, whole.fold.producers);
    }),
  );
});

test("batches behind a gap are parked up to a bound, and dropped beyond it", () => {
  const { folded, apply } = recorded();
  const seqs = Array.from({ length: parkedMax + 1 }, (_, i) => i + 2);
  const outcomes = apply(...seqs);
  assert.equal(outcomes.at(-2), "parked");
  assert.equal(outcomes.at(-1), "overflow");
  apply(1);
  assert.equal(folded.length, parkedMax + 1);
  assert.deepEqual(apply(parkedMax + 2), ["folded"], "sent again, it counts");
});

test("lost ranges are remembered up to a bound; beyond it the gap stays", () => {
  const { fold } = recorded();
  let position = 0;
  const apply = (n: number): void => void fold.apply(++position, entry(n));
  const lose = (seq: number): void =>
    void fold.apply(++position, { kind: "lost", producer, incarnation, from: seq, to: seq });
  for (let i = 0; i < lostRangesMax; i++) {
    lose(i * 2 + 1);
    apply(i * 2 + 2);
  }
  lose(lostRangesMax * 2 + 1);
  assert.equal(fold.watermark(`${producer}/${incarnation}`), lostRangesMax * 2);
});
