import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import { openLedgerStore } from "../adapters/sqlite/ledger-store.ts";
import { lockFolder } from "../adapters/sqlite/lock.ts";
import { openRegistryStore } from "../adapters/sqlite/registry-store.ts";
import { openUsageStream } from "../adapters/sqlite/usage-stream.ts";
import { TallygateError } from "../base/errors.ts";
import { type DataFolder, dataFolder } from "./data-folder.ts";
import { refuseHalfRestored, restore } from "./restore.ts";

const base = mkdtempSync(join(tmpdir(), "tallygate-restore-"));
after(() => rmSync(base, { recursive: true, force: true }));

const nowMs = Date.UTC(2026, 10, 21, 12, 30, 0, 5);

/** A hub's files with a word in the ledger by which it is known again. */
async function hubData(name: string, word: string): Promise<DataFolder> {
  const data = dataFolder(join(base, name));
  mkdirSync(data.hub, { recursive: true });
  const ledger = await openLedgerStore(join(data.hub, "ledger.db"));
  await ledger.setMeta("word", word);
  await ledger.close();
  await (await openRegistryStore(join(data.hub, "registry.db"))).close();
  await (await openUsageStream({ file: join(data.hub, "stream.db") })).close();
  writeFileSync(join(data.hub, "sealed-7.db"), "of another history");
  return data;
}

async function backupOf(data: DataFolder): Promise<string> {
  const file = join(base, `backup-${readdirSync(base).length}.db`);
  const ledger = await openLedgerStore(join(data.hub, "ledger.db"));
  const registry = await openRegistryStore(join(data.hub, "registry.db"));
  await ledger.copyTo(file);
  await registry.copyInto(file);
  await ledger.close();
  await registry.close();
  return file;
}

async function wordIn(folder: string): Promise<string | undefined> {
  const ledger = await openLedgerStore(join(folder, "ledger.db"));
  const word = await ledger.getMeta("word");
  await ledger.close();
  return word;
}

function failsWith(code: string): (error: unknown) => boolean {
  return (error) => error instanceof TallygateError && error.code === code;
}

const databases = (folder: string): string[] =>
  readdirSync(folder).filter((name) => name.endsWith(".db") && name !== "lock.db");

test("a restore moves all that was there aside, sealed checkpoints and stream included", async () => {
  const backup = await backupOf(await hubData("one", "from the backup"));
  const data = await hubData("two", "of the old hub");
  const { position, replaced } = await restore(backup, data, nowMs);
  assert.equal(position, 0);
  assert.equal(replaced, join(data.hub, "replaced-2026-11-21T12-30-00-005Z"));
  assert.deepEqual(databases(data.hub).sort(), ["ledger.db", "registry.db"]);
  assert.deepEqual(databases(replaced ?? "").sort(), [
    "ledger.db",
    "registry.db",
    "sealed-7.db",
    "stream.db",
  ]);
  assert.equal(await wordIn(data.hub), "from the backup");
  assert.equal(await wordIn(replaced ?? ""), "of the old hub");
});

test("a restore into a folder without data leaves nothing beside the new data", async () => {
  const backup = await backupOf(await hubData("three", "from the backup"));
  const data = dataFolder(join(base, "empty"));
  const { replaced } = await restore(backup, data, nowMs);
  assert.equal(replaced, undefined);
  assert.deepEqual(readdirSync(data.hub).sort(), ["ledger.db", "lock.db", "registry.db"]);
});

test("a backup brings the audit log back, and no token", async () => {
  const data = await hubData("audited", "from the backup");
  const file = join(data.hub, "registry.db");
  const draft = { atMs: 1, actor: "admin", action: "x", target: "", request: "", change: "{}" };
  const registry = await openRegistryStore(file);
  const token = {
    id: "t_1",
    name: "",
    role: "admin",
    owner: "",
    hash: "ab",
    expiresAtMs: 0,
  } as const;
  await registry.tokens.add({ ...token, createdAtMs: 0 }, draft);
  const entries = registry.audit.after(0, 10);
  await registry.close();
  await restore(await backupOf(data), data, nowMs);
  const restored = await openRegistryStore(file);
  assert.deepEqual(restored.audit.after(0, 10), entries);
  assert.deepEqual(restored.tokens.all(), []);
  await restored.close();
});

test("a backup of before there was an audit log is restored", async () => {
  const data = await hubData("older", "from the backup");
  const backup = await backupOf(data);
  const db = new DatabaseSync(backup);
  db.exec("DROP TABLE registry_audit");
  db.close();
  await restore(backup, data, nowMs);
  assert.equal(await wordIn(data.hub), "from the backup");
});

test("under a running hub, and from a file that is no backup, everything stays as it was", async () => {
  const data = await hubData("four", "of the old hub");
  const backup = await backupOf(data);
  const before = databases(data.hub).sort();
  const noBackup = join(base, "no-backup.db");
  writeFileSync(noBackup, "not a database");
  await assert.rejects(restore(noBackup, data, nowMs), failsWith("backup-invalid"));
  await assert.rejects(restore(join(base, "missing"), data, nowMs), failsWith("not-found"));
  const lock = lockFolder(data.hub);
  await assert.rejects(restore(backup, data, nowMs), failsWith("data-in-use"));
  lock.release();
  assert.deepEqual(databases(data.hub).sort(), before);
  assert.equal(await wordIn(data.hub), "of the old hub");
});

test("no hub starts on a folder in which a restore was broken off", async () => {
  const data = await hubData("five", "of the old hub");
  refuseHalfRestored(data.hub);
  // Killed after the ledger was moved aside and before the new one was there.
  rmSync(join(data.hub, "ledger.db"));
  assert.throws(() => refuseHalfRestored(data.hub), failsWith("data-damaged"));
  refuseHalfRestored(join(base, "never made"));
});
