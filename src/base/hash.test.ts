import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  crc32,
  crc32Text,
  equalSecrets,
  fingerprintAscii,
  fingerprintText,
  fingerprintWords,
  type HashKey,
  hashedTextMax,
  hashKeyFromHex,
  sha256Hex,
} from "./hash.ts";

const key = hashKeyFromHex("0123456789abcdef0000000000000000");

function ofText(text: string, hashKey: HashKey = key, tag = 7): string {
  const out = { lo: 0, hi: 0 };
  fingerprintText(hashKey, tag, text, out);
  return `${out.hi.toString(16)} ${out.lo.toString(16)}`;
}

describe("a fingerprint", () => {
  // Stored and compared between processes of different versions: these may not change.
  for (const [text, expected] of [
    ["", "57bfda84 4ce34bdd"],
    ["a", "6f46440d 422c3efb"],
    ["ab", "a7f3c457 88bf879d"],
    ["k_01hzyq", "119fb73e 86db986e"],
    ["example.com", "3063432a 2c525989"],
    ["日本", "8bc57853 7a5160c1"],
  ] as const) {
    it(`of "${text}" stays what it is`, () => assert.equal(ofText(text), expected));
  }

  it("of an address stays what it is", () => {
    const out = { lo: 0, hi: 0 };
    fingerprintWords(key, 7, [0, 0, 0xffff, 0xcb007107], out);
    assert.deepEqual(out, { lo: 0xd2831a5e, hi: 0xcf4397d9 });
  });

  it("of ASCII bytes is that of their text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii", maxLength: 40 }), (text) => {
        const bytes = new TextEncoder().encode(`<${text}>`);
        const out = { lo: 0, hi: 0 };
        fingerprintAscii(key, 7, { bytes, from: 1, to: bytes.length - 1 }, out);
        assert.equal(`${out.hi.toString(16)} ${out.lo.toString(16)}`, ofText(text));
      }),
    );
  });

  it("differs by key, tag, text, and trailing zeros", () => {
    const all = [
      ofText("a"),
      ofText("b"),
      ofText("a\0"),
      ofText("a\0\0"),
      ofText("a", hashKeyFromHex("0123456789abcdee0000000000000000")),
      ofText("a", key, 8),
    ];
    assert.equal(new Set(all).size, all.length);
  });

  it("is spread evenly over both halves", () => {
    const counts = [new Uint32Array(64), new Uint32Array(64)] as const;
    const out = { lo: 0, hi: 0 };
    for (let i = 0; i < 64_000; i++) {
      fingerprintWords(key, 7, [0, 0, 0xffff, i], out);
      for (const [half, count] of [
        [out.lo, counts[0]],
        [out.hi, counts[1]],
      ] as const) {
        count[half >>> 26] = (count[half >>> 26] as number) + 1;
      }
    }
    for (const count of counts) {
      for (const n of count) assert.ok(n > 800 && n < 1_200, `${n} of 1,000 expected`);
    }
  });

  it("takes texts up to the bound", () => {
    assert.notEqual(ofText("x".repeat(hashedTextMax)), ofText("x".repeat(hashedTextMax - 1)));
    assert.throws(() => ofText("x".repeat(hashedTextMax + 1)), /too long/);
  });
});

describe("checksums", () => {
  it("are the published ones", () => {
    assert.equal(crc32Text("123456789"), 0xcbf43926);
    assert.equal(crc32Text(""), 0);
    assert.equal(
      sha256Hex("abc"),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });

  it("go on from an earlier result", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(40), (bytes, cut) => {
        assert.equal(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut))), crc32(bytes));
      }),
    );
  });

  it("compare secrets by value", () => {
    const secret = new Uint8Array([1, 2, 3]);
    assert.ok(equalSecrets(secret, new Uint8Array([1, 2, 3])));
    assert.ok(!equalSecrets(secret, new Uint8Array([1, 2, 4])));
    assert.ok(!equalSecrets(secret, new Uint8Array([1, 2])));
  });
});
