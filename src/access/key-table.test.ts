import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hashKeyFromHex } from "../base/hash.ts";
import { seededRandom } from "../base/random.ts";
import { formatApiKey, hashApiKey } from "./api-key.ts";
import { encodeKeyRecord, type KeyRecord, unrestricted } from "./key-record.ts";
import { keyRefusal, keyRefusalName, keyTable, planNamesMax } from "./key-table.ts";
import { fingerprintSubject } from "./subject-fingerprint.ts";

const hashKey = hashKeyFromHex("000102030405060708090a0b0c0d0e0f");
const nowMs = Date.UTC(2026, 10, 21);
const long = process.env.TALLYGATE_LONG === "1";

function apiKey(number: number): string {
  const entropy = new Uint8Array(20);
  new DataView(entropy.buffer).setUint32(0, number);
  return formatApiKey({ prefix: "ipd", mode: "live", entropy });
}

function record(text: string, change: Partial<KeyRecord> = {}): KeyRecord {
  return {
    hash: hashApiKey(text),
    keyId: "k_7n42DGM5Tflk9n8mt7Fhc7",
    plan: "pro",
    owner: "acme",
    name: "",
    createdAtMs: nowMs,
    expiresAtMs: 0,
    anchorDay: 21,
    ownerAnchorDay: 3,
    restrict: unrestricted,
    version: 1,
    changedAtMs: nowMs,
    revoked: false,
    ...change,
  };
}

function applied(table: ReturnType<typeof keyTable>, packed: Uint8Array): string {
  return table.apply(packed, 0, packed.length);
}

test("a key is found by its text, with every field of its record", () => {
  const table = keyTable({ hashKey });
  const text = apiKey(1);
  const packed = encodeKeyRecord(record(text, { version: 2 ** 40 }));
  assert.equal(applied(table, packed), "added");
  const slot = table.identify(text, nowMs);
  assert.ok(slot >= 0);
  assert.equal(table.identify(text, nowMs), slot, "from the cache");
  assert.equal(table.find(hashApiKey(text)), slot);
  assert.equal(table.keyId(slot), "k_7n42DGM5Tflk9n8mt7Fhc7");
  assert.equal(table.owner(slot), "acme");
  assert.equal(table.planNames[table.planIndex(slot)], "pro");
  assert.equal(table.version(slot), 2 ** 40);
  assert.equal(table.changedAtMs(slot), nowMs);
  assert.deepEqual([table.anchorDay(slot), table.ownerAnchorDay(slot)], [21, 3]);
  assert.equal(table.restrictions(slot), undefined);
  assert.deepEqual(table.record(slot), packed);
  for (const [subject, lo, hi] of [
    [`key:${table.keyId(slot)}`, table.keyLo(slot), table.keyHi(slot)],
    ["owner:acme", table.ownerLo(slot), table.ownerHi(slot)],
  ] as const) {
    const out = { lo: 0, hi: 0 };
    fingerprintSubject(hashKey, subject, out);
    assert.deepEqual({ lo, hi }, out, subject);
  }
});

test("malformed, unknown, revoked and expired keys are refused, remembered or not", () => {
  const table = keyTable({ hashKey });
  const text = apiKey(1);
  const refusal = (key: string, atMs = nowMs) => keyRefusalName(table.identify(key, atMs));
  assert.equal(refusal("ipd_live_nonsense"), "malformed");
  assert.equal(refusal(`${text.slice(0, -1)}-`), "malformed");
  assert.equal(refusal(text), "unknown");
  applied(table, encodeKeyRecord(record(text, { expiresAtMs: nowMs + 1 })));
  assert.ok(table.identify(text, nowMs) >= 0, "the instant before");
  assert.equal(refusal(text, nowMs + 1), "expired");
  applied(table, encodeKeyRecord(record(text, { version: 2 })));
  assert.ok(table.identify(text, nowMs + 1) >= 0, "expiry taken back");
  applied(table, encodeKeyRecord(record(text, { version: 3, revoked: true })));
  assert.equal(refusal(text), "revoked");
  assert.equal(table.identify(text, nowMs), keyRefusal.revoked);
});

