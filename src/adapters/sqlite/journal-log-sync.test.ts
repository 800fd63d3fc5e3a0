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

async function opened(onFailure: () => Promise<void>): Promise<LogSync> {
  const file = join(folder, "data.db");
  writeFileSync(`${file}-wal`, "x");
  writeFileSync(file, "x");
  return LogSync.open(file, onFailure);
}

/** A failure like that of a disk: the descriptor is closed behind its back. */
async function broken(onFailure: () => Promise<void>): Promise<LogSync> {
  const log = await opened(onFailure);
  await log.close();
  return log;
}

test("syncs end in the order in which they were asked for; those asked for during one share the next", async () => {
  const log = await opened(() => Promise.reject(new Error("it does not fail")));
  const ended: number[] = [];
  const asked = [0, 1, 2].map((i) => log.sync().then(() => ended.push(i)));
  await asked[0];
  const shared = [log.sync(), log.sync()];
  assert.equal(shared[0], shared[1]);
  await Promise.all([...asked, ...shared]);
  assert.deepEqual(ended, [0, 1, 2]);
  await log.close();
});

test("after one that failed none ends until what it left is stored in another way", async () => {
  const waits: (() => void)[] = [];
  const log = await broken(() => new Promise<void>((resolve) => waits.push(resolve)));
  const ended: string[] = [];
  const first = log.sync().then(() => ended.push("first"));
  while (waits.length === 0) await sleep(1);
  const second = log.sync().then(() => ended.push("second"));
  await sleep(20);
  assert.deepEqual([ended, waits.length], [[], 1]);
  waits[0]?.();
  await first;
  while (waits.length === 1) await sleep(1);
  waits[1]?.();
  await second;
  assert.deepEqual(ended, ["first", "second"]);
});

test("where nothing helps each is told so, whatever a later sync would say", async () => {
  let failures = 0;
  const log = await broken(() => {
    failures++;
    return Promise.reject(new Error("closed"));
  });
  const first = log.sync();
  await assert.rejects(first, { message: "closed" });
  await assert.rejects(log.sync(), { message: "closed" });
  assert.equal(failures, 2);
});
