import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  decodePart,
  decodeUpdate,
  encodePart,
  encodeUpdate,
  type FeedWindow,
} from "./feed-codec.ts";

const count = fc.maxSafeNat();
const entries = fc.array(
  fc.tuple(
    fc.integer({ min: 1, max: 0xffff_ffff }),
    fc.integer({ min: 0, max: 0xffff_ffff }),
    count,
  ),
  { maxLength: 20 },
);
const windowArbitrary: fc.Arbitrary<FeedWindow> = fc
  .tuple(fc.string(), entries)
  .map(([id, all]) => ({
    id,
    lo: Uint32Array.from(all, ([lo]) => lo),
    hi: Uint32Array.from(all, ([, hi]) => hi),
    net: Float64Array.from(all, ([, , net]) => net),
  }));
const partArbitrary = fc.record({
  watermarks: fc.array(fc.tuple(fc.string(), count), { maxLength: 5 }),
  windows: fc.array(windowArbitrary, { maxLength: 4 }),
});
const updateArbitrary = fc
  .tuple(
    partArbitrary,
    fc.record({ epoch: count, base: count, position: count, hubTimeMs: count, horizonMs: count }),
    fc.array(
      fc.record({ producer: fc.string(), firstChargeAtMs: count }, { noNullPrototype: true }),
      { maxLength: 4 },
    ),
  )
  .map(([part, version, marks]) => ({ ...part, ...version, marks }));

test("updates and parts decode to what was encoded", () => {
  fc.assert(
    fc.property(updateArbitrary, partArbitrary, (update, part) => {
      assert.deepEqual(decodeUpdate(encodeUpdate(update)), update);
      assert.deepEqual(decodePart(encodePart(part)), { ...part });
      assert.ok("malformed" in decodePart(encodeUpdate(update)));
    }),
  );
});

test("bytes cut anywhere or with any bit flipped are malformed, never an exception", () => {
  const window = {
    id: "day/2026-11-21T00:00:00Z",
    lo: Uint32Array.of(1, 2),
    hi: Uint32Array.of(3, 4),
    net: Float64Array.of(5, 2 ** 53 - 1),
  };
  const bytes = encodeUpdate({
    ...{ epoch: 1_048_577, base: 7, position: 9, hubTimeMs: 1_795_000_000_000, horizonMs: 0 },
    watermarks: [["p/i", 4]],
    marks: [{ producer: "p", firstChargeAtMs: 1_795_000_000_000 }],
    windows: [window],
  });
  for (let length = 0; length < bytes.length; length++) {
    assert.ok("malformed" in decodeUpdate(bytes.subarray(0, length)));
  }
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Uint8Array.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.ok("malformed" in decodeUpdate(flipped));
  }
});
