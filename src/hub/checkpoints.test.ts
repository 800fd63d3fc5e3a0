import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeGateway } from "./testing/fake-gateway.ts";
import { HubRig } from "./testing/hub-rig.ts";

const month = "month/2026-11-01T00:00:00Z";

async function opened(): Promise<{ rig: HubRig; gateway: FakeGateway }> {
  const rig = new HubRig();
  await rig.start();
  const gateway = new FakeGateway("sydney");
  await rig.connect(gateway);
  return { rig, gateway };
}

const charge = { subject: "key:k_1", window: month, units: 1 };

test("a hub at rest writes nothing", async () => {
  const { rig, gateway } = await opened();
  gateway.charge([charge]);
  await rig.run(10_000);
  const written = rig.ledger.checkpoints;
  await rig.run(60_000);
  assert.equal(rig.ledger.checkpoints, written);
});

test("while the ledger fails updates go on, status says so, and nothing is lost after it", async () => {
  const { rig, gateway } = await opened();
  rig.ledger.failing = true;
  for (let i = 0; i < 20; i++) {
    gateway.charge([charge]);
    await rig.run(500);
  }
  assert.equal(gateway.total(month, "key:k_1"), 20);
  assert.match(rig.hub?.api.status().warnings[0] ?? "", /ledger cannot be written/);
  assert.equal(rig.ledger.fold, undefined);
  rig.ledger.failing = false;
  await rig.run(5_000);
  assert.deepEqual(rig.hub?.api.status().warnings, []);
  assert.equal([...rig.ledger.totals.values()][0]?.charged, 20);
  assert.equal([...rig.ledger.rows.values()][0]?.units, 20);
});

test("a crash before, within or after a checkpoint leads to the same totals and rows", async () => {
  for (const moment of ["before", "within", "after"] as const) {
    const { rig, gateway } = await opened();
    for (let i = 0; i < 10; i++) {
      gateway.charge([charge]);
      await rig.run(10);
    }
    if (moment === "within") rig.ledger.beforeStore = () => new Promise(() => {});
    if (moment !== "before") await rig.run(2_500);
    assert.equal(rig.ledger.fold === undefined, moment !== "after");
    rig.crash();
    await rig.start();
    await rig.connect(gateway);
    gateway.charge([charge]);
    await rig.run(5_000);
    assert.equal([...rig.ledger.totals.values()][0]?.charged, 11, moment);
    assert.equal([...rig.ledger.rows.values()][0]?.units, 11, moment);
    assert.equal(gateway.total(month, "key:k_1"), 11, moment);
  }
});

test("a stop saves everything folded", async () => {
  const { rig, gateway } = await opened();
  gateway.charge([charge]);
  await rig.run(1);
  await rig.hub?.stop();
  assert.equal(rig.ledger.fold?.version.position, 1);
  assert.equal(gateway.closedFor, "the hub stops");
});

test("usage includes everything folded when it is asked", async () => {
  const { rig, gateway } = await opened();
  gateway.charge([charge]);
  await rig.run(1);
  const usage = rig.hub?.api.usage({
    ...{ by: "key", window: "total", fromMs: 0, toMs: Date.UTC(9999, 0), top: 0, limit: 9 },
    ...{ offset: 0, where: {} },
  });
  assert.equal((await usage)?.[0]?.units, 1);
});

test("a backup holds the ledger of one position, and only then covers batches", async () => {
  const { rig, gateway } = await opened();
  const beat = (id: number): unknown => {
    gateway.heartbeat(id);
    const reply = gateway.received.findLast(({ kind }) => kind === "heartbeat-reply");
    return reply?.kind === "heartbeat-reply" ? reply.backup : "none";
  };
  gateway.charge([charge]);
  await rig.run(20);
  assert.equal(beat(1), undefined);
  const backup = await rig.hub?.api.backup("backup.db");
  await backup?.announce();
  gateway.charge([charge]);
  await rig.run(20);
  assert.equal(backup?.position, 1);
  assert.deepEqual(beat(2), [[gateway.incarnation, 1]]);
  assert.equal(rig.ledger.files.get("backup.db")?.fold?.version.position, 1);
});
