import assert from "node:assert/strict";
import { test } from "node:test";
import { hashApiKey } from "../access/api-key.ts";
import { encodeKeyRecord, type KeyRecord, unrestricted } from "../access/key-record.ts";
import { present } from "../base/assert.ts";
import type { RegistryRow } from "../ports/registry-store.ts";
import type { Hub } from "./hub.ts";
import type { KeyRequest } from "./hub-api.ts";
import {
  hexOf,
  packRows,
  recordOf,
  registryEraStep,
  replaces,
  rowOf,
  underItsKey,
  unpackRecords,
} from "./registry-records.ts";
import { FakeGateway } from "./testing/fake-gateway.ts";
import { HubRig } from "./testing/hub-rig.ts";

const request: KeyRequest = {
  plan: "pro",
  name: "a customer",
  owner: "",
  expiresAtMs: 0,
  mode: "live",
  restrict: unrestricted,
};

function received(gateway: FakeGateway): KeyRecord[] {
  return gateway.registry.flatMap(({ bytes }) => unpackRecords(bytes) ?? []);
}

async function opened(): Promise<{ rig: HubRig; hub: Hub; gateway: FakeGateway }> {
  const rig = new HubRig();
  const hub = await rig.start();
  const gateway = new FakeGateway("sydney");
  await rig.connect(gateway);
  return { rig, hub, gateway };
}

function record(text: string, change: Partial<KeyRecord> = {}): KeyRecord {
  return {
    ...{ hash: hashApiKey(text), keyId: `k_${text}`, plan: "pro", owner: "", name: "" },
    ...{ createdAtMs: 1, expiresAtMs: 0, anchorDay: 1, ownerAnchorDay: 1 },
    ...{ restrict: unrestricted, version: 1, changedAtMs: 1, revoked: false },
    ...change,
  };
}

test("every change is stored with its audit entry, and none without a change", async () => {
  const { rig, hub } = await opened();
  const audit = { atMs: 5, actor: "t_1", action: "x", request: "r", change: "{}" };
  const { registry } = hub.api;
  const made = await registry.create(request, audit);
  await registry.update(made.id, { plan: "free" }, audit);
  await registry.rotate(made.id, 0, audit);
  await registry.revoke(made.id, audit);
  await registry.revoke(made.id, audit);
  await assert.rejects(registry.rotate(made.id, 0, audit));
  assert.deepEqual(
    rig.registry.entries.map(({ seq, actor, target }) => [seq, actor, target]),
    [1, 2, 3, 4].map((seq) => [seq, "t_1", made.id]),
  );
});

test("a key made, changed, rotated and revoked reaches a connected gateway without a timer", async () => {
  const { hub, gateway } = await opened();
  gateway.registry.length = 0;
  const made = await hub.api.registry.create(request);
  assert.equal(received(gateway).at(-1)?.keyId, made.id);
  assert.deepEqual(received(gateway).at(-1)?.hash, new Uint8Array(hashApiKey(made.key)));
  await hub.api.registry.update(made.id, { plan: "free" });
  assert.equal(received(gateway).at(-1)?.plan, "free");

  const rotated = await hub.api.registry.rotate(made.id, 60_000);
  assert.equal(rotated.id, made.id, "the count goes on");
  assert.deepEqual(
    rotated.credentials.map(({ expiresAtMs }) => expiresAtMs > 0),
    [true, false],
  );
  await hub.api.registry.revoke(made.id);
  const tombstones = received(gateway).slice(-2);
  assert.ok(tombstones.every(({ revoked }) => revoked));
  const revoked = await hub.api.registry.revoke(made.id);
  assert.equal(revoked.revoked, true);
});

