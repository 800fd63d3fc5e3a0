/** The faults of a run: each kind comes at random moments, as often as the swarm drew, and goes again by itself. */

import type { Cluster } from "./cluster.ts";
import type { SimGateway } from "./gateway.ts";
import { gatewayFaults } from "./gateway-faults.ts";
import { hubFaults } from "./hub-faults.ts";
import { operations } from "./operations.ts";
import type { Strikes } from "./strike.ts";
import { type FaultKind, faultKinds } from "./swarm.ts";

const strikes: Strikes<FaultKind> = { ...gatewayFaults, ...hubFaults, ...operations };

/** Nothing is broken by them; who starts a process says so himself. */
const harmless: ReadonlySet<FaultKind> = new Set(["keys", "backup", "config", "regions"]);

export class Faults {
  readonly #cluster: Cluster;
  #isHealed = false;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  start(): void {
    for (const kind of faultKinds) this.#later(kind);
  }

  /** Everything that is broken is mended; nothing breaks any more. */
  heal(): void {
    this.#isHealed = true;
    const { gateways, hub, network } = this.#cluster;
    for (const disk of hub.disks) disk.heal();
    for (const gateway of gateways) {
      gateway.journalDisk.heal();
      gateway.stateDisk.heal();
      gateway.route.blocked.clear();
      gateway.route.delayMs = this.#cluster.swarm.delayMs;
      network.release(gateway.producer);
      this.#cluster.startGateway(gateway);
    }
    this.#cluster.startHub();
  }

  #later(kind: FaultKind): void {
    const { world, swarm } = this.#cluster;
    const meanMs = swarm.every[kind];
    if (meanMs === 0) return;
    world.schedule(-meanMs * Math.log(1 - world.random.next()), undefined, () => {
      if (this.#isHealed) return;
      this.#strike(kind);
      this.#later(kind);
    });
  }

  #strike(kind: FaultKind): void {
    const cluster = this.#cluster;
    const { world, gateways } = cluster;
    const gateway = gateways[world.random.below(gateways.length)] as SimGateway;
    world.count(`fault: ${kind}`);
    world.trace(() => `FAULT ${kind} at ${gateway.name}`);
    const isHarmless = harmless.has(kind);
    if (!isHarmless) cluster.disturb();
    const after = (maxMs: number, run: () => void): void => {
      const ms = world.between(50, maxMs);
      if (!isHarmless) cluster.disturb(ms);
      world.schedule(ms, undefined, () => {
        if (!this.#isHealed) run();
      });
    };
    strikes[kind]({ cluster, gateway, after });
  }
}
