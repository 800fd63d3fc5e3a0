import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import {
  columnsOf,
  gatewayStoreConformance,
  packedKey,
  type StateStorage,
} from "../../conformance/gateway-store.ts";
import { openGatewayStore } from "./gateway-store.ts";

async function storage(): Promise<StateStorage & { file: string }> {
  const folder = await mkdtemp(join(tmpdir(), "tallygate-state-"));
  const file = join(folder, "state.db");
  return {
    file,
    open: () => openGatewayStore(file),
    dispose: () => rm(folder, { recursive: true }),
  };
}

gatewayStoreConformance({ name: "sqlite", create: storage });

const damages = [
  { sql: "UPDATE totals SET total = total + 1 WHERE total = 20", view: undefined, keys: 5 },
  {
    sql: "UPDATE totals SET fingerprint = fingerprint + 1 WHERE total = 20",
    view: undefined,
    keys: 5,
  },
  { sql: "UPDATE view SET position = position + 1", view: undefined, keys: 5 },
  { sql: "UPDATE keys SET packed = zeroblob(60) WHERE version = 4", view: 1, keys: undefined },
  { sql: "UPDATE registry SET version = 6", view: 1, keys: undefined },
];

for (const damage of damages) {
  test(`damage is noticed, nothing is guessed: ${damage.sql}`, async () => {
    const { file, open, dispose } = await storage();
    const first = await open();
    const counters = [1, 2, 3].map((n) => [n, n, n * 10] as const);
    await first.saveView({
      version: { epoch: 1, position: 1 },
      watermarks: [],
      asOfMs: 9,
      windows: [columnsOf("w", counters)],
      dropped: [],
      replace: false,
    });
    await first.saveKeys(5, packedKey(1, 4));
    await first.close();
    const db = new DatabaseSync(file);
    db.exec(damage.sql);
    db.close();
    const second = await open();
    let windows = 0;
    const view = await second.loadView(() => windows++);
    assert.equal(view?.version.position, damage.view);
    assert.equal(windows, damage.view ?? 0);
    assert.equal(await second.loadKeys(() => {}), damage.keys);
    await second.close();
    await dispose();
  });
}

test("a damaged time of the view is not known, and nothing else is lost", async () => {
  const { file, open, dispose } = await storage();
  const first = await open();
  const version = { epoch: 1, position: 1 };
  const none = { watermarks: [], windows: [], dropped: [], replace: false };
  await first.saveView({ ...none, version, asOfMs: 1_000 });
  await first.close();
  const db = new DatabaseSync(file);
  db.exec("UPDATE view_time SET as_of_ms = 1001");
  db.close();
  const second = await open();
  const view = await second.loadView(() => {});
  assert.deepEqual(view, { version, watermarks: [], asOfMs: 0 });
  await second.close();
  await dispose();
});

test("rows of dropped windows are deleted in the end, those of others never", async () => {
  const { file, open, dispose } = await storage();
  const store = await open();
  const many = Array.from({ length: 25_000 }, (_, n) => [n + 1, n, n] as const);
  const version = { epoch: 1, position: 1 };
  const base = { version, watermarks: [], asOfMs: 9, dropped: [], replace: false };
  await store.saveView({
    ...base,
    windows: [columnsOf("old", many), columnsOf("new", [[1, 1, 1]])],
  });
  await store.saveView({ ...base, windows: [], dropped: ["old"] });
  const db = new DatabaseSync(file, { readOnly: true });
  const count = db.prepare("SELECT count(*) AS count FROM totals");
  // A busy machine may answer several requests between two sweeps.
  for (let i = 0; i < 10_000 && count.get()?.["count"] !== 1; i++) await store.loadCluster();
  assert.equal(count.get()?.["count"], 1);
  assert.equal(db.prepare("SELECT count(*) AS count FROM windows").get()?.["count"], 1);
  db.close();
  await store.close();
  await dispose();
});
