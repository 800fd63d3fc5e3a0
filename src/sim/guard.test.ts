/** The staleness guard of a real gateway, in virtual time. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { plans, simConfig } from "./config.ts";
import { SimExchange } from "./exchange.ts";
import { SimGateway } from "./gateway.ts";
import { SimHub } from "./hub.ts";
import { Network } from "./network.ts";
import { World } from "./world.ts";

async function open() {
  const world = new World(1);
  const network = new Network(world);
  const fail = (cause: unknown): void => assert.fail(String(cause));
  const hub = new SimHub(world, network, 0);
  const startHub = (): void => hub.start(() => {}, fail);
  startHub();
  const route = { delayMs: 5, jitterMs: 0, blocked: new Set<never>(), repeats: 0 };
  const clock = { skewMs: 0, drift: 0 };
  const gateway = new SimGateway(
    { world, network, config: simConfig(plans) },
    { region: "sydney", route, clock, flushIntervalMs: 50 },
  );
  gateway.start(fail);
  // What has been started schedules its first events a turn later.
  for (const untilMs of [1, 2, 2_000]) await world.run(untilMs);
  const makeKey = async (plan: string): Promise<string> => {
    const restrict = { referers: [], addresses: [], routes: [] };
    const request = { plan, name: "", owner: "", expiresAtMs: 0, mode: "live", restrict } as const;
    const made = hub.hub?.api.registry.create(request);
    await world.run(world.nowMs + 500);
    return (await made)?.key ?? "";
  };
  const call = async (key: string): Promise<number> => {
    const exchange = new SimExchange(
      { target: "/8.8.8.8", headers: ["x-api-key", key], peer: "203.0.113.1" },
      { forwarded: () => {}, replied: () => {} },
    );
    gateway.take(exchange);
    await world.run(world.nowMs + 100);
    return exchange.status;
  };
  const pass = (ms: number): Promise<void> => world.run(world.nowMs + ms);
  return {
    hub,
    gateway,
    route,
    clock,
    makeKey,
    call,
    pass,
    restart: () => gateway.start(fail),
    startHub,
  };
}

test("a charge stamped by a clock far ahead, before the hub was heard, does not hide the age of others", async () => {
  const { hub, gateway, route, clock, makeKey, call, pass, restart } = await open();
  const [big, guarded] = [await makeKey("big"), await makeKey("guarded")];
  assert.deepEqual([await call(big), await call(guarded)], [200, 200]);
  await pass(5_000);

  gateway.crash();
  clock.skewMs = 20 * 60_000;
  route.delayMs = 30;
  restart();
  await pass(20);
  // The hub is heard some moments later, and can store nothing: what is charged here is known here alone.
  hub.streamDisk.isFailing = true;
  assert.equal(await call(big), 200);
  await pass((plans.guarded.stalenessMs ?? 0) + 500);
  assert.equal(await call(guarded), 503);
  hub.streamDisk.isFailing = false;
  await pass(2_000);
  assert.equal(await call(guarded), 200);
});

test("charges that the hub's stream has lost again count as old, though a clock far ahead has stamped them", async () => {
  const { hub, gateway, route, clock, makeKey, call, pass, restart, startHub } = await open();
  const [big, guarded] = [await makeKey("big"), await makeKey("guarded")];
  await pass(2_000);
  gateway.crash();
  clock.skewMs = 20 * 60_000;
  route.delayMs = 30;
  restart();
  await pass(20);
  assert.equal(await call(big), 200);
  await pass(500);
  assert.equal(await call(guarded), 200, "it is covered, and time is put right");

  hub.crash();
  const kept = hub.ledger.fold?.version.position ?? 0;
  const { streamImage } = hub;
  streamImage.records = streamImage.records.filter(({ position }) => position <= kept);
  assert.ok(streamImage.last > kept, "the ledger does not hold them yet");
  streamImage.last = kept;
  startHub();
  await pass(100);
  hub.streamDisk.isFailing = true;
  await pass(1_000);
  assert.equal(await call(guarded), 503);
  hub.streamDisk.isFailing = false;
  await pass(2_000);
  assert.equal(await call(guarded), 200, "they have been sent again");
});
