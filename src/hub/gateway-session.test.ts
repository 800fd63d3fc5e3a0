import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBatch } from "../metering/batch-codec.ts";
import { batchUnitsMax } from "./batch-check.ts";
import { FakeGateway, fingerprintOf, sealCharges } from "./testing/fake-gateway.ts";
import { HubRig } from "./testing/hub-rig.ts";

const month = "month/2026-11-01T00:00:00Z";
const charge = { subject: "key:k_1", window: month, units: 1 };

async function opened(): Promise<{ rig: HubRig; gateway: FakeGateway }> {
  const rig = new HubRig();
  await rig.start();
  const gateway = new FakeGateway("sydney");
  await rig.connect(gateway);
  return { rig, gateway };
}

test("a batch that is not what it claims to be is refused, and changes nothing", async () => {
  const { rig, gateway } = await opened();
  const { producer, incarnation } = gateway;
  const header = { producer, incarnation, seq: 1, region: "sydney" };
  const good = sealCharges(header, [charge]);
  const flipped = Uint8Array.from(good);
  flipped[50] = (flipped[50] as number) ^ 1;
  const bad: readonly Uint8Array[] = [
    flipped,
    good.subarray(0, 30),
    new Uint8Array(0),
    sealCharges({ ...header, producer: "f".repeat(32) }, [charge]),
    sealCharges({ ...header, incarnation: "f".repeat(16) }, [charge]),
    sealCharges({ ...header, seq: 2 }, [charge]),
    sealCharges(header, [{ ...charge, window: "fortnight/2026-11-01T00:00:00Z" }]),
    overUnits(header),
  ];
  for (const payload of bad) gateway.send({ kind: "batch", incarnation, seq: 1 }, payload);
  await rig.run(50);
  assert.equal(rig.stream.last, 0);
  assert.ok(rig.logged.filter((line) => line === "a batch was refused").length === bad.length);
  gateway.send({ kind: "batch", incarnation, seq: 1 }, good);
  await rig.run(50);
  assert.equal(gateway.total(month, "key:k_1"), 1);
});

function overUnits(header: { producer: string; incarnation: string; seq: number }): Uint8Array {
  const { lo, hi } = fingerprintOf("key:k_1");
  return encodeBatch({
    ...{ ...header, region: "sydney", sealedAtMs: 1, firstChargeAtMs: 1, windows: [month] },
    ...{ subjects: ["key:k_1"], rows: [], observations: [], leases: [] },
    counters: {
      count: 1,
      window: Uint32Array.of(0),
      lo: Uint32Array.of(lo),
      hi: Uint32Array.of(hi),
      charged: Float64Array.of(batchUnitsMax + 1),
      refunded: Float64Array.of(0),
    },
  });
}

test("a hello that cannot be true ends the connection with a reason", async () => {
  const { rig } = await opened();
  const cases = [
    { change: { protocol: 2 }, detail: /protocol 1/ },
    { change: { clusterId: "another" }, detail: /another cluster/ },
    { change: { producer: "f".repeat(32) }, detail: /hello/ },
    { change: { view: { epoch: 2 ** 53 - 1, position: 1 } }, detail: /no hub gave/ },
    { change: { registryVersion: 2 ** 53 - 1 }, detail: /no hub gave/ },
  ];
  for (const { change, detail } of cases) {
    const london = new FakeGateway("london");
    await rig.reconnect(london, change);
    const refused = london.received.find(({ kind }) => kind === "refused");
    assert.ok(refused?.kind === "refused");
    assert.match(refused.detail, detail);
    assert.notEqual(london.closedFor, undefined);
  }
});

test("anything before a hello, and a second hello, end the connection", async () => {
  const { rig, gateway } = await opened();
  gateway.hello();
  assert.equal(gateway.closedFor, "message-malformed");
  await rig.reconnect(gateway, undefined);
  gateway.send({ kind: "snapshot-request" });
  assert.equal(gateway.closedFor, "message-malformed");
});

test("a newer connection of a producer replaces the older", async () => {
  const { rig, gateway } = await opened();
  const twin = new FakeGateway("sydney");
  await rig.connect(twin);
  assert.equal(gateway.closedFor, "replaced");
  twin.charge([charge]);
  await rig.run(50);
  assert.equal(twin.total(month, "key:k_1"), 1);
  assert.equal(rig.hub?.api.status().processes.length, 1);
});

test("what the stream could not store is asked for again until it can", async () => {
  const { rig, gateway } = await opened();
  rig.stream.failing = true;
  for (let i = 0; i < 5; i++) gateway.charge([charge]);
  await rig.run(3_000);
  assert.match(rig.hub?.api.status().warnings[0] ?? "", /usage stream could not be written/);
  rig.stream.failing = false;
  await rig.run(3_000);
  assert.equal(gateway.total(month, "key:k_1"), 5);
});

test("what could not be stored is asked for on the connection that its producer has by then", async () => {
  // Found by the simulator, seed 126: the last batch of an earlier start stayed away until the next connection.
  const { rig, gateway } = await opened();
  rig.stream.failing = true;
  gateway.charge([charge]);
  await rig.run(100);
  gateway.disconnect();
  await rig.connect(gateway);
  await rig.run(100);
  rig.stream.failing = false;
  await rig.run(3_000);
  assert.equal(gateway.total(month, "key:k_1"), 1);
});

