import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LogSync } from "./journal-log-sync.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tallygate-log-sync-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("syncs end in the order in which they were asked for; those asked for during one share the next", async () => {
  const file = join(folder, "log");
  writeFileSync(file, "x");
  const log = new LogSync(file, () => Promise.reject(new Error("it does not fail")));
  const ended: number[] = [];
  const asked = [0, 1, 2].map((i) => log.sync().then(() => ended.push(i)));
  await asked[0];
  const shared = [log.sync(), log.sync()];
  assert.equal(shared[0], shared[1]);
  await Promise.all([...asked, ...shared]);
  assert.deepEqual(ended, [0, 1, 2]);
  await log.close();
});

test("after one that failed none begins until what it left is stored in another way", async () => {
  let isStored = false;
  const waits: (() => void)[] = [];
  const log = new LogSync(join(folder, "missing"), async () => {
    await new Promise<void>((resolve) => waits.push(resolve));
    isStored = true;
  });
  const first = log.sync();
  while (waits.length === 0) await sleep(1);
  writeFileSync(join(folder, "missing"), "x");
  const ended: string[] = [];
  const both = [first.then(() => ended.push("first")), log.sync().then(() => ended.push("second"))];
  await sleep(20);
  assert.deepEqual(ended, []);
  waits[0]?.();
  await Promise.all(both);
  assert.equal(isStored, true);
  assert.deepEqual([ended, waits.length], [["first", "second"], 1]);
  await log.close();
});

test("where nothing helps the failure is told, and the next is tried all the same", async () => {
  const log = new LogSync(join(folder, "missing"), () => Promise.reject(new Error("closed")));
  await assert.rejects(log.sync(), { message: "closed" });
  writeFileSync(join(folder, "missing"), "x");
  await log.sync();
  await log.close();
});