test("rotation: two secrets of one key have one fingerprint, and revoking one leaves the other", () => {
  const table = keyTable({ hashKey });
  const [before, after] = [apiKey(1), apiKey(2)];
  applied(table, encodeKeyRecord(record(before)));
  applied(table, encodeKeyRecord(record(after, { version: 2 })));
  const slots = [table.identify(before, nowMs), table.identify(after, nowMs)] as const;
  assert.notEqual(slots[0], slots[1]);
  assert.equal(table.keyLo(slots[0]), table.keyLo(slots[1]));
  assert.equal(table.keyHi(slots[0]), table.keyHi(slots[1]));
  applied(table, encodeKeyRecord(record(before, { version: 3, revoked: true })));
  assert.equal(table.identify(before, nowMs), keyRefusal.revoked);
  assert.equal(table.identify(after, nowMs), slots[1]);
});

test("malformed records, and records beyond the bounds, change nothing", () => {
  const table = keyTable({ hashKey, keysMax: 2 });
  const packed = encodeKeyRecord(record(apiKey(1)));
  assert.equal(table.apply(packed, 0, packed.length - 1), "malformed");
  assert.equal(table.apply(packed, 1, packed.length - 1), "malformed");
  assert.equal(table.count, 0);
  assert.equal(applied(table, packed), "added");
  assert.equal(applied(table, encodeKeyRecord(record(apiKey(2)))), "added");
  assert.equal(applied(table, encodeKeyRecord(record(apiKey(3)))), "full");
  assert.equal(applied(table, encodeKeyRecord(record(apiKey(2), { version: 2 }))), "changed");
  assert.equal(table.count, 2);

  const plans = keyTable({ hashKey });
  for (let i = 0; i < planNamesMax; i++) {
    assert.equal(applied(plans, encodeKeyRecord(record(apiKey(i), { plan: `p${i}` }))), "added");
  }
  assert.equal(
    applied(plans, encodeKeyRecord(record(apiKey(0), { plan: "x", version: 9 }))),
    "full",
  );
  assert.equal(plans.planNames[plans.planIndex(plans.find(hashApiKey(apiKey(0))))], "p0");
});

