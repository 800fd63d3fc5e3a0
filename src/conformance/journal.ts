/** What every `Journal` keeps: run by each adapter's tests and by the simulator's fake. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { crc32 } from "../base/hash.ts";
import type { Journal } from "../ports/journal.ts";

/** One journal's storage; `open` may be called again once the journal opened before is closed. */
export interface JournalStorage {
  open(options?: { readonly sizeMaxBytes?: number }): Promise<Journal>;
  dispose(): Promise<void>;
}

export interface JournalSuite {
  readonly name: string;
  readonly create: () => Promise<JournalStorage>;
}

/** Bytes that end with the CRC-32 of the rest, as every sealed batch does. */
export function batchOf(text: string, length = 0): Uint8Array {
  const content = new TextEncoder().encode(text.padEnd(length, "."));
  const bytes = new Uint8Array(content.length + 4);
  bytes.set(content);
  new DataView(bytes.buffer).setUint32(content.length, crc32(content), true);
  return bytes;
}

export function append(journal: Journal, text: string): number {
  const bytes = new TextEncoder().encode(text);
  return journal.append(bytes, bytes.length);
}

/** Resolves once everything up to `position` is stored. */
export function storedUpTo(journal: Journal, position: number): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (journal.storedPosition >= position) resolve();
    };
    journal.onStored(check);
    check();
  });
}

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);
const joined = (groups: readonly Uint8Array[]): string => groups.map(text).join("");

export function journalConformance(suite: JournalSuite): void {
  const withStorage = (name: string, run: (storage: JournalStorage) => Promise<void>): void => {
    test(name, async () => {
      const storage = await suite.create();
      try {
        await run(storage);
      } finally {
        await storage.dispose();
      }
    });
  };
  describe(`journal: ${suite.name}`, () => {
    openRecords(withStorage);
    sealing(withStorage);
    readingAndTrimming(withStorage);
    leases(withStorage);
    limits(withStorage);
  });
}

type Define = (name: string, run: (storage: JournalStorage) => Promise<void>) => void;

function openRecords(define: Define): void {
  define("positions count from 1 and are announced once stored", async (storage) => {
    const journal = await storage.open();
    assert.deepEqual(
      ["a", "b", "c"].map((record) => append(journal, record)),
      [1, 2, 3],
    );
    await storedUpTo(journal, 3);
    assert.equal(journal.storedPosition, 3);
    assert.equal(journal.health().pending, 0);
    await journal.close();
  });

  define("the next start finds what was left open, in order, and who it was", async (storage) => {
    const first = await storage.open();
    assert.equal(first.remains, undefined);
    for (const record of ["one ", "two ", "three"]) append(first, record);
    await first.close();
    const second = await storage.open();
    assert.notEqual(second.incarnation, first.incarnation);
    assert.deepEqual(second.identity, first.identity);
    assert.equal(second.remains?.incarnation, first.incarnation);
    assert.equal(second.remains?.seq, 1);
    assert.equal(second.remains?.damagedGroups, 0);
    assert.equal(joined(second.remains?.groups ?? []), "one two three");
    await second.close();
  });

  define(
    "remains stay until they are sealed, under the incarnation that left them",
    async (storage) => {
      const first = await storage.open();
      await first.seal(1, batchOf("first"));
      append(first, "open");
      await first.close();
      await (await storage.open()).close();
      const third = await storage.open();
      assert.equal(third.remains?.incarnation, first.incarnation);
      assert.equal(third.remains?.seq, 2);
      await third.sealRemains(batchOf("remains"));
      append(third, "new");
      await third.close();
      const fourth = await storage.open();
      assert.equal(fourth.remains?.incarnation, third.incarnation);
      assert.equal(joined(fourth.remains?.groups ?? []), "new");
      const { batches } = await fourth.read(first.incarnation, { from: 1, bytesMax: 1e6 });
      assert.deepEqual(
        batches.map(({ seq, bytes }) => [seq, text(bytes.subarray(0, -4))]),
        [
          [1, "first"],
          [2, "remains"],
        ],
      );
      await fourth.close();
    },
  );
}

