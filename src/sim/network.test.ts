import { sha256Hex } from "../base/hash.ts";
import { type LinkHarness, linkConformance } from "../conformance/link.ts";
import { MemoryRegistry } from "../hub/testing/memory-registry.ts";
import { Network, type Route } from "./network.ts";
import { World } from "./world.ts";

/** A world that goes on by itself, with a hub in it and no faults but delays. */
async function openHarness(route: Route): Promise<LinkHarness> {
  const world = new World(1);
  const network = new Network(world);
  let isStopped = false;
  const over = (async () => {
    while (!isStopped) {
      await world.run(world.nowMs + 10);
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const identityOf = (producer: string, secret = producer) => ({
    ...{ producer, secret: sha256Hex(secret) },
  });
  return {
    acceptor: network.acceptor(undefined, "main", new MemoryRegistry()),
    dialer: ({ producer, joinToken, secret }) =>
      network.dialer(identityOf(producer, secret), route, undefined, joinToken),
    nowhere: new Network(world).dialer(identityOf("0".repeat(32)), route, undefined),
    close: () => {
      isStopped = true;
      return over;
    },
  };
}

const blocked = new Set<never>();

linkConformance("simulated", () => openHarness({ delayMs: 0, jitterMs: 0, repeats: 0, blocked }));
linkConformance("simulated with delays", () =>
  openHarness({ delayMs: 20, jitterMs: 15, repeats: 0, blocked }),
);
