import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, test } from "node:test";
import { append, batchOf, storedUpTo } from "../../conformance/journal.ts";
import type { Journal, JournalState } from "../../ports/journal.ts";
import { openJournal } from "./journal.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tallygate-disk-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (file: string, durability: "os" | "disk" = "os"): Promise<Journal> =>
  openJournal({ file, durability, sizeMaxBytes: 1e9 });

/** A file system of 16 MB on `folder`, or why there is none. */
function mountSmall(): string | undefined {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], { stdio: "pipe" });
    return undefined;
  } catch {
    return "mounting a file system needs root: a full disk is NOT tested here";
  }
}

for (const durability of ["os", "disk"] as const) {
  test(`${durability}: a full disk loses nothing, is reported, and is over when there is room`, async (t) => {
    const reason = mountSmall();
    if (reason !== undefined) return t.skip(reason);
    try {
      const journal = await open(join(folder, "journal.db"), durability);
      const states: JournalState[] = [];
      const failing = new Promise<void>((resolve) => {
        journal.onState((state) => {
          states.push(state);
          if (state === "failing") resolve();
        });
      });
      await journal.seal(1, batchOf("before"));
      const filler = join(folder, "filler");
      fill(filler);
      // More than the log has left over of what it took for the first batch.
      const records = Array.from({ length: 100 }, (_, i) => `record ${i} `.padEnd(5000, "."));
      const positions = records.map((record) => append(journal, record));
      const sealed = journal.seal(2, batchOf("while full", 200_000));
      await failing;
      assert.equal(journal.accepts(), false);
      const late = append(journal, "given back");
      const { batches } = await journal.read(journal.incarnation, { from: 1, bytesMax: 100 });
      assert.equal(batches.length, 1);
      rmSync(filler);
      await sealed;
      await storedUpTo(journal, Math.max(late, ...positions));
      assert.deepEqual(states, ["failing", "ok"]);
      assert.ok(positions.every((position) => position > 0));
      await journal.close();
      const next = await open(join(folder, "journal.db"));
      assert.equal(Buffer.concat(next.remains?.groups ?? []).toString(), "given back");
      assert.equal(next.ranges()[0]?.last, 2);
      await next.close();
    } finally {
      execFileSync("umount", ["-l", folder]);
    }
  });
}

test("a journal closed while the disk is full says that it could not store", async (t) => {
  const reason = mountSmall();
  if (reason !== undefined) return t.skip(reason);
  try {
    const journal = await open(join(folder, "journal.db"));
    const failing = new Promise<void>((resolve) => journal.onState(() => resolve()));
    fill(join(folder, "filler"));
    for (let i = 0; i < 100; i++) append(journal, ".".repeat(10_000));
    const sealed = assert.rejects(journal.seal(1, batchOf("never")), { code: "journal-failed" });
    await failing;
    await assert.rejects(journal.close(), { code: "journal-failed" });
    await sealed;
  } finally {
    execFileSync("umount", ["-l", folder]);
  }
});

/** Writes zeros until the disk is full to the last block. */
function fill(file: string): void {
  for (let bytes = 16 * 1024 * 1024; bytes >= 4096; bytes /= 2) {
    try {
      for (;;) writeFileSync(file, new Uint8Array(bytes), { flag: "a" });
    } catch {
      // Smaller pieces fill what is left.
    }
  }
}

test("a damaged open group ends what is replayed: what follows would be booked to other callers", async () => {
  const file = join(folder, "journal.db");
  const first = await open(file);
  for (const record of ["a", "b", "c"]) await storedUpTo(first, append(first, record));
  await first.close();
  const db = new DatabaseSync(file);
  db.exec("UPDATE open SET bytes = x'00' WHERE id = 2");
  db.close();
  const second = await open(file);
  assert.equal(Buffer.concat(second.remains?.groups ?? []).toString(), "a");
  assert.equal(second.remains?.damagedGroups, 2);
  await second.close();
});

test("a damaged lease is left out, and counted", async () => {
  const file = join(folder, "journal.db");
  const first = await open(file);
  const { incarnation } = first;
  const lease = { incarnation, window: "month", lo: 1, hi: 2, mark: 10 };
  await first.mark([
    { ...lease, request: 1 },
    { ...lease, request: 2 },
  ]);
  await first.close();
  const db = new DatabaseSync(file);
  db.exec("UPDATE leases SET mark = 11 WHERE request = 1");
  db.close();
  const second = await open(file);
  assert.deepEqual(second.leases, [{ ...lease, request: 2 }]);
  assert.equal(second.damagedLeases, 1);
  await second.close();
});

test("the log stays bounded over many seals", async () => {
  const file = join(folder, "journal.db");
  const journal = await open(file);
  for (let seq = 1; seq <= 400; seq++) {
    append(journal, "x".repeat(1000));
    await journal.seal(seq, batchOf(`${seq}`, 100_000));
    if (seq % 10 === 0) await journal.trim(journal.incarnation, seq);
  }
  const log = statSync(`${file}-wal`).size;
  assert.ok(log < 16 * 1024 * 1024, `${log} bytes of log after 40 MB of batches`);
  assert.ok(statSync(file).size < 4 * 1024 * 1024, "trimmed pages are used again");
  await journal.close();
});

test("an open journal does not keep its process alive, nor does one that waits for a seal", async () => {
  const program = `
    const { openJournal } = await import(${JSON.stringify(new URL("./journal.ts", import.meta.url).href)});
    const file = ${JSON.stringify(join(folder, "journal.db"))};
    const journal = await openJournal({ file, durability: "os", sizeMaxBytes: 1e9 });
    await journal.seal(1, new Uint8Array(10));
    journal.append(new Uint8Array(10), 10);
    console.log("done");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  assert.deepEqual([code, output], [0, "done\n"]);
});