test("a key's new end gives a secret that was rotated out no more time", async () => {
  const { rig, hub } = await opened();
  const { registry } = hub.api;
  const nowMs = rig.time.wallMs();
  const { id } = await registry.create(request);
  const endsAfter = async (expiresAtMs: number): Promise<number[]> =>
    (await registry.update(id, { expiresAtMs })).credentials.map((c) => c.expiresAtMs);
  await registry.rotate(id, 60_000);
  const [oldMs = 0] = await endsAfter(0);
  assert.ok(oldMs > 0 && oldMs <= nowMs + 60_000);
  assert.deepEqual(await endsAfter(nowMs + 900_000), [oldMs, nowMs + 900_000]);
  assert.deepEqual(await endsAfter(nowMs + 1_000), [nowMs + 1_000, nowMs + 1_000]);
  assert.deepEqual(await endsAfter(0), [nowMs + 1_000, 0]);
});

test("versions of changes made at once are told in their order", async () => {
  const { hub, gateway } = await opened();
  gateway.registry.length = 0;
  await Promise.all(Array.from({ length: 20 }, () => hub.api.registry.create(request)));
  const versions = gateway.registry.map(({ version }) => version);
  assert.deepEqual(
    versions,
    [...versions].sort((a, b) => a - b),
  );
  assert.equal(new Set(versions).size, 20);
});

test("a gateway that comes gets what it lacks, in slices, then every change", async () => {
  const rig = new HubRig();
  const rows = Array.from({ length: 10_000 }, (_, i) => rowOf(record(`${i}`, { version: i + 1 })));
  await rig.registry.put(rows);
  await rig.start();
  const gateway = new FakeGateway("sydney");
  gateway.registryVersion = 3_000;
  await rig.connect(gateway);
  await rig.run(200);
  assert.equal(received(gateway).length, 7_000);
  assert.deepEqual(
    gateway.registry.map(({ last }) => last),
    [false, false, false, true],
  );
  assert.equal(gateway.registryVersion, 10_000);
});

test("a slow gateway is waited for", async () => {
  const rig = new HubRig();
  const rows = Array.from({ length: 5_000 }, (_, i) => rowOf(record(`${i}`, { version: i + 1 })));
  await rig.registry.put(rows);
  await rig.start();
  const gateway = new FakeGateway("sydney");
  gateway.bufferedBytes = 100_000_000;
  await rig.connect(gateway);
  await rig.run(500);
  assert.equal(gateway.registry.length, 0);
  gateway.bufferedBytes = 0;
  await rig.run(500);
  assert.equal(received(gateway).length, 5_000);
});

test("the owner's month starts on the day of the owner's first key", async () => {
  const { rig, hub, gateway } = await opened();
  await hub.api.registry.create({ ...request, owner: "acme" });
  rig.time.skip(3 * 86_400_000);
  await hub.api.registry.create({ ...request, owner: "acme" });
  const [first, second] = received(gateway);
  assert.equal(second?.ownerAnchorDay, first?.anchorDay);
  assert.notEqual(second?.anchorDay, first?.anchorDay);
});

test("what cannot be a key is refused in words, and nothing is stored", async () => {
  const { hub } = await opened();
  const wrong: Partial<KeyRequest>[] = [
    { name: "n".repeat(129) },
    { owner: "ö".repeat(65) },
    { expiresAtMs: -1 },
    { expiresAtMs: 1.5 },
    { restrict: { ...unrestricted, referers: Array(33).fill("a.example") } },
    { restrict: { ...unrestricted, routes: ["/".repeat(256)] } },
  ];
  for (const change of wrong) {
    await assert.rejects(hub.api.registry.create({ ...request, ...change }), {
      code: "request-invalid",
    });
  }
  assert.equal(hub.api.registry.count(), 0);
  await assert.rejects(hub.api.registry.revoke("k_none"), { code: "not-found" });
});

test("of two records of one credential a tombstone wins, then the version, across a restore the time", () => {
  const era = registryEraStep;
  const old = record("a", { version: 5, changedAtMs: 50 });
  const cases: readonly [Partial<KeyRecord>, Partial<KeyRecord>, boolean][] = [
    [{ version: 6 }, { version: 5 }, true],
    [{ version: 5 }, { version: 5 }, false],
    [{ version: 4 }, { version: 5 }, false],
    [{ version: 4, revoked: true }, { version: 5 }, true],
    [{ version: 9 }, { version: 5, revoked: true }, false],
    [{ version: 6, changedAtMs: 90 }, { version: era + 1, changedAtMs: 80 }, true],
    [{ version: 6, changedAtMs: 70 }, { version: era + 1, changedAtMs: 80 }, false],
  ];
  for (const [given, stored, expected] of cases) {
    assert.equal(replaces({ ...old, ...given }, { ...old, ...stored }, era), expected);
  }
});