function sealing(define: Define): void {
  define("a seal drops exactly the records appended before it", async (storage) => {
    const journal = await storage.open();
    append(journal, "before ");
    await storedUpTo(journal, 1);
    append(journal, "just before ");
    const sealed = journal.seal(1, batchOf("batch"));
    append(journal, "after");
    await sealed;
    await journal.close();
    const next = await storage.open();
    assert.equal(joined(next.remains?.groups ?? []), "after");
    assert.equal(next.remains?.seq, 2);
    await next.close();
  });

  define(
    "seals wait for each other and for nothing else: many at once keep their order",
    async (storage) => {
      const journal = await storage.open();
      const seals: Promise<void>[] = [];
      for (let seq = 1; seq <= 20; seq++) {
        append(journal, `open ${seq} `);
        seals.push(journal.seal(seq, batchOf(`batch ${seq}`)));
      }
      append(journal, "last");
      await Promise.all(seals);
      assert.deepEqual(journal.ranges(), [
        { incarnation: journal.incarnation, first: 1, last: 20 },
      ]);
      await storedUpTo(journal, 21);
      await journal.close();
      const next = await storage.open();
      assert.equal(joined(next.remains?.groups ?? []), "last");
      await next.close();
    },
  );

  define(
    "a batch of several megabytes is stored, and records around it keep their place",
    async (storage) => {
      const journal = await storage.open();
      const big = batchOf("big", 6 * 1024 * 1024);
      const sealed = journal.seal(1, big);
      append(journal, "after");
      await sealed;
      const { batches } = await journal.read(journal.incarnation, { from: 1, bytesMax: 1 });
      assert.deepEqual(batches[0]?.bytes, big);
      await journal.close();
      const next = await storage.open();
      assert.equal(joined(next.remains?.groups ?? []), "after");
      await next.close();
    },
  );

  define(
    "what the caller does with a batch's bytes after sealing changes nothing",
    async (storage) => {
      const journal = await storage.open();
      // A Buffer, whose slice is a view into a pool that others use.
      const bytes = Buffer.from(batchOf("as it was"));
      const sealed = journal.seal(1, bytes);
      bytes.fill(0);
      await sealed;
      const { batches, damaged } = await journal.read(journal.incarnation, {
        from: 1,
        bytesMax: 100,
      });
      assert.deepEqual(damaged, []);
      assert.deepEqual(batches[0]?.bytes, batchOf("as it was"));
      await journal.close();
    },
  );

  define("a closed journal refuses", async (storage) => {
    const journal = await storage.open();
    await journal.close();
    assert.equal(append(journal, "late"), 0);
    assert.equal(journal.accepts(), false);
    await assert.rejects(journal.seal(1, batchOf("late")), { code: "journal-failed" });
    await journal.close();
  });
}

function readingAndTrimming(define: Define): void {
  define("reads are bounded in bytes, in order, and give at least one batch", async (storage) => {
    const journal = await storage.open();
    for (let seq = 1; seq <= 10; seq++) await journal.seal(seq, batchOf(`${seq}`, 96));
    const seqs = async (from: number, bytesMax: number): Promise<number[]> => {
      const read = await journal.read(journal.incarnation, { from, bytesMax });
      return read.batches.map(({ seq }) => seq);
    };
    assert.deepEqual(await seqs(1, 300), [1, 2, 3]);
    assert.deepEqual(await seqs(4, 1), [4]);
    assert.deepEqual(await seqs(9, 1e6), [9, 10]);
    assert.deepEqual(await seqs(11, 1e6), []);
    const unknown = await journal.read("0000000000000000", { from: 1, bytesMax: 100 });
    assert.deepEqual(unknown, { batches: [], damaged: [] });
    await journal.close();
  });

  define("a sealed batch whose CRC does not match is left out and named", async (storage) => {
    const journal = await storage.open();
    const flipped = batchOf("flipped");
    flipped[2] = (flipped[2] as number) ^ 1;
    const batches = [batchOf("a"), flipped, batchOf("b"), new Uint8Array([1])];
    for (const [i, bytes] of batches.entries()) await journal.seal(i + 1, bytes);
    const read = await journal.read(journal.incarnation, { from: 1, bytesMax: 1e6 });
    assert.deepEqual(
      read.batches.map(({ seq }) => seq),
      [1, 3],
    );
    assert.deepEqual(read.damaged, [2, 4]);
    await journal.close();
  });

  define("trimming forgets a prefix, and a trimmed seq is never given again", async (storage) => {
    const first = await storage.open();
    for (let seq = 1; seq <= 40; seq++) await first.seal(seq, batchOf(`${seq}`));
    await first.trim(first.incarnation, 38);
    assert.deepEqual(first.ranges(), [{ incarnation: first.incarnation, first: 39, last: 40 }]);
    await first.trim(first.incarnation, 40);
    assert.deepEqual(first.ranges(), [{ incarnation: first.incarnation, first: 41, last: 40 }]);
    append(first, "open");
    await first.close();
    const second = await storage.open();
    assert.equal(second.remains?.seq, 41);
    const { batches } = await second.read(first.incarnation, { from: 1, bytesMax: 100 });
    assert.deepEqual(batches, []);
    await second.sealRemains(batchOf("41"));
    await second.trim(first.incarnation, 41);
    await second.close();
    const third = await storage.open();
    assert.deepEqual(
      third.ranges().map(({ incarnation }) => incarnation),
      [third.incarnation],
    );
    await third.close();
  });
}