test("any order of the same records gives the same table: tombstones first, then versions", () => {
  const texts = [apiKey(1), apiKey(2), apiKey(3)];
  const changes = fc.array(
    fc.record({
      key: fc.nat({ max: texts.length - 1 }),
      revoked: fc.boolean(),
      owner: fc.constantFrom("", "a", "a longer owner name", "ein Eigentümer"),
      plan: fc.constantFrom("free", "pro"),
      routes: fc.array(fc.constantFrom("/a", "/b/{id}"), { maxLength: 3 }),
    }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(changes, fc.integer(), (list, seed) => {
      const packed = list.map(({ key, revoked, owner, plan, routes }, i) => {
        const restrict = { ...unrestricted, routes };
        const change = { revoked, owner, plan, restrict, version: i + 1 };
        return encodeKeyRecord(record(texts[key] as string, change));
      });
      const random = seededRandom(seed);
      const shuffled = packed
        .flatMap((bytes) => [bytes, bytes])
        .map((bytes) => ({ bytes, order: random.next() }))
        .sort((a, b) => a.order - b.order);
      const table = keyTable({ hashKey });
      for (const { bytes } of shuffled) applied(table, bytes);
      for (const [key, text] of texts.entries()) {
        const mine = list.map((change, i) => ({ ...change, i })).filter((c) => c.key === key);
        const tombstones = mine.filter((change) => change.revoked);
        const winner = (tombstones.length > 0 ? tombstones : mine).at(-1);
        const slot = table.find(hashApiKey(text));
        if (winner === undefined) assert.equal(slot, -1);
        else {
          assert.deepEqual(table.record(slot), packed[winner.i]);
          assert.equal(table.planNames[table.planIndex(slot)], winner.plan);
          assert.equal(table.restrictions(slot)?.routes.length ?? 0, winner.routes.length);
          assert.equal(table.ownerLo(slot) === 0, winner.owner === "");
        }
      }
    }),
  );
});

test("records that keep growing are compacted, and nothing is lost", () => {
  const table = keyTable({ hashKey });
  const texts = Array.from({ length: 2_000 }, (_, i) => apiKey(i));
  const size = (round: number): string => "n".repeat(10 * round);
  for (let round = 0; round <= 12; round++) {
    for (const [i, text] of texts.entries()) {
      const change = { version: round + 1, name: size(round), keyId: `k_${i}` };
      applied(table, encodeKeyRecord(record(text, change)));
    }
  }
  for (const [i, text] of texts.entries()) {
    assert.equal(table.keyId(table.identify(text, nowMs)), `k_${i}`);
  }
  // 2,000 records of at most 230 bytes; without compaction the rounds would add up to 4 MB more.
  assert.ok(table.bytes < 256 * 32_768 + 2_000 * 300, `${table.bytes} bytes`);
});

test("a remembered key never outlives its record, however small the cache", () => {
  for (const keyCacheMax of [0, 1, 2, 5]) {
    const table = keyTable({ hashKey, keyCacheMax });
    const texts = Array.from({ length: 20 }, (_, i) => apiKey(i));
    for (const text of texts) applied(table, encodeKeyRecord(record(text)));
    const slots = texts.map((text) => table.identify(text, nowMs));
    for (const [i, text] of texts.entries()) {
      assert.equal(table.identify(text, nowMs), slots[i]);
      applied(table, encodeKeyRecord(record(text, { version: 2, revoked: true })));
      assert.equal(table.identify(text, nowMs), keyRefusal.revoked);
    }
  }
});

const keys = long ? 1_000_000 : 100_000;

test(`${keys} keys: memory, time to load, longest step and look-ups within bounds`, (t) => {
  // Hashes of secrets are random; made from a counter here, so that the test is about the table.
  const random = seededRandom(7);
  const template = encodeKeyRecord(record(apiKey(0)));
  const size = template.length;
  const packed = new Uint8Array(size * keys);
  for (let i = 0; i < keys; i++) {
    packed.set(template, i * size);
    for (let b = 0; b < 32; b++) packed[i * size + 4 + b] = random.below(256);
    for (let b = 0; b < 20; b++) packed[i * size + 71 + 2 + b] = 97 + random.below(26);
  }
  globalThis.gc?.();
  const rssBefore = process.memoryUsage().rss;
  const table = keyTable({ hashKey });
  let stepMsMax = 0;
  let bytesMax = 0;
  const cpuBefore = process.cpuUsage();
  for (let i = 0; i < keys; i++) {
    const startMs = performance.now();
    table.apply(packed, i * size, size);
    stepMsMax = Math.max(stepMsMax, performance.now() - startMs);
    if (i % 4_096 === 0) bytesMax = Math.max(bytesMax, table.bytes / (i + 1));
  }
  const cpu = process.cpuUsage(cpuBefore);
  const cpuMs = (cpu.user + cpu.system) / 1_000;
  const rssMb = (process.memoryUsage().rss - rssBefore) / 1e6;
  assert.equal(table.count, keys);

  const hashes = Array.from({ length: 10_000 }, (_, i) => {
    const at = ((i * 97) % keys) * size + 4;
    return packed.slice(at, at + 32);
  });
  const startMs = performance.now();
  for (const hash of hashes) assert.ok(table.find(hash) >= 0);
  const lookupNs = ((performance.now() - startMs) / hashes.length) * 1e6;

  const bytesEach = table.bytes / keys;
  t.diagnostic(
    `${bytesEach.toFixed(1)} bytes of table a key (record ${size}), resident ${rssMb.toFixed(0)} MB, ` +
      `loaded in ${cpuMs.toFixed(0)} ms CPU, longest step ${stepMsMax.toFixed(2)} ms, look-up ${lookupNs.toFixed(0)} ns`,
  );
  // 250 bytes a key at a million; below that the shards' first chunks weigh more.
  assert.ok(table.bytes <= Math.max(250 * keys, 40e6), `${bytesEach} bytes a key`);
  // 2 s a million when alone; the everyday form shares its cores and spends half on warming up.
  assert.ok(cpuMs <= (long ? 4_000 : 2_000), `${cpuMs} ms`);
});