interface Backup {
  readonly registry: HubRig["registry"];
  readonly ledger: HubRig["ledger"];
}

function backUp(rig: HubRig): Backup {
  return { registry: rig.registry.copy(), ledger: rig.ledger.copy() };
}

function restored(rig: HubRig, { registry, ledger }: Backup): Promise<Hub> {
  rig.crash();
  rig.registry = registry.copy();
  rig.ledger = ledger.copy();
  rig.ledger.meta.set("restored", "true");
  return rig.start();
}

/** A gateway that has saved `rows`. */
function returning(rows: readonly RegistryRow[]): FakeGateway {
  const gateway = new FakeGateway("sydney");
  gateway.registryVersion = Math.max(...rows.map(({ version }) => version));
  gateway.returns = packRows(rows);
  return gateway;
}

test("what a restored hub did with a key holds for a secret of it that is given back later", async () => {
  const rig = new HubRig();
  let hub = await rig.start();
  const kept = await hub.api.registry.create(request);
  const backup = backUp(rig);
  await hub.api.registry.rotate(kept.id, 0);
  const lost = [...rig.registry.rows.values()];
  assert.equal(lost.length, 2);

  hub = await restored(rig, backup);
  await rig.run(10);
  const restrict = { ...unrestricted, referers: ["example.com"] };
  await hub.api.registry.update(kept.id, { plan: "free", name: "moved", restrict });
  await rig.connect(returning(lost));
  await rig.run(50);
  const records = [...rig.registry.rows.values()].map(recordOf);
  assert.equal(records.length, 2);
  for (const { plan, name, restrict: of } of records) {
    assert.deepEqual([plan, name, of], ["free", "moved", restrict]);
  }

  hub = await restored(rig, backup);
  await rig.run(10);
  await hub.api.registry.revoke(kept.id);
  await rig.connect(returning(lost));
  await rig.run(50);
  assert.equal(hub.api.registry.get(kept.id)?.credentials.length, 2);
  assert.equal(hub.api.registry.get(kept.id)?.revoked, true);
});

test("a revocation that is given back holds for a secret that a restored hub has made since", async () => {
  const rig = new HubRig();
  let hub = await rig.start();
  const kept = await hub.api.registry.create(request);
  const backup = backUp(rig);
  await hub.api.registry.revoke(kept.id);
  const lost = [...rig.registry.rows.values()];

  hub = await restored(rig, backup);
  await rig.run(10);
  await hub.api.registry.rotate(kept.id, 60_000);
  await rig.connect(returning(lost));
  await rig.run(50);
  const { credentials = [], revoked } = hub.api.registry.get(kept.id) ?? {};
  assert.deepEqual([credentials.length, revoked], [2, true]);
});

test("a secret that is given back is under what was done to its key since", () => {
  const era = registryEraStep;
  const given = record("a", { keyId: "k_1", version: 5, changedAtMs: 50, createdAtMs: 30 });
  const other = record("b", { keyId: "k_1", version: era + 1, changedAtMs: 60, createdAtMs: 10 });
  const made = { ...other, createdAtMs: 60 };
  const ends: readonly [number, readonly Partial<KeyRecord>[], number][] = [
    [0, [{}], 0],
    [0, [{ expiresAtMs: 900 }], 900],
    [0, [{ expiresAtMs: 900 }, {}], 0],
    [700, [{ expiresAtMs: 900 }], 700],
    [990, [{ expiresAtMs: 900 }, { expiresAtMs: 800 }], 900],
    // Rotated since.
    [0, [{ expiresAtMs: 900 }, made], 900],
    [0, [{ expiresAtMs: 40 }, made], 60],
    [0, [made], 60],
    // Before.
    [0, [{ expiresAtMs: 900, changedAtMs: 40 }], 0],
  ];
  for (const [expiresAtMs, changes, expected] of ends) {
    const others = changes.map((change) => ({ ...other, ...change }));
    const of = underItsKey({ ...given, expiresAtMs }, others, era);
    assert.equal(of.expiresAtMs, expected, JSON.stringify([expiresAtMs, changes]));
  }
  const older = { ...other, changedAtMs: 40, plan: "free" };
  assert.deepEqual(underItsKey(given, [older], era), given);
  assert.deepEqual(underItsKey(given, [], era), given);
  // By a clock that had been ahead when the secret was made.
  assert.equal(underItsKey(given, [{ ...older, revoked: true }], era).revoked, true);
});