test("what a producer declares lost is skipped, durably and once", async () => {
  const { rig, gateway } = await opened();
  gateway.charge([charge], { hold: true });
  gateway.sealed[0] = new Uint8Array(0);
  gateway.charge([charge]);
  const { incarnation } = gateway;
  for (let i = 0; i < 3; i++) {
    gateway.send({ kind: "lost", incarnation, from: 1, to: 1 });
    await rig.run(20);
  }
  assert.equal(gateway.total(month, "key:k_1"), 1);
  assert.equal(rig.stream.last, 2);
  assert.equal(rig.hub?.api.status().lost.length, 1);
  rig.crash();
  await rig.start();
  assert.deepEqual(rig.hub?.api.status().gaps, []);
});

test("the operator declares lost what a vanished gateway never sent", async () => {
  const { rig, gateway } = await opened();
  const { producer, incarnation } = gateway;
  gateway.charge([charge], { hold: true });
  gateway.charge([charge]);
  await rig.run(20);
  const api = rig.hub?.api;
  assert.ok(api);
  gateway.sealed[0] = new Uint8Array(0);
  await assert.rejects(api.declareLost(producer, incarnation), { code: "request-invalid" });
  gateway.disconnect();
  await rig.run(20);
  assert.match(api.status().warnings[0] ?? "", /batch 1 of .* is missing/);
  await assert.rejects(api.declareLost(producer, "x"), { code: "not-found" });
  await api.declareLost(producer, incarnation);
  await rig.run(20);
  assert.deepEqual(api.status().gaps, []);
});

test("a wall clock that is set moves the hub's time by half a millisecond a second", async () => {
  const { rig } = await opened();
  const before = rig.hub?.api.status().timeMs ?? 0;
  rig.time.wallOffsetMs += 3_600_000;
  await rig.run(10_000);
  const status = rig.hub?.api.status();
  const drift = (status?.timeMs ?? 0) - before - 10_000;
  assert.ok(drift > 0 && drift <= 5.01, `${drift} ms`);
  assert.match(status?.warnings[0] ?? "", /wall clock/);
});

test("a journal that fills up is a warning before it is full", async () => {
  const { rig, gateway } = await opened();
  gateway.heartbeat(1, 0.79 * 2 ** 30);
  assert.deepEqual(rig.hub?.api.status().warnings, []);
  gateway.heartbeat(2, 0.81 * 2 ** 30);
  assert.match(rig.hub?.api.status().warnings[0] ?? "", /^the journal of sydney\/0 is 81 % full/);
});

test("two processes with copies of one journal are noticed, and not both served", async () => {
  const { rig, gateway } = await opened();
  const copy = new FakeGateway("sydney", 0, gateway.producer);
  copy.incarnation = "00000000000000bb";
  for (let i = 0; i < 4; i++) {
    for (const one of [copy, gateway]) {
      one.disconnect();
      await rig.reconnect(one, {});
    }
  }
  const { warnings = [] } = rig.hub?.api.status() ?? {};
  assert.ok(warnings.some((line) => line.includes("a data folder was copied")));
  assert.equal(gateway.received.at(-1)?.kind, "refused");
});

test("a gateway is told the configuration in force, unless it has it, has refused it or takes none", async () => {
  const rig = new HubRig();
  const bytes = new Uint8Array([1]);
  const hub = await rig.start({ config: { id: "1-a", format: "yaml", bytes } });
  const gateway = new FakeGateway("sydney");
  await rig.connect(gateway);
  const told = async (state: { config?: string; configRefused?: string }): Promise<string[]> => {
    const before = gateway.received.length;
    gateway.heartbeat(1, 0, state);
    await rig.run(20);
    return gateway.received.slice(before).flatMap((of) => (of.kind === "config" ? [of.id] : []));
  };
  assert.deepEqual(await told({}), []);
  assert.deepEqual(await told({ config: "1-a" }), []);
  assert.deepEqual(await told({ config: "", configRefused: "1-a" }), []);
  assert.deepEqual(await told({ config: "" }), ["1-a"]);
  assert.deepEqual(await told({ config: "" }), [], "once on a connection");
  hub.announceConfig({ id: "2-b", format: "files", bytes: new Uint8Array() });
  await rig.run(20);
  assert.equal(gateway.received.at(-1)?.kind, "config");
  gateway.disconnect();
  await rig.reconnect(gateway, {});
  assert.deepEqual(await told({ config: "1-a" }), ["2-b"]);
});

test("where none was ever applied, a gateway that has one is told to go by its file", async () => {
  const rig = new HubRig();
  await rig.start({ config: { id: "", format: "files", bytes: new Uint8Array() } });
  const gateway = new FakeGateway("sydney");
  await rig.connect(gateway);
  gateway.heartbeat(1, 0, { config: "", configRefused: "" });
  await rig.run(20);
  assert.ok(gateway.received.every(({ kind }) => kind !== "config"));
  gateway.heartbeat(2, 0, { config: "7-c", configRefused: "" });
  await rig.run(20);
  assert.deepEqual(gateway.received.at(-1), { kind: "config", id: "", format: "files" });
});
