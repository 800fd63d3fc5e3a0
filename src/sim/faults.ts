/** The faults of a run: each kind comes at random moments, as often as the swarm drew, and goes again by itself. */

import type { Cluster } from "./cluster.ts";
import type { PlanName } from "./config.ts";
import type { SimGateway } from "./gateway.ts";
import type { Disk } from "./storage/disk.ts";
import { type FaultKind, faultKinds } from "./swarm.ts";

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
    for (const disk of [hub.streamDisk, hub.ledgerDisk, hub.registryDisk]) disk.heal();
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
    const { world, hub, gateways, network } = this.#cluster;
    const gateway = gateways[world.random.below(gateways.length)] as SimGateway;
    world.count(`fault: ${kind}`);
    world.trace(() => `FAULT ${kind} at ${gateway.name}`);
    if (kind === "keys") return this.#operate();
    if (kind === "backup") return void hub.backUp().catch(() => undefined);
    this.#cluster.disturb();
    switch (kind) {
      case "cut":
        return network.cut(gateway.producer);
      case "oneWay":
        return this.#block(gateway);
      case "slow":
        return this.#slow(gateway);
      case "gatewayCrash":
        return this.#crash([gateway.journalDisk, gateway.stateDisk], () => {
          gateway.crash();
          this.#after(20_000, () => this.#cluster.startGateway(gateway));
        });
      case "hubCrash":
        return this.#crash([hub.streamDisk, hub.ledgerDisk, hub.registryDisk], () => {
          hub.crash();
          this.#after(20_000, () => this.#cluster.startHub());
        });
      case "diskLost":
        this.#cluster.loseDisks(gateway);
        return this.#after(20_000, () => this.#cluster.startGateway(gateway));
      case "hubRestored":
        void this.#cluster.restoreHub();
        return this.#after(20_000, () => this.#cluster.startHub());
      case "journalFails":
        return this.#breakDisk(gateway.journalDisk);
      case "stateFails":
        return this.#breakDisk(gateway.stateDisk);
      case "streamFails":
        return this.#breakDisk(hub.streamDisk);
      case "ledgerFails":
        return this.#breakDisk(hub.ledgerDisk);
      case "pause":
        return this.#pause(gateway);
      case "clockJump":
        gateway.clock.skewMs += world.between(-3_600_000, 3_600_000);
    }
  }

  /** At once, or between two operations of one of the disks. */
  #crash(disks: readonly Disk[], crash: () => void): void {
    const { world } = this.#cluster;
    if (world.chance(0.3)) return crash();
    const disk = disks[world.random.below(disks.length)] as Disk;
    disk.beforeNext = crash;
  }

  #block(gateway: SimGateway): void {
    const { world, network } = this.#cluster;
    const directions = [["up"], ["down"], ["up", "down"]] as const;
    for (const direction of directions[world.random.below(3)] ?? []) {
      gateway.route.blocked.add(direction);
    }
    this.#after(15_000, () => {
      gateway.route.blocked.clear();
      network.release(gateway.producer);
    });
  }

  #slow({ route }: SimGateway): void {
    const { world, swarm } = this.#cluster;
    route.delayMs = world.between(200, 4_000);
    this.#after(15_000, () => {
      route.delayMs = swarm.delayMs;
    });
  }

  #breakDisk(disk: Disk): void {
    disk.isFailing = true;
    this.#after(8_000, () => {
      disk.isFailing = false;
    });
  }

  #pause({ host }: SimGateway): void {
    const { world } = this.#cluster;
    if (host !== undefined) host.pausedUntilMs = world.nowMs + world.between(1, 8_000);
  }

  /** The admin makes, rotates or revokes a key. */
  #operate(): void {
    const cluster = this.#cluster;
    const { world, keys, hub } = cluster;
    if (hub.hub === undefined) return;
    const key = keys[world.random.below(keys.length)];
    const failed = (cause: unknown): void =>
      world.trace(() => `the admin is refused: ${String(cause)}`);
    if (key === undefined || key.isRevoked || world.chance(0.4)) {
      const plan = (["small", "big", "strict"] as const)[world.random.below(3)] as PlanName;
      cluster.createKey(plan).catch(failed);
    } else if (world.chance(0.7)) cluster.rotateKey(key).catch(failed);
    else cluster.revokeKey(key).catch(failed);
  }

  #after(maxMs: number, run: () => void): void {
    const { world } = this.#cluster;
    const ms = world.between(50, maxMs);
    this.#cluster.disturb(ms);
    world.schedule(ms, undefined, () => {
      if (!this.#isHealed) run();
    });
  }
}
