/** The hub on its real files: restart, damage, backup and restore, replay. Gateways are fakes, processes are not real. */

import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import { nodeClock, nodeRandom, nodeTimers } from "../src/adapters/node/clock.ts";
import { restoreBackup } from "../src/adapters/sqlite/backup.ts";
import { openLedgerStore } from "../src/adapters/sqlite/ledger-store.ts";
import { openRegistryStore } from "../src/adapters/sqlite/registry-store.ts";
import { openUsageStream } from "../src/adapters/sqlite/usage-stream.ts";
import { type Hub, startHub } from "../src/hub/hub.ts";
import { markRestored, streamStart } from "../src/hub/ledger-meta.ts";
import { replay } from "../src/hub/replay.ts";
import { FakeGateway } from "../src/hub/testing/fake-gateway.ts";
import { noMetrics } from "../src/hub/testing/hub-rig.ts";

const base = mkdtempSync(join(tmpdir(), "tallygate-hub-"));
after(() => rmSync(base, { recursive: true, force: true }));

const month = "month/2026-11-01T00:00:00Z";
const noLog = { info: () => {}, warn: () => {}, error: () => {} };

interface Opened {
  readonly hub: Hub;
  connect(gateway: FakeGateway): void;
  close(): Promise<void>;
}

async function openHub(folder: string, startAfter = 0): Promise<Opened> {
  const ledger = await openLedgerStore(join(folder, "ledger.db"));
  const stream = await openUsageStream({ file: join(folder, "stream.db"), startAfter });
  const registry = await openRegistryStore(join(folder, "registry.db"));
  let accept: ((end: never, peer: never) => void) | undefined;
  const hub = await startHub(
    {
      ...{ clock: nodeClock, timers: nodeTimers, random: nodeRandom, log: noLog },
      ...{ metrics: noMetrics, stream, ledger, registry },
      acceptor: { onConnection: (listener) => void (accept = listener as never) },
      sealed: {
        path: (position) => join(folder, `sealed-${position}.db`),
        open: openLedgerStore,
        remove: async (file) => rmSync(file, { force: true }),
      },
      fileBytes: async (file) => statSync(file).size,
    },
    {
      ...{ regions: [{ name: "sydney", processes: 1 }], keyPrefix: "tst" },
      ...{ checkKey: () => undefined, publishIntervalMs: 1, checkpointIntervalMs: 20 },
      ...{ streamRetentionMs: 1_000_000, sealIntervalMs: 1_000_000 },
      ...{ journalSizeMaxBytes: 2 ** 30, limits: [] },
    },
  );
  return {
    hub,
    connect(gateway) {
      accept?.(gateway.connect() as never, gateway.peer as never);
      gateway.hello();
    },
    async close() {
      await hub.stop();
      await Promise.all([stream.close(), ledger.close(), registry.close()]);
    },
  };
}

/** Waits for what happens in other threads. */
async function until(isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !isTrue(); i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.ok(isTrue());
}

function charge(gateway: FakeGateway, batches: number): void {
  for (let i = 0; i < batches; i++) {
    gateway.charge([{ subject: `key:k_${i % 5}`, window: month, units: 1 }]);
  }
}

function totals(gateway: FakeGateway): number {
  return [0, 1, 2, 3, 4].reduce((sum, i) => sum + gateway.total(month, `key:k_${i}`), 0);
}

