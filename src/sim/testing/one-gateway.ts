/** One real gateway and its hub in virtual time, for tests of single moments. */

import assert from "node:assert/strict";
import { plans, simConfig } from "../config.ts";
import { SimExchange } from "../exchange.ts";
import { SimGateway } from "../gateway.ts";
import { SimHub } from "../hub.ts";
import { type Direction, Network } from "../network.ts";
import { World } from "../world.ts";

export async function openOne() {
  const world = new World(1);
  const network = new Network(world);
  const fail = (cause: unknown): void => assert.fail(String(cause));
  const hub = new SimHub(world, network, 0);
  const startHub = (): void => hub.start(() => {}, fail);
  startHub();
  const route = { delayMs: 5, jitterMs: 0, blocked: new Set<Direction>(), repeats: 0 };
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
    network,
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
