import assert from "node:assert/strict";
import { test } from "node:test";
import { type ProducerKey, producerKey } from "../base/words.ts";
import type { CoverageMark } from "../ports/gateway-store.ts";
import { MemoryJournal } from "./testing/memory-journal.ts";
import { Trimmer } from "./trimmer.ts";

const retentionMs = 1_000;

class MemoryCoverage {
  marks: readonly CoverageMark[] = [];

  async loadCoverage(): Promise<readonly CoverageMark[]> {
    return this.marks;
  }

  async saveCoverage(marks: readonly CoverageMark[]): Promise<void> {
    this.marks = structuredClone(marks);
  }
}

/** The saved view and the present one cover the same. */
function covered(seqs: readonly (readonly [ProducerKey, number])[]) {
  const saved = new Map(seqs);
  return { saved, view: saved };
}

function fixture() {
  const journal = new MemoryJournal();
  for (let seq = 1; seq <= 10; seq++) journal.put(journal.incarnation, seq, new Uint8Array(4));
  const store = new MemoryCoverage();
  const trimmer = new Trimmer(journal, store, retentionMs);
  const key = producerKey(journal.identity.producer, journal.incarnation);
  const first = () => journal.ranges()[0]?.first;
  return { journal, store, trimmer, key, first };
}

test("nothing goes before the hub has said whether there is a backup", async () => {
  const { trimmer, key, first } = fixture();
  await trimmer.trim(covered([[key, 4]]), 10_000);
  await trimmer.trim(covered([[key, 8]]), 99_000);
  assert.equal(first(), 1);
  // What was noted by a clock that nobody had put right yet does not count.
  trimmer.announced(undefined);
  await trimmer.trim(covered([[key, 8]]), 99_001);
  assert.equal(first(), 1);
});

test("without a backup a batch goes only when it was covered for the whole retention", async () => {
  const { trimmer, key, first } = fixture();
  trimmer.announced(undefined);
  await trimmer.trim(covered([[key, 4]]), 10_000);
  assert.equal(first(), 1);
  await trimmer.trim(covered([[key, 8]]), 10_999);
  assert.equal(first(), 1);
  await trimmer.trim(covered([[key, 8]]), 11_000);
  assert.equal(first(), 5);
});

test("the retention goes on over restarts, and a mark from a clock that was ahead is forgotten", async () => {
  const { journal, store, trimmer, key, first } = fixture();
  trimmer.announced(undefined);
  await trimmer.trim(covered([[key, 4]]), 10_000);
  store.marks = [...store.marks, { atMs: 90_000, covered: [[journal.incarnation, 6]] }];
  const restarted = new Trimmer(journal, store, retentionMs);
  await restarted.load();
  restarted.announced(undefined);
  await restarted.trim(covered([[key, 8]]), 10_600);
  assert.equal(first(), 1);
  await restarted.trim(covered([[key, 8]]), 11_000);
  assert.equal(first(), 5);
  await restarted.trim(covered([[key, 8]]), 11_600);
  assert.equal(first(), 9);
});

test("once a backup was announced, only what it covers goes, however old", async () => {
  const { journal, trimmer, key, first } = fixture();
  trimmer.announced([[journal.incarnation, 3]]);
  await trimmer.trim(covered([[key, 8]]), 10_000);
  assert.equal(first(), 4);
  await trimmer.trim(covered([[key, 8]]), 99_000);
  assert.equal(first(), 4);
  trimmer.announced([[journal.incarnation, 9]]);
  await trimmer.trim(covered([[key, 8]]), 99_001);
  assert.equal(first(), 9);
});

test("a backup that does not know the incarnation covers nothing of it", async () => {
  const { trimmer, key, first } = fixture();
  trimmer.announced([]);
  await trimmer.trim(covered([[key, 10]]), 10_000);
  await trimmer.trim(covered([[key, 10]]), 99_000);
  assert.equal(first(), 1);
});

test("what the saved view does not cover stays", async () => {
  const { journal, trimmer, first } = fixture();
  trimmer.announced([[journal.incarnation, 10]]);
  await trimmer.trim(covered([]), 10_000);
  assert.equal(first(), 1);
});

test("what the saved view covers and the present one does not stays: the hub was restored", async () => {
  const { trimmer, key, first } = fixture();
  trimmer.announced(undefined);
  await trimmer.trim(covered([[key, 8]]), 10_000);
  const saved = new Map([[key, 8]]);
  await trimmer.trim({ saved, view: new Map([[key, 3]]) }, 99_000);
  assert.equal(first(), 4);
});