function leases(define: Define): void {
  const place = { window: "day/2026-11-21T00:00:00Z", lo: 5, hi: 0xffff_ffff };

  define(
    "marks are found by the next start, the highest-numbered last, until a batch closes them",
    async (storage) => {
      const first = await storage.open();
      const { incarnation } = first;
      const lease = (request: number, mark: number) => ({ incarnation, request, ...place, mark });
      assert.deepEqual(first.leases, []);
      await Promise.all([
        first.mark([lease(1, 10), lease(2, 20)]),
        first.mark([lease(3, 2 ** 52)]),
      ]);
      await first.mark([lease(2, 40)]);
      await first.close();
      const second = await storage.open();
      assert.deepEqual(second.leases, [lease(1, 10), lease(2, 40), lease(3, 2 ** 52)]);
      await second.seal(1, batchOf("closing"), [
        { incarnation, request: 1 },
        { incarnation, request: 3 },
      ]);
      await second.close();
      const third = await storage.open();
      assert.deepEqual(third.leases, [lease(2, 40)]);
      await third.close();
    },
  );

  define("a closed journal takes no marks", async (storage) => {
    const journal = await storage.open();
    await journal.close();
    const lease = { incarnation: journal.incarnation, request: 1, ...place, mark: 1 };
    await assert.rejects(journal.mark([lease]), { code: "journal-failed" });
  });
}

function limits(define: Define): void {
  define(
    "a journal at its size limit accepts no charges, trims nothing, and goes on after a trim",
    async (storage) => {
      const sizeMaxBytes = 512 * 1024;
      const journal = await storage.open({ sizeMaxBytes });
      const states: string[] = [];
      journal.onState((state) => states.push(state));
      let seq = 0;
      while (journal.health().state === "ok") {
        seq++;
        await journal.seal(seq, batchOf(`${seq}`, 32 * 1024));
        assert.ok(seq < 40, "the limit was reached");
      }
      assert.equal(journal.accepts(), false);
      await storedUpTo(journal, append(journal, "given back"));
      assert.equal(journal.ranges()[0]?.first, 1);
      assert.ok(journal.health().bytes >= sizeMaxBytes);
      await journal.seal(seq + 1, batchOf("a seal still goes through"));
      await journal.trim(journal.incarnation, seq);
      assert.equal(journal.health().state, "ok");
      const position = append(journal, "taken");
      assert.notEqual(position, 0);
      await storedUpTo(journal, position);
      assert.deepEqual(states, ["full", "ok"]);
      await journal.close();
    },
  );

  define("a full ring refuses a record and records nothing of it", async (storage) => {
    const journal = await storage.open();
    const record = new Uint8Array(60 * 1024).fill(65);
    let last = 0;
    for (;;) {
      const position = journal.append(record, record.length);
      if (position === 0) break;
      last = position;
      assert.ok(last < 10_000, "within one turn the ring has an end");
    }
    assert.equal(journal.accepts(), journal.append(record, 1) !== 0);
    await storedUpTo(journal, last);
    assert.ok(journal.accepts());
    await journal.close();
  });
}
