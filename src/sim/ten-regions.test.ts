/**
 * Ten regions that spend one daily quota of ten million at 1,000 calls/s each, 75 ms from the hub each way: what a soft limit is exceeded by,
 * and how much of a strict one can be used. Real gateways and hub, in virtual time.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CompiledConfig } from "../access/compiled-config.ts";
import { compileConfigValue } from "../access/config.ts";
import { SimExchange } from "./exchange.ts";
import { SimGateway } from "./gateway.ts";
import { SimHub } from "./hub.ts";
import { Network } from "./network.ts";
import { World } from "./world.ts";

const quota = 10_000_000;
const regions = Array.from({ length: 10 }, (_, i) => `region-${i}`);
const callsPerSecond = 1_000;
const delayMs = 75;
/** What is spent at once before the regions race for the rest. */
const spentBefore = quota - 30_000;
const bulkCost = 10_000;
/** Flush, way to the hub, stream, publishing, way back; and a flush more for the batch that was just sealed. */
const visibleMs = 2 * delayMs + 50 + 10 + 60;

function configOf(enforcement: "soft" | "strict"): CompiledConfig {
  const compiled = compileConfigValue(
    {
      version: 1,
      hub: { listen: "127.0.0.1:8080" },
      regions: Object.fromEntries(
        regions.map((name, i) => [
          name,
          { listen: `127.0.0.1:${8081 + i}`, operations: `127.0.0.1:${8181 + i}` },
        ]),
      ),
      keys: { prefix: "sim", from: ["header:x-api-key"] },
      plans: { pro: { limits: [{ name: "day", per: "key", quota, window: "day", enforcement }] } },
      routes: [
        { path: "/bulk", handler: "./handler.ts", cost: bulkCost },
        { path: "/{ip}", handler: "./handler.ts" },
      ],
    },
    { file: "/etc/tallygate.yaml", fileExists: () => true },
  );
  assert.ok("config" in compiled);
  return compiled.config;
}

interface Spent {
  admitted: number;
  readonly statuses: Map<number, number>;
}

async function race(enforcement: "soft" | "strict"): Promise<Spent> {
  const world = new World(10);
  const network = new Network(world);
  const limit = { plan: "pro", limit: "day", per: "key", window: "day", quota } as const;
  const isStrict = enforcement === "strict";
  const hub = new SimHub(world, network, 0, [{ ...limit, scope: "global", isStrict }]);
  const config = configOf(enforcement);
  const fail = (cause: unknown): void => assert.fail(String(cause));
  hub.start(() => {}, fail);
  const gateways = regions.map((region) => {
    const route = { delayMs, jitterMs: 0, blocked: new Set<never>(), repeats: 0 };
    const clock = { skewMs: 0, drift: 0 };
    return new SimGateway(
      { world, network, config },
      { region, route, clock, flushIntervalMs: 50 },
    );
  });
  for (const gateway of gateways) gateway.start(fail);
  // What has been started schedules its first events a turn later.
  for (const untilMs of [1, 2, 5_000]) await world.run(untilMs);
  assert.ok(hub.hub !== undefined);
  const restrict = { referers: [], addresses: [], routes: [] };
  const request = { plan: "pro", name: "", owner: "", expiresAtMs: 0, mode: "live" } as const;
  const created = hub.hub?.api.registry.create({ ...request, restrict });
  await world.run(7_000);
  const key = (await created)?.key ?? "";

  const spent: Spent = { admitted: 0, statuses: new Map() };
  const call = (gateway: SimGateway, target: string, cost: number): number => {
    const exchange = new SimExchange(
      { target, headers: ["x-api-key", key], peer: "203.0.113.1" },
      { forwarded: () => (spent.admitted += cost), replied: () => {} },
    );
    gateway.pipeline?.take(exchange);
    return exchange.status;
  };
  const bulk = gateways[0] as SimGateway;
  for (let i = 0; spent.admitted + bulkCost <= spentBefore && i < 10_000; i++) {
    call(bulk, "/bulk", bulkCost);
    await world.run(world.nowMs + 20);
  }
  await world.run(world.nowMs + 5_000);
  const stopMs = world.nowMs + 10_000;
  for (const gateway of gateways) {
    const next = (): void => {
      if (world.nowMs >= stopMs) return;
      const status = call(gateway, "/8.8.8.8", 1);
      spent.statuses.set(status, (spent.statuses.get(status) ?? 0) + 1);
      world.schedule(1_000 / callsPerSecond, undefined, next);
    };
    next();
  }
  await world.run(stopMs + 5_000);
  return spent;
}

test("a soft daily quota of ten million is exceeded by at most 0.1 % by ten regions at 1,000 calls/s each", async (t) => {
  const { admitted } = await race("soft");
  const over = admitted - quota;
  const bound = Math.ceil(((regions.length - 1) * callsPerSecond * visibleMs) / 1_000);
  t.diagnostic(`figure: soft: ${over} units over of ${quota}, bound ${bound}`);
  assert.ok(over >= 0, "no call was refused too early");
  assert.ok(over <= bound);
  assert.ok(bound <= quota / 1_000);
});

test("a strict one is never exceeded, and used to its last unit", async (t) => {
  const { admitted, statuses } = await race("strict");
  const waiting = statuses.get(503) ?? 0;
  t.diagnostic(
    `figure: strict: ${admitted} of ${quota} used, ${waiting} calls found nothing at hand`,
  );
  assert.ok(admitted <= quota);
  assert.ok(admitted >= 0.9 * quota);
  assert.equal(admitted, quota);
});
