import assert from "node:assert/strict";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import {
  emptyDelta,
  emptyFold,
  everything,
  loadTotals,
  totalOf,
  totalsOf,
  usageRow,
} from "../../conformance/ledger-samples.ts";
import { type LedgerStorage, ledgerStoreConformance } from "../../conformance/ledger-store.ts";
import { rowOf } from "../../conformance/registry-store.ts";
import { restoreBackup } from "./backup.ts";
import { openLedgerStore } from "./ledger-store.ts";
import { openRegistryStore } from "./registry-store.ts";

async function storage(): Promise<LedgerStorage & { folder: string; file: string }> {
  const folder = await mkdtemp(join(tmpdir(), "tallygate-ledger-"));
  const file = join(folder, "ledger.db");
  return {
    ...{ folder, file },
    open: () => openLedgerStore(file),
    copyFile: join(folder, "copy.db"),
    openCopy: () => openLedgerStore(join(folder, "copy.db")),
    dispose: () => rm(folder, { recursive: true }),
  };
}

ledgerStoreConformance({ name: "sqlite", create: storage });

const filled = {
  ...{
    ...emptyDelta,
    fold: { ...emptyFold, producers: [{ producer: "p", last: 1, parked: [], lost: [] }] },
  },
  totals: [totalsOf("month", [totalOf(1, 10, "key:k_1"), totalOf(2, 20, "key:k_2")])],
  rows: [usageRow({ units: 10 })],
};

const damages = [
  { sql: "UPDATE totals SET charged = charged + 1 WHERE subject = 'key:k_2'", subject: "key:k_2" },
  { sql: "UPDATE totals SET refunded = 1 WHERE subject = 'key:k_1'", subject: "key:k_1" },
  { sql: "UPDATE totals SET subject = 'key:k_3' WHERE subject = 'key:k_2'", subject: "key:k_3" },
];

for (const { sql, subject } of damages) {
  test(`a damaged total is delivered and named: ${sql}`, async () => {
    const { file, open, dispose } = await storage();
    const ledger = await open();
    await ledger.checkpoint(filled);
    // By hand, while the hub runs.
    const db = new DatabaseSync(file);
    db.exec(sql);
    db.close();
    let delivered = 0;
    const loaded = await ledger.load(({ lo }) => void (delivered += lo.length), {
      withSubjects: true,
    });
    assert.equal(delivered, 2);
    assert.deepEqual(loaded?.damaged, [{ window: "month", subject }]);
    await ledger.close();
    await dispose();
  });
}

test("a damaged usage row is named, and does not become right by being added to", async () => {
  const { file, open, dispose } = await storage();
  const ledger = await open();
  await ledger.checkpoint(filled);
  const db = new DatabaseSync(file);
  db.exec("UPDATE usage SET units = 11");
  db.close();
  await ledger.checkpoint({ ...emptyDelta, rows: filled.rows });
  assert.equal((await ledger.usage({ ...everything, fromRows: true }))[0]?.units, 21);
  const { hour, region, route, plan, owner, key, address, referer } = usageRow({});
  const { damaged } = await ledger.checkUsage(10);
  assert.deepEqual(damaged, [{ hour, region, route, plan, owner, key, address, referer }]);
  await ledger.close();
  await dispose();
});

for (const sql of ["UPDATE fold SET position = 9", "UPDATE producers SET last = last + 1"]) {
  test(`a damaged fold state is refused: ${sql}`, async () => {
    const { file, open, dispose } = await storage();
    const ledger = await open();
    await ledger.checkpoint(filled);
    const db = new DatabaseSync(file);
    db.exec(sql);
    db.close();
    await assert.rejects(
      ledger.load(() => {}),
      { code: "data-damaged" },
    );
    await ledger.close();
    await dispose();
  });
}

test("a copy is its owner's alone, and needs a folder", async () => {
  const { folder, copyFile, open, dispose } = await storage();
  const ledger = await open();
  await ledger.checkpoint(filled);
  await ledger.copyTo(copyFile);
  assert.equal((await stat(copyFile)).mode & 0o777, 0o600);
  await assert.rejects(ledger.copyTo(join(folder, "no", "such")), { code: "data-unwritable" });
  await ledger.close();
  await dispose();
});

test("a backup restores ledger and registry into an empty folder, and only there", async () => {
  const { folder, open, dispose } = await storage();
  const ledger = await open();
  await ledger.checkpoint(filled);
  const registry = await openRegistryStore(join(folder, "registry.db"));
  await registry.put([rowOf(1), rowOf(2)]);
  await registry.putProducer("p", "hash");
  const backup = join(folder, "backup.db");
  await ledger.copyTo(backup);
  await registry.copyInto(backup);
  await ledger.close();
  await registry.close();

  const restored = join(folder, "restored");
  restoreBackup(backup, restored);
  assert.throws(() => restoreBackup(backup, restored), { code: "data-unwritable" });
  const again = await openLedgerStore(join(restored, "ledger.db"));
  assert.deepEqual((await loadTotals(again))["month"]?.length, 2);
  assert.equal((await again.usage(everything))[0]?.units, 10);
  await again.close();
  const keys = await openRegistryStore(join(restored, "registry.db"));
  assert.deepEqual(keys.after(0, 10), [rowOf(1), rowOf(2)]);
  assert.equal(keys.producerSecret("p"), "hash");
  await keys.close();
  for (const wrong of ["registry.db", "ledger.db"]) {
    assert.throws(() => restoreBackup(join(folder, wrong), join(folder, "other")), {
      code: "backup-invalid",
    });
  }
  await dispose();
});