test("a revocation of which a part comes back holds for all that comes with it", async () => {
  const rig = new HubRig();
  let hub = await rig.start();
  const backup = backUp(rig);
  const { id } = await hub.api.registry.create(request);
  await hub.api.registry.rotate(id, 60_000);
  const before = [...rig.registry.rows.values()];
  await hub.api.registry.revoke(id);
  const after = [...rig.registry.rows.values()];
  for (const part of [
    [before[0], after[1]],
    [after[0], before[1]],
  ]) {
    hub = await restored(rig, backup);
    await rig.run(10);
    await rig.connect(returning(part.map((row) => present(row, "row"))));
    await rig.run(50);
    const { credentials = [], revoked } = hub.api.registry.get(id) ?? {};
    assert.deepEqual([credentials.length, revoked], [2, true]);
  }
});

test("after a restore gateways give back newer keys, and every gateway gets them under new versions", async () => {
  const rig = new HubRig();
  let hub = await rig.start();
  const kept = await hub.api.registry.create(request);
  const backup = backUp(rig);
  const later = await hub.api.registry.create(request);
  await hub.api.registry.revoke(kept.id);
  const lost = [...rig.registry.rows.values()].filter(({ version }) => version > 1);

  hub = await restored(rig, backup);
  const sydney = returning(lost);
  const london = new FakeGateway("london");
  london.registryVersion = 1;
  await rig.connect(london);
  await rig.connect(sydney);
  await rig.run(50);
  assert.equal(hub.api.registry.get(later.id)?.revoked, false);
  assert.equal(hub.api.registry.get(kept.id)?.revoked, true);
  for (const gateway of [sydney, london]) {
    assert.ok(gateway.registryVersion > registryEraStep);
    const [first, second] = received(gateway).slice(-2);
    assert.ok((first?.version ?? 0) > registryEraStep && (second?.version ?? 0) > registryEraStep);
  }
  const made = await hub.api.registry.create(request);
  assert.ok(made.version > registryEraStep);
});

test("keys given back that are malformed or were not asked for end the connection and change nothing", async () => {
  const { rig, hub, gateway } = await opened();
  const packed = encodeKeyRecord(record("x", { version: 9 }));
  gateway.send({ kind: "registry-return", last: true }, packed);
  await rig.run(10);
  assert.equal(gateway.closedFor, "message-malformed");
  assert.equal(hub.api.registry.count(), 0);
  assert.equal(unpackRecords(packed.subarray(0, -1)), undefined);
  assert.equal(hexOf(new Uint8Array([0, 171])), "00ab");
});

test("a change is later than what it changes, also after the hub's clock, which was ahead, was put right", async () => {
  const rig = new HubRig();
  rig.time.wallOffsetMs += 3_600_000;
  const { id } = await (await rig.start()).api.registry.create(request);
  rig.crash();
  rig.time.wallOffsetMs -= 3_600_000;
  const hub = await rig.start();
  const gateway = new FakeGateway("sydney");
  await rig.connect(gateway);
  await hub.api.registry.update(id, { plan: "free" });
  await rig.run(10);
  const [before, after] = received(gateway);
  assert.ok(before !== undefined && after !== undefined);
  assert.equal(after.plan, "free");
  assert.equal(replaces(before, { ...after, version: registryEraStep }, registryEraStep), false);
});
