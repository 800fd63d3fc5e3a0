import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crc32 } from "../base/hash.ts";
import {
  type Batch,
  decodeBatch,
  decodeBatchHeader,
  type EncodableBatch,
  encodeBatch,
} from "./batch-codec.ts";
import { hourMs } from "./charge-record.ts";
import { decodeStreamRecord, encodeExpire, encodeLost } from "./stream-record.ts";

const text = fc.string({ unit: "grapheme", maxLength: 200 });
const units = fc.maxSafeNat();
/** Objects as code makes them: with a prototype. */
const plain = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
const rowArbitrary = plain({
  hour: fc.nat({ max: 1_000_000 }).map((hour) => hour * hourMs),
  ...{ route: text, plan: text, owner: text, key: text, address: text, referer: text },
  ...{ calls: units, units, refundedCalls: units, refundedUnits: units },
});
const observationArbitrary = plain({
  hour: fc.nat({ max: 1_000_000 }).map((hour) => hour * hourMs),
  ...{ route: text, plan: text, outcome: text },
  ...{ calls: units, bytes: units, timeMs: units },
});
const counterArbitrary = plain({
  window: fc.nat({ max: 2 }),
  subject: text,
  lo: fc.integer({ min: 1, max: 0xffff_ffff }),
  hi: fc.integer({ min: 0, max: 0xffff_ffff }),
  charged: units,
  refunded: units,
});
const leaseArbitrary = plain({
  ...{ incarnation: text, request: units, window: text },
  lo: fc.integer({ min: 1, max: 0xffff_ffff }),
  hi: fc.integer({ min: 0, max: 0xffff_ffff }),
  spent: units,
});
const batchArbitrary: fc.Arbitrary<EncodableBatch> = plain({
  ...{ producer: text, incarnation: text, seq: units, region: text },
  ...{ sealedAtMs: units, firstChargeAtMs: units },
  windows: fc.array(text, { minLength: 3, maxLength: 3 }),
  counters: fc.array(counterArbitrary, { maxLength: 20 }),
  rows: fc.array(rowArbitrary, { maxLength: 10 }),
  observations: fc.array(observationArbitrary, { maxLength: 5 }),
  leases: fc.array(leaseArbitrary, { maxLength: 3 }),
}).map(({ counters, ...rest }) => ({
  ...rest,
  subjects: counters.map(({ subject }) => subject),
  counters: {
    count: counters.length,
    window: Uint32Array.from(counters, ({ window }) => window),
    lo: Uint32Array.from(counters, ({ lo }) => lo),
    hi: Uint32Array.from(counters, ({ hi }) => hi),
    charged: Float64Array.from(counters, ({ charged }) => charged),
    refunded: Float64Array.from(counters, ({ refunded }) => refunded),
  },
}));

/** A decoded batch as one that can be encoded: what a round trip is compared by. */
function encodable(batch: Batch): EncodableBatch {
  const { subject, rows, ...rest } = batch;
  return {
    ...rest,
    subjects: Array.from({ length: batch.counters.count }, (_, i) => subject(i)),
    rows: rows.map(({ region, ...row }) => {
      assert.equal(region, batch.region);
      return row;
    }),
  };
}

const example: EncodableBatch = {
  ...{ producer: "a".repeat(32), incarnation: "b".repeat(16), seq: 300, region: "sydney" },
  ...{ sealedAtMs: 1_795_000_000_050, firstChargeAtMs: 1_795_000_000_000 },
  windows: ["month/2026-11-01T00:00:00Z"],
  subjects: ["key:k_1", "ip:203.0.113.7"],
  counters: {
    count: 2,
    window: Uint32Array.of(0, 0),
    lo: Uint32Array.of(5, 6),
    hi: Uint32Array.of(7, 8),
    charged: Float64Array.of(1, 200),
    refunded: Float64Array.of(0, 100),
  },
  rows: [
    {
      hour: 498_000 * hourMs,
      ...{ route: "/{ip}", plan: "pro", owner: "", key: "k_1", address: "", referer: "é.example" },
      ...{ calls: 2, units: 201, refundedCalls: 1, refundedUnits: 100 },
    },
  ],
  observations: [
    {
      hour: 498_000 * hourMs,
      ...{ route: "/{ip}", plan: "pro", outcome: "admitted", calls: 2, bytes: 10, timeMs: 3 },
    },
  ],
  leases: [],
};

test("a batch decodes to what was encoded", () => {
  fc.assert(
    fc.property(batchArbitrary, (batch) => {
      const bytes = encodeBatch(batch);
      const decoded = decodeBatch(bytes);
      assert.ok("batch" in decoded);
      assert.deepEqual(encodable(decoded.batch), { ...batch });
      assert.deepEqual(encodeBatch(encodable(decoded.batch)), bytes);
      assert.equal(decodeBatchHeader(bytes)?.seq, batch.seq);
    }),
    { numRuns: 300 },
  );
});

/** The checksum made to fit, as a producer with a fault of its own would. */
function withCrc(bytes: Uint8Array): Uint8Array {
  const body = bytes.subarray(0, bytes.length - 4);
  const out = Uint8Array.from(bytes);
  new DataView(out.buffer).setUint32(body.length, crc32(body), true);
  return out;
}

test("bytes cut anywhere or with any bit flipped are malformed, never an exception", () => {
  const records = [
    encodeBatch(example),
    encodeLost({ producer: "p", incarnation: "i", from: 2, to: 9 }),
    encodeExpire(1_795_000_000_000),
  ];
  for (const bytes of records) {
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(decodeStreamRecord(bytes.subarray(0, length)).kind, "malformed");
    }
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.equal(decodeStreamRecord(flipped).kind, "malformed");
    }
  }
});

test("bytes that are wrong under a checksum that fits never throw, whatever is asked of them", () => {
  const bytes = encodeBatch(example);
  const ask = (wrong: Uint8Array): void => {
    const entry = decodeStreamRecord(withCrc(wrong));
    if (entry.kind === "batch") encodable(entry.batch);
  };
  for (let at = 0; at < bytes.length - 4; at++) {
    for (const value of [0, 1, 0x7f, 0x80, 0xc3, 0xff]) {
      const wrong = Uint8Array.from(bytes);
      wrong[at] = value;
      ask(wrong);
    }
    ask(bytes.slice(0, at + 4));
  }
  fc.assert(fc.property(fc.uint8Array({ minLength: 4, maxLength: 300 }), ask));
});
