import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeStreamRecord } from "../metering/stream-record.ts";
import { FakeGateway } from "./testing/fake-gateway.ts";
import { HubRig } from "./testing/hub-rig.ts";

const month = "month/2026-11-01T00:00:00Z";
const key = "key:k_1";

async function open(rig: HubRig, ...regions: string[]): Promise<FakeGateway[]> {
  const gateways = regions.map((region) => new FakeGateway(region));
  for (const gateway of gateways) await rig.connect(gateway);
  return gateways;
}

test("charges of one gateway reach every gateway's view, exactly", async () => {
  const rig = new HubRig();
  await rig.start();
  const [sydney, london] = await open(rig, "sydney", "london");
  sydney?.charge([{ subject: key, window: month, units: 3 }]);
  london?.charge([{ subject: key, window: month, units: 4, refunded: 1 }]);
  await rig.run(20);
  for (const gateway of [sydney, london]) assert.equal(gateway?.total(month, key), 6);
  assert.equal(sydney?.watermark(), 1);
});

test("repeated and reordered batches count once", async () => {
  const rig = new HubRig();
  await rig.start();
  const [sydney] = await open(rig, "sydney");
  for (let i = 0; i < 3; i++) {
    sydney?.charge([{ subject: key, window: month, units: 1 }], { hold: true });
  }
  for (const seq of [3, 1, 1, 3, 2, 2]) sydney?.sendBatch(seq);
  await rig.run(20);
  assert.equal(sydney?.total(month, key), 3);
});

test("a missing batch is asked for again", async () => {
  const rig = new HubRig();
  await rig.start();
  const [sydney] = await open(rig, "sydney");
  sydney?.charge([{ subject: key, window: month, units: 1 }], { hold: true });
  sydney?.charge([{ subject: key, window: month, units: 1 }]);
  await rig.run(100);
  assert.equal(sydney?.total(month, key), 0);
  await rig.run(500);
  assert.equal(sydney?.total(month, key), 2);
});

test("a hub that crashes at any point between checkpoints has the same totals again", async () => {
  const rig = new HubRig();
  const sydney = new FakeGateway("sydney");
  for (let round = 0; round < 6; round++) {
    await rig.start();
    await rig.connect(sydney);
    for (let i = 0; i < 10; i++) {
      sydney.charge([{ subject: `key:k_${i % 4}`, window: month, units: 1 }]);
      await rig.run(round * 100);
    }
    await rig.run(20);
    rig.crash();
  }
  await rig.start();
  const fresh = new FakeGateway("tokyo");
  await rig.connect(fresh);
  await rig.run(100);
  assert.deepEqual(
    [0, 1, 2, 3].map((i) => fresh.total(month, `key:k_${i}`)),
    [18, 18, 12, 12],
  );
  assert.deepEqual((await rig.hub?.api.verify())?.problems, []);
});

test("a gateway that was away for a moment goes on without a snapshot", async () => {
  const rig = new HubRig();
  await rig.start();
  const [sydney, london] = await open(rig, "sydney", "london");
  london?.disconnect();
  sydney?.charge([{ subject: key, window: month, units: 5 }]);
  await rig.run(50);
  if (london === undefined) throw new Error();
  london.received.length = 0;
  await rig.connect(london);
  assert.equal(london.total(month, key), 5);
  assert.ok(london.received.every(({ kind }) => kind !== "snapshot-begin"));
});

test("a hub that hears of a later version takes a higher epoch, and all get snapshots", async () => {
  const rig = new HubRig();
  await rig.start();
  const [sydney] = await open(rig, "sydney");
  const before = sydney?.view.epoch ?? 0;
  const london = new FakeGateway("london");
  london.view = { epoch: before + 2 ** 30, position: 77 };
  await rig.connect(london);
  await rig.run(50);
  const epoch = rig.hub?.api.status().version.epoch ?? 0;
  assert.ok(epoch > before + 2 ** 30);
  assert.equal(sydney?.view.epoch, epoch);
  assert.equal(london.view.epoch, epoch);
  rig.crash();
  await rig.start();
  const next = rig.hub?.api.status().version.epoch ?? 0;
  assert.ok(next > epoch, "the epoch is durable, and the next start takes another");
});

test("a stream that lost its end gives no version two meanings, and it is said", async () => {
  const rig = new HubRig();
  const other = "key:k_other";
  await rig.start();
  const [sydney, london] = await open(rig, "sydney", "london");
  assert.ok(sydney !== undefined && london !== undefined);
  sydney.charge([{ subject: key, window: month, units: 1 }]);
  await rig.run(3_000);
  for (const units of [10, 100]) {
    sydney.charge([{ subject: other, window: month, units }]);
    await rig.run(50);
  }
  assert.equal(london.total(month, other), 110);
  rig.crash();
  rig.stream.records.length = 1;
  await rig.start();
  const tokyo = new FakeGateway("tokyo");
  await rig.connect(tokyo);
  for (const units of [1_000, 2_000, 4_000]) {
    tokyo.charge([{ subject: key, window: month, units }]);
    await rig.run(50);
  }
  await rig.connect(london);
  await rig.run(50);
  assert.deepEqual([london.total(month, key), london.total(month, other)], [7_001, 0]);
  assert.match(rig.hub?.api.status().warnings.join() ?? "", /the usage stream has lost its end/);
  await rig.connect(sydney);
  await rig.run(50);
  assert.equal(london.total(month, other), 110, "its producer sends it again");
});

test("a stream that lost its end is said, and fenced, once for all who heard of it, also where a start failed in between", async () => {
  const rig = new HubRig();
  const limit = {
    plan: "pro",
    limit: "month",
    per: "key",
    window: "month",
    scope: "global",
  } as const;
  const limits = [{ ...limit, quota: 100, isStrict: true }];
  await rig.start({ limits });
  const [sydney, london] = await open(rig, "sydney", "london");
  assert.ok(sydney !== undefined && london !== undefined);
  sydney.charge([{ subject: key, window: month, units: 1 }]);
  await rig.run(3_000);
  sydney.charge([{ subject: key, window: month, units: 1 }]);
  await rig.run(50);
  rig.crash();
  const kept = rig.stream.records.splice(-1);
  assert.equal(kept.length, 1);
  // A ledger that is ahead of its stream is refused, before anything was taken or said.
  const records = rig.stream.records.splice(0);
  await assert.rejects(rig.start({ limits }));
  rig.crash();
  rig.stream.records.push(...records);
  await rig.start({ limits });
  const epoch = rig.hub?.api.status().version.epoch;
  await rig.connect(sydney);
  await rig.run(50);
  assert.match(rig.hub?.api.status().warnings.join() ?? "", /the usage stream has lost its end/);
  const fences = (): number =>
    rig.stream.records.filter((bytes) => decodeStreamRecord(bytes).kind === "fence").length;
  assert.equal(fences(), 1);
  await rig.connect(london);
  await rig.run(50);
  assert.equal(fences(), 1);
  assert.equal(rig.hub?.api.status().version.epoch, epoch, "what it says is above it already");
});