test("totals are exact after restarts, and verify finds a changed total and a flipped byte", async () => {
  const folder = join(base, "one");
  const gateway = new FakeGateway("sydney");
  for (let round = 1; round <= 3; round++) {
    const opened = await openHub(folder);
    opened.connect(gateway);
    charge(gateway, 50);
    await until(() => totals(gateway) === round * 50);
    assert.equal((await opened.hub.api.verify()).ok, true);
    await opened.close();
  }
  const opened = await openHub(folder);
  opened.connect(gateway);
  await until(() => totals(gateway) === 150);

  const ledger = new DatabaseSync(join(folder, "ledger.db"));
  ledger.exec("UPDATE totals SET charged = charged + 1 WHERE subject = 'key:k_3'");
  ledger.close();
  const changed = await opened.hub.api.verify();
  assert.deepEqual(changed.differences, [
    { where: "ledger", window: month, subject: "key:k_3", expected: 30, found: 31 },
  ]);

  const stream = new DatabaseSync(join(folder, "stream.db"));
  const row = stream.prepare("SELECT bytes FROM records WHERE position = 77").get();
  const bytes = row?.["bytes"] as Uint8Array;
  bytes[40] = (bytes[40] as number) ^ 1;
  stream.prepare("UPDATE records SET bytes = ? WHERE position = 77").run(bytes);
  stream.close();
  const flipped = await opened.hub.api.verify();
  assert.match(flipped.problems.join(), /record 77 of the usage stream is damaged/);
  assert.ok(
    flipped.differences.some(({ subject, where }) => subject === "key:k_1" && where === "hub"),
  );
  await opened.close();
});

test("a hub restored from a backup made before the load has exact totals once gateways are back", async () => {
  const folder = join(base, "two");
  const gateway = new FakeGateway("sydney");
  const opened = await openHub(folder);
  opened.connect(gateway);
  charge(gateway, 20);
  await until(() => totals(gateway) === 20);
  const file = join(base, "backup.db");
  const { position, bytes, announce } = await opened.hub.api.backup(file);
  await announce();
  assert.equal(position, 20);
  assert.ok(bytes > 0);
  const made = await opened.hub.api.registry.create({
    ...{ plan: "pro", name: "", owner: "", expiresAtMs: 0, mode: "live" },
    restrict: { referers: [], addresses: [], routes: [] },
  });
  gateway.returns = gateway.registry.at(-1)?.bytes;
  charge(gateway, 30);
  await until(() => totals(gateway) === 50);
  const before = opened.hub.api.status().version;
  await opened.close();

  const restored = join(base, "restored");
  restoreBackup(file, restored);
  const ledger = await openLedgerStore(join(restored, "ledger.db"));
  const startAfter = await markRestored(ledger, 1_000);
  assert.equal(await streamStart(ledger, { hasStream: false }), 20);
  assert.equal(await streamStart(ledger, { hasStream: true }), 20, "a crash may have left one");
  await ledger.close();
  assert.equal(startAfter, 20);
  const again = await openHub(restored, startAfter);
  const { version, backup } = again.hub.api.status();
  assert.ok(version.epoch > before.epoch);
  assert.deepEqual([backup?.position, backup?.atMs], [20, 1_000], "it is the newest backup again");
  again.connect(gateway);
  await until(() => gateway.view.epoch === version.epoch && totals(gateway) === 50);
  await until(() => again.hub.api.registry.get(made.id) !== undefined);
  const report = await again.hub.api.verify();
  assert.deepEqual([report.ok, report.sealedPosition], [true, 20]);
  await again.close();
});

test("a ledger replayed from the stream equals the one that was lost", async () => {
  const folder = join(base, "three");
  const gateway = new FakeGateway("sydney");
  const opened = await openHub(folder);
  opened.connect(gateway);
  charge(gateway, 40);
  await until(() => totals(gateway) === 40);
  await opened.close();

  const stream = await openUsageStream({ file: join(folder, "stream.db") });
  const lost = await openLedgerStore(join(folder, "ledger.db"));
  const rebuilt = join(folder, "rebuilt.db");
  const target = await openLedgerStore(rebuilt);
  const report = await replay({ stream, timers: nodeTimers }, target, lost);
  assert.deepEqual(report, { records: 40, position: 40, counters: 5, problems: [] });
  await Promise.all([stream.close(), lost.close(), target.close()]);

  for (const suffix of ["-wal", "-shm"])
    rmSync(join(folder, `ledger.db${suffix}`), { force: true });
  copyFileSync(rebuilt, join(folder, "ledger.db"));
  const again = await openHub(folder);
  const { epoch } = again.hub.api.status().version;
  again.connect(gateway);
  await until(() => gateway.view.epoch === epoch && totals(gateway) === 40);
  assert.equal((await again.hub.api.verify()).ok, true);
  await again.close();
});
