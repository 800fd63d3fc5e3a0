/** A simulated machine with the hub: the real one on simulated disks, clock and network. */

import { type Hub, startHub } from "../hub/hub.ts";
import type { OvershootLimit } from "../hub/overshoot.ts";
import { MemoryLedger } from "../hub/testing/memory-ledger.ts";
import { Host, type MachineClock, noMetrics } from "./host.ts";
import type { Network } from "./network.ts";
import { Disk } from "./storage/disk.ts";
import { RegistryImage, restoreLedger, SimLedger, SimRegistry } from "./storage/hub-stores.ts";
import { SimStream, StreamImage } from "./storage/usage-stream.ts";
import { StreamModel } from "./stream-model.ts";
import type { World } from "./world.ts";

export const publishIntervalMs = 10;
const checkpointIntervalMs = 2_000;

export class SimHub {
  readonly streamDisk: Disk;
  readonly ledgerDisk: Disk;
  readonly registryDisk: Disk;
  readonly streamImage = new StreamImage();
  model = new StreamModel();
  /**
   * The newest backup that was announced: gateways keep what it lacks. Undefined while it is not known whether one was: then
   * nothing is promised of either.
   */
  #backup: { readonly file: string; readonly atMs: number } | undefined;
  #backups = 0;
  restores = 0;
  /** A restore is under way. */
  #isRestoring = false;
  /** What is on the disks. */
  readonly ledger = new MemoryLedger();
  readonly registry = new RegistryImage();
  readonly #world: World;
  readonly #network: Network;
  readonly #clock: MachineClock = { skewMs: 0, drift: 0 };
  readonly #streamRepeats: number;
  readonly #limits: readonly OvershootLimit[];
  host: Host | undefined;
  hub: Hub | undefined;
  starts = 0;

  constructor(
    world: World,
    network: Network,
    streamRepeats: number,
    limits: readonly OvershootLimit[] = [],
  ) {
    this.#limits = limits;
    this.#world = world;
    this.#network = network;
    this.#streamRepeats = streamRepeats;
    this.streamDisk = new Disk(world, "stream-failed");
    this.ledgerDisk = new Disk(world, "ledger-failed");
    this.registryDisk = new Disk(world, "registry-failed");
  }

  start(onFailed: (cause: unknown) => void): void {
    const host = new Host(this.#world, "hub", this.#clock);
    this.host = host;
    this.starts++;
    for (const disk of this.#disks()) disk.mount(host);
    this.#open(host).catch((cause: unknown) => {
      if (host.isDead) return;
      this.crash();
      onFailed(cause);
    });
  }

  crash(): void {
    if (this.host === undefined) return;
    this.host.isDead = true;
    this.host = undefined;
    this.hub = undefined;
    this.#network.closeHub();
    for (const disk of this.#disks()) disk.crash();
  }

  /** Copies the hub's data, and says so once the copy is safe. */
  async backUp(): Promise<void> {
    const { hub, host } = this;
    if (hub === undefined || host === undefined) return;
    const file = `backup-${++this.#backups}`;
    const { announce } = await hub.api.backup(file);
    const atMs = host.wallMs();
    if (host.isDead) return;
    this.#backup = undefined;
    await announce();
    this.#backup = { file, atMs };
    this.#world.count("operation: backup made");
  }

  /** All that the hub has on disk is gone, and the newest backup is put in its place. Undefined: there is none. */
  async restore(): Promise<boolean> {
    const backup = this.#backup;
    if (backup === undefined || this.#isRestoring) return false;
    this.crash();
    this.#isRestoring = true;
    this.restores++;
    const position = await restoreLedger(this.ledger, backup.file, backup.atMs);
    this.registry.restore(backup.file);
    this.streamImage.restart(position);
    this.model = new StreamModel();
    this.model.readBatches(this.streamImage.before);
    this.#isRestoring = false;
    return true;
  }

  /** As its ledger says; 0: none yet, or it has just been restored and takes another. */
  get epoch(): number {
    const { meta } = this.ledger;
    return meta.get("restored") === "true" ? 0 : Number(meta.get("epoch") ?? 0);
  }

  get isRestoring(): boolean {
    return this.#isRestoring;
  }

  async #open(host: Host): Promise<void> {
    const { files } = this.ledger;
    const ledger = new SimLedger(this.ledger, this.ledgerDisk);
    const registry = new SimRegistry(this.registry, this.registryDisk);
    const stream = new SimStream(this.streamImage, this.streamDisk, this.#world);
    stream.repeats = this.#streamRepeats;
    const hub = await startHub(
      {
        ...{ clock: host, timers: host, random: host.random, log: host.log, metrics: noMetrics },
        ...{ stream, ledger, registry, acceptor: this.#network.acceptor(host, registry) },
        sealed: {
          path: (position) => `sealed-${position}`,
          open: async (file) => files.get(file)?.copy() ?? new MemoryLedger(),
          remove: async (file) => void files.delete(file),
        },
        fileBytes: async () => 0,
      },
      {
        ...{ regions: [], keyPrefix: "sim", checkKey: () => undefined, limits: this.#limits },
        ...{ publishIntervalMs, checkpointIntervalMs },
        ...{ streamRetentionMs: 7 * 86_400_000, sealIntervalMs: 86_400_000 },
        journalSizeMaxBytes: 2 ** 30,
      },
    );
    if (!host.isDead) this.hub = hub;
  }

  #disks(): readonly Disk[] {
    return [this.streamDisk, this.ledgerDisk, this.registryDisk];
  }
}
