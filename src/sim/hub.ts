/** A simulated machine with the hub: the real one on simulated disks, clock and network. */

import { type Hub, startHub } from "../hub/hub.ts";
import type { OvershootLimit } from "../hub/overshoot.ts";
import { MemoryLedger } from "../hub/testing/memory-ledger.ts";
import { Host, type MachineClock, noMetrics } from "./host.ts";
import type { Network } from "./network.ts";
import { Disk } from "./storage/disk.ts";
import { SimLedger, SimRegistry } from "./storage/hub-stores.ts";
import { SimStream, StreamImage } from "./storage/usage-stream.ts";
import { StreamModel } from "./stream-model.ts";
import type { World } from "./world.ts";

export const publishIntervalMs = 10;
const checkpointIntervalMs = 2_000;
/** Of ended windows gateways keep totals for a minute, give or take what they know of the hub's time. */
const forgottenMs = 58_000;
/** What a hub's time differs from its clock's by slewing, at most. */
const slewedMs = 1_000;

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
  readonly ledger = new SimLedger();
  readonly registry = new SimRegistry();
  readonly #world: World;
  readonly #network: Network;
  readonly clock: MachineClock = { skewMs: 0, drift: 0 };
  readonly #streamRepeats: number;
  readonly #limits: readonly OvershootLimit[];
  host: Host | undefined;
  hub: Hub | undefined;
  starts = 0;
  /** The latest instant by the time of any start before the present one. */
  #latestMs = Number.NEGATIVE_INFINITY;
  #startedMs = 0;
  /** The clock was put back: what had ended by this instant may be forgotten, and begins anew. */
  reopenedUntilMs = Number.NEGATIVE_INFINITY;

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
    this.ledger.disk = this.ledgerDisk;
    this.registry.disk = this.registryDisk;
  }

  start(onFailed: (cause: unknown) => void): void {
    const host = new Host(this.#world, "hub", this.clock);
    this.host = host;
    this.starts++;
    this.#startedMs = host.wallMs();
    if (this.#startedMs < this.#latestMs - slewedMs) {
      this.reopenedUntilMs = Math.max(this.reopenedUntilMs, this.#latestMs - forgottenMs);
    }
    for (const disk of this.disks) disk.mount(host, host.threads);
    this.#open(host).catch((cause: unknown) => {
      if (host.isDead) return;
      this.crash();
      onFailed(cause);
    });
  }

  crash(): void {
    if (this.host === undefined) return;
    this.#latestMs = this.latestMs;
    this.host.isDead = true;
    this.host = undefined;
    this.hub = undefined;
    this.#network.closeHub();
    for (const disk of this.disks) disk.crash();
  }

  /** The latest instant that a hub has ever given as the present. */
  get latestMs(): number {
    return Math.max(this.#latestMs, this.#startedMs + (this.host?.monotonicMs() ?? 0));
  }

  /** So long ago, by its time, that gateways forget totals of a window that ended then. */
  get forgottenMs(): number {
    return this.latestMs - forgottenMs;
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
    const position = await this.ledger.restore(backup.file, backup.atMs);
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
    const { ledger, registry } = this;
    const stream = new SimStream(this.streamImage, this.streamDisk, this.#world);
    stream.repeats = this.#streamRepeats;
    const hub = await startHub(
      {
        ...{ clock: host, timers: host, random: host.random, log: host.log, metrics: noMetrics },
        ...{ stream, ledger, registry, acceptor: this.#network.acceptor(host) },
        sealed: {
          path: (position) => `sealed-${position}`,
          open: async (file) => ledger.files.get(file)?.copy() ?? new MemoryLedger(),
          remove: async (file) => void ledger.files.delete(file),
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

  get disks(): readonly Disk[] {
    return [this.streamDisk, this.ledgerDisk, this.registryDisk];
  }
}
