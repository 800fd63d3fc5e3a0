import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  checkKeyRecord,
  credentialId,
  decodeKeyRecord,
  encodeKeyRecord,
  type KeyRecord,
  keyRecordLength,
  keyRecordLayout as L,
  restrictionsMax,
  unrestricted,
} from "./key-record.ts";

const ascii = fc.string({
  unit: fc.constantFrom(..."abcXYZ019_-."),
  minLength: 1,
  maxLength: 64,
});
/** Well-formed texts of any script, within the byte bounds. */
const texts = fc.string({ unit: "grapheme", maxLength: 16 }).filter((text) => {
  return text.isWellFormed() && Buffer.byteLength(text) <= 128;
});
const instants = fc.nat({ max: 2 ** 48 - 1 });
const days = fc.integer({ min: 1, max: 31 });
const restrictions = fc.array(texts, { maxLength: 5 });

const records: fc.Arbitrary<KeyRecord> = fc.record(
  {
    hash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    keyId: ascii,
    plan: ascii,
    owner: texts,
    name: texts,
    createdAtMs: instants,
    expiresAtMs: instants,
    anchorDay: days,
    ownerAnchorDay: days,
    restrict: fc.record(
      { referers: restrictions, addresses: restrictions, routes: restrictions },
      { noNullPrototype: true },
    ),
    version: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    changedAtMs: instants,
    revoked: fc.boolean(),
  },
  { noNullPrototype: true },
);

const plain: KeyRecord = {
  hash: new Uint8Array(32).fill(9),
  keyId: "k_7n42DGM5Tflk9n8mt7Fhc7",
  plan: "pro",
  owner: "acme",
  name: "",
  createdAtMs: 1_763_000_000_000,
  expiresAtMs: 0,
  anchorDay: 17,
  ownerAnchorDay: 3,
  restrict: unrestricted,
  version: 12,
  changedAtMs: 1_763_000_000_000,
  revoked: false,
};

test("a record is read back as it was written, wherever it stands in a buffer", () => {
  fc.assert(
    fc.property(records, fc.nat({ max: 9 }), (record, shift) => {
      const packed = encodeKeyRecord(record);
      assert.equal(keyRecordLength(packed, 0), packed.length);
      const buffer = new Uint8Array(packed.length + shift + 3).fill(255);
      buffer.set(packed, shift);
      const decoded = decodeKeyRecord(buffer, shift, packed.length);
      assert.ok(decoded.ok);
      assert.deepEqual(decoded.record, record);
    }),
  );
});

test("every cut and every lengthening is refused", () => {
  const packed = encodeKeyRecord({
    ...plain,
    restrict: { referers: ["example.com"], addresses: ["10.0.0.0/8"], routes: ["/{ip}"] },
  });
  for (let length = 0; length < packed.length; length++) {
    assert.equal(decodeKeyRecord(packed.subarray(0, length)).ok, false);
  }
  const longer = new Uint8Array(packed.length + 1);
  longer.set(packed);
  assert.deepEqual(decodeKeyRecord(longer), { ok: false, failure: "wrong length" });
  assert.deepEqual(decodeKeyRecord(packed, packed.length), { ok: false, failure: "too short" });
});

test("damaged bytes never throw, and what passes is a record within bounds", () => {
  const changes = fc.array(fc.tuple(fc.nat({ max: 400 }), fc.nat({ max: 255 })), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(records, changes, (record, edits) => {
      const packed = encodeKeyRecord(record);
      for (const [place, value] of edits) packed[place % packed.length] = value;
      const decoded = decodeKeyRecord(packed);
      if (!decoded.ok) return;
      assert.deepEqual(encodeKeyRecord(decoded.record), packed);
    }),
    { numRuns: 1_000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.equal(checkKeyRecord(bytes, 0, bytes.length) === undefined, decodeKeyRecord(bytes).ok);
    }),
  );
});

test("fields out of bounds are refused by name", () => {
  const table: readonly [what: string, edit: (bytes: Uint8Array) => void, failure: string][] = [
    ["format", (b) => (b[L.format] = 2), "unknown format"],
    ["flags", (b) => (b[L.flags] = 2), "out of bounds"],
    ["length", (b) => (b[L.length] = 255), "wrong length"],
    ["day 0", (b) => (b[L.anchorDay] = 0), "out of bounds"],
    ["day 32", (b) => (b[L.ownerAnchorDay] = 32), "out of bounds"],
    ["version 0", (b) => b.fill(0, L.version, L.version + 8), "out of bounds"],
    ["version 2^64", (b) => b.fill(255, L.version, L.version + 8), "out of bounds"],
    ["no id", (b) => (b[L.keyIdLength] = 0), "out of bounds"],
    ["long id", (b) => (b[L.keyIdLength] = 65), "out of bounds"],
    ["id beyond the end", (b) => (b[L.keyIdLength] = 60), "wrong length"],
    ["counts beyond the end", (b) => (b[L.routeCount] = 1), "wrong length"],
    ["too many", (b) => (b[L.routeCount] = restrictionsMax + 1), "out of bounds"],
    ["blank in the id", (b) => (b[L.texts] = 0x20), "out of bounds"],
    ["broken UTF-8", (b) => (b[b.length - 1] = 0xff), "out of bounds"],
  ];
  for (const [what, edit, failure] of table) {
    const packed = encodeKeyRecord(plain);
    edit(packed);
    assert.deepEqual(decodeKeyRecord(packed), { ok: false, failure }, what);
  }
});

test("a typical record takes about a hundred bytes, and its credential id shows nothing", () => {
  assert.equal(encodeKeyRecord(plain).length, 102);
  assert.match(credentialId(plain.hash), /^c_[0-9A-Za-z]{11}$/);
});
