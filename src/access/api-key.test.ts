import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  apiKeyLengthMax,
  apiKeyLengthMin,
  formatApiKey,
  formatKeyId,
  hashApiKey,
  keyEntropyBytesMax,
  parseApiKey,
} from "./api-key.ts";

const base62Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const prefixes = fc.string({
  unit: fc.constantFrom(...base62Digits),
  minLength: 1,
  maxLength: 16,
});
const keys = fc.record({
  prefix: prefixes,
  mode: fc.constantFrom("live" as const, "test" as const),
  entropy: fc.uint8Array({ minLength: 20, maxLength: keyEntropyBytesMax }),
});
const sample = formatApiKey({ prefix: "ipd", mode: "live", entropy: new Uint8Array(20).fill(7) });

test("every key that is made is read back with its prefix and mode, within the length bounds", () => {
  fc.assert(
    fc.property(keys, (parts) => {
      const text = formatApiKey(parts);
      assert.ok(text.length >= apiKeyLengthMin && text.length <= apiKeyLengthMax);
      assert.deepEqual(parseApiKey(text), { ok: true, prefix: parts.prefix, mode: parts.mode });
    }),
  );
});

test("different entropy gives different keys, leading zeros included", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 20, maxLength: 20 }),
      fc.uint8Array({ minLength: 20, maxLength: 20 }),
      (a, b) => {
        const text = (entropy: Uint8Array) => formatApiKey({ prefix: "p", mode: "test", entropy });
        assert.equal(text(a) === text(b), Buffer.from(a).equals(Buffer.from(b)));
      },
    ),
  );
});

test("one changed character is noticed", () => {
  fc.assert(
    fc.property(keys, fc.nat(), fc.constantFrom(...base62Digits), (parts, place, digit) => {
      const text = formatApiKey(parts);
      const at = place % text.length;
      if (text[at] === digit) return;
      assert.equal(parseApiKey(text.slice(0, at) + digit + text.slice(at + 1)).ok, false);
    }),
  );
});

test("what is not a key is refused and never throws", () => {
  const table: readonly [text: string, failure: string][] = [
    ["", "length"],
    ["ipd_live_", "length"],
    ["x".repeat(1_000_000), "length"],
    [`${sample} `, "shape"],
    [` ${sample}`, "shape"],
    [sample.replace("_live_", "_prod_"), "shape"],
    [sample.replace("_live_", "_LIVE_"), "shape"],
    [sample.replace("ipd_", "_xxx"), "shape"],
    [sample.replace("ipd_", "i-d_"), "shape"],
    [sample.replace("ipd_", "ipа_"), "shape"],
    [`${sample.slice(0, -1)}é`, "shape"],
    [sample.replace("_live_", "_test_"), "checksum"],
    ["_".repeat(apiKeyLengthMin), "shape"],
  ];
  for (const [text, failure] of table) {
    assert.deepEqual(parseApiKey(text), { ok: false, failure }, text.slice(0, 60));
  }
  fc.assert(fc.property(fc.string({ maxLength: 80 }), (text) => parseApiKey(text).ok === false));
});

test("the format is stable: keys issued once stay valid", () => {
  assert.equal(sample, "ipd_live_10AOhycyamkKyENaw2sLSsN3q0V34V14w");
  assert.equal(hashApiKey(sample).length, 32);
  assert.equal(formatKeyId(new Uint8Array(16).fill(255)), "k_7n42DGM5Tflk9n8mt7Fhc7");
});
