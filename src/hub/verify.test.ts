import assert from "node:assert/strict";
import { test } from "node:test";
import type { VerifyReport } from "./hub-api.ts";
import { FakeGateway, fingerprintOf } from "./testing/fake-gateway.ts";
import { HubRig } from "./testing/hub-rig.ts";
import type { StoredTotal } from "./testing/memory-ledger.ts";

const month = "month/2026-11-01T00:00:00Z";
const day = "day/2026-11-21T00:00:00Z";
const regions = [
  { name: "sydney", processes: 1 },
  { name: "london", processes: 1 },
];

interface Loaded {
  readonly rig: HubRig;
  readonly sydney: FakeGateway;
  readonly london: FakeGateway;
}

/** 40 batches of both regions over 20 keys and two windows. */
async function loaded(): Promise<Loaded> {
  const rig = new HubRig();
  await rig.start({ regions });
  const sydney = new FakeGateway("sydney");
  const london = new FakeGateway("london");
  for (const gateway of [sydney, london]) await rig.connect(gateway);
  for (let i = 0; i < 20; i++) {
    for (const gateway of [sydney, london]) {
      gateway.charge([
        { subject: `key:k_${i}`, window: month, units: i + 1 },
        { subject: `key:k_${i % 3}`, window: day, units: 2, refunded: 1 },
      ]);
      await rig.run(5);
    }
  }
  await rig.run(3_000);
  return { rig, sydney, london };
}

async function verified(rig: HubRig): Promise<VerifyReport> {
  const report = rig.hub?.api.verify();
  await rig.run(30_000);
  assert.ok(report);
  return report;
}

function stored(rig: HubRig, subject: string): StoredTotal {
  const { lo, hi } = fingerprintOf(subject);
  const total = rig.ledger.totals.get(`${month} ${lo} ${hi}`);
  assert.ok(total);
  return total;
}

test("verify finds everything equal when it is, under traffic too", async () => {
  const { rig, sydney } = await loaded();
  const report = rig.hub?.api.verify();
  for (let i = 0; i < 30; i++) {
    sydney.charge([{ subject: `key:k_${i}`, window: month, units: 1 }]);
    await rig.run(7);
  }
  const { ok, counters, differences, problems, ...rest } = (await report) as VerifyReport;
  assert.deepEqual({ ok, differences, problems }, { ok: true, differences: [], problems: [] });
  assert.ok(counters >= 23);
  assert.deepEqual(
    rest.regions.map(({ result }) => result),
    ["equal", "equal"],
  );
  const again = await verified(rig);
  assert.equal(again.ok, true);
});

test("verify names the counter of a total that was changed in the ledger", async () => {
  const { rig } = await loaded();
  stored(rig, "key:k_7").charged += 1;
  const report = await verified(rig);
  assert.equal(report.ok, false);
  assert.deepEqual(report.differences, [
    { where: "ledger", window: month, subject: "key:k_7", expected: 16, found: 17 },
  ]);
});

test("verify names a counter that is missing in the ledger, and one that is too much", async () => {
  const { rig } = await loaded();
  const { lo, hi } = fingerprintOf("key:k_3");
  rig.ledger.totals.delete(`${month} ${lo} ${hi}`);
  rig.ledger.totals.set("x", { ...stored(rig, "key:k_5"), hi: 1, subject: "key:k_new" });
  const found = (await verified(rig)).differences.map((d) => [d.expected, d.found]);
  assert.deepEqual(found.sort(), [
    [0, 12],
    [8, 0],
  ]);
});

test("verify finds a usage row that was changed", async () => {
  const { rig } = await loaded();
  const row = [...rig.ledger.rows.values()][4];
  assert.ok(row);
  row.units -= 1;
  const report = await verified(rig);
  assert.equal(report.ok, false);
  assert.ok(report.differences.some(({ subject }) => subject === "route=/"));
});

test("verify names the record and the counters of any byte that is flipped in the stream", async () => {
  for (const at of [0, 1, 40, 60, 90, -1]) {
    const { rig } = await loaded();
    const bytes = rig.stream.records[10]?.slice() as Uint8Array;
    const index = (at + bytes.length) % bytes.length;
    bytes[index] = (bytes[index] as number) ^ 0x10;
    rig.stream.records[10] = bytes;
    const report = await verified(rig);
    assert.equal(report.ok, false);
    assert.match(report.problems[0] as string, /record 11 of the usage stream is damaged/);
    const inLedger = report.differences.filter(
      ({ where, window }) => where === "ledger" && !window.startsWith("usage"),
    );
    assert.deepEqual(
      inLedger.map(({ subject, expected, found }) => [subject, expected, found]).sort(),
      [
        ["key:k_2", 11, 12],
        ["key:k_5", 6, 12],
      ],
      `byte ${at}`,
    );
  }
});

test("verify names the counter in which a region differs", async () => {
  const { rig, london } = await loaded();
  const { lo, hi } = fingerprintOf("key:k_9");
  london.tables.get(month)?.setTotal(lo, hi, 4);
  const report = await verified(rig);
  assert.deepEqual(report.regions, [
    { name: "sydney", process: 0, result: "equal" },
    { name: "london", process: 0, result: "differs" },
  ]);
  assert.deepEqual(report.differences, [
    { where: "london/0", window: month, subject: "key:k_9", expected: 20, found: 4 },
  ]);
});

test("verify is not true where a region cannot be asked", async () => {
  const { rig, london } = await loaded();
  london.disconnect();
  await rig.run(10);
  const report = await verified(rig);
  assert.equal(report.ok, false);
  assert.equal(report.differenceCount, 0);
  assert.equal(report.regions[1]?.result, "could not be asked: not connected");
});

test("a hub that stops while a region is asked does not wait for it", async () => {
  const { rig, london } = await loaded();
  london.isDeaf = true;
  const report = rig.hub?.api.verify();
  await rig.run(100);
  const stopped = rig.hub?.stop();
  await rig.run(100);
  await stopped;
  assert.equal((await report)?.ok, false);
});

test("after a seal verify starts from it, and the stream before it can go", async () => {
  const rig = new HubRig();
  await rig.start({ sealIntervalMs: 60_000, streamRetentionMs: 120_000 });
  const sydney = new FakeGateway("sydney");
  await rig.connect(sydney);
  for (let minute = 0; minute < 6; minute++) {
    sydney.charge([{ subject: "key:k_1", window: month, units: 1 }]);
    await rig.run(60_000);
  }
  await rig.run(100);
  assert.ok(rig.stream.first > 2, "the stream was trimmed");
  assert.equal([...rig.ledger.files.keys()].length, 2, "two sealed files are kept");
  const report = await verified(rig);
  assert.deepEqual([report.ok, report.problems], [true, []]);
  assert.ok(report.sealedPosition >= rig.stream.first - 1);
});
