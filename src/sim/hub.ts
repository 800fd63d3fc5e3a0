/** A simulated machine with the hub: the real one on simulated disks, clock and network. */

import type { OvershootLimit } from "../hub/counter-limits.ts";
import { type Hub, startHub } from "../hub/hub.ts";
import { MemoryLedger } from "../hub/testing/memory-ledger.ts";
import { Host, type MachineClock, noMetrics } from "./host.ts";
import type { HubPlace, Network } from "./network.ts";
import { Disk, type MountedDisk } from "./storage/disk.ts";
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
  readonly clock: MachineClock = { skewMs: 0, drift: 0 };
  readonly #streamRepeats: number;
  readonly #place: HubPlace;
  /** What the next start reads, and the present one has read. */
  limits: readonly OvershootLimit[];
  host: Host | undefined;
  hub: Hub | undefined;
  starts = 0;
  /** The latest instant by the time of any start before the present one. */
  #latestMs = Number.NEGATIVE_INFINITY;
  #startedMs = 0;

  constructor(
    world: World,
    network: Network,
    streamRepeats: number,
    limits: readonly OvershootLimit[] = [],
    place: HubPlace = "main",
  ) {
    this.limits = limits;
    this.#place = place;
    this.#world = world;
    this.#network = network;
    this.#streamRepeats = streamRepeats;
    this.streamDisk = new Disk(world, "stream-failed");
    this.ledgerDisk = new Disk(world, "ledger-failed");
    this.registryDisk = new Disk(world, "registry-failed");
  }

  start(onStarted: () => void, onFailed: (cause: unknown) => void): void {
    const host = new Host(this.#world, "hub", this.clock);
    this.host = host;
    this.starts++;
    this.#startedMs = host.wallMs();
    const started = (): void => {
      if (!host.isDead) onStarted();
    };
    this.#open(host).then(started, (cause: unknown) => {
      if (host.isDead) return;
      this.crash();
      onFailed(cause);
    });
  }

  crash(): void {
    const host = this.leave();
    if (host === undefined) return;
    this.end(host);
    for (const disk of this.disks) disk.crash();
  }

  /** Its process is not the hub any more, but runs on: another one is about to take its place. */
  leave(): Host | undefined {
    const { host } = this;
    this.#latestMs = this.latestMs;
    this.host = undefined;
    this.hub = undefined;
    return host;
  }

  /** Ends a process. */
  end(host: Host): void {
    host.isDead = true;
    this.#network.closeHub(host);
  }

  /** Stops in order, as a signal makes it. `onStopped` is not called if it is killed meanwhile. */
  stop(onStopped: () => void): void {
    const { hub, host } = this;
    const end = (): void => {
      if (this.host !== host) return;
      this.crash();
      onStopped();
    };
    // While it starts a signal ends it at once.
    if (hub === undefined) end();
    else hub.stop().then(end, end);
  }

  /** By the time of the present start, but for what it follows its wall clock by since: half a millisecond a second at most. */
  get presentMs(): number {
    return this.#startedMs + (this.host?.monotonicMs() ?? 0);
  }

  /** The latest instant that a hub has ever given as the present. */
  get latestMs(): number {
    return Math.max(this.#latestMs, this.presentMs);
  }

  /** Another hub, on copies of what is on the disks now. */
  copy(): SimHub {
    const copy = new SimHub(this.#world, this.#network, 0, this.limits, "copy");
    Object.assign(copy.streamImage, {
      records: [...this.streamImage.records],
      last: this.streamImage.last,
      before: this.streamImage.before,
    });
    const { totals, rows, meta, leases, fold } = this.ledger.copy();
    Object.assign(copy.ledger, { totals, rows, meta, leases, fold });
    const registry = this.registry.copy();
    Object.assign(copy.registry, registry);
    copy.clock.skewMs = this.clock.skewMs;
    return copy;
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
    this.forgetModel();
    this.#isRestoring = false;
    return true;
  }

  /** The stream does not go on from what it was. */
  forgetModel(): void {
    this.model = new StreamModel();
    this.model.readBatches(this.streamImage.before);
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
    const mount = (disk: Disk): MountedDisk => disk.mount(host, host.threads);
    const [streamDisk, ledgerDisk, registryDisk] = [
      mount(this.streamDisk),
      mount(this.ledgerDisk),
      mount(this.registryDisk),
    ];
    // What another process had asked for, and got, is on the disks then.
    await new Promise<void>((resolve) => void host.after(0, resolve));
    const stream = new SimStream(this.streamImage, streamDisk, this.#world);
    const ledger = new SimLedger(this.ledger, ledgerDisk);
    const registry = new SimRegistry(this.registry, registryDisk);
    stream.repeats = this.#streamRepeats;
    const hub = await startHub(
      {
        ...{ clock: host, timers: host, random: host.random, log: host.log, metrics: noMetrics },
        ...{ stream, ledger, registry },
        acceptor: this.#network.acceptor(host, this.#place, registry),
        sealed: {
          path: (position) => `sealed-${position}`,
          open: async (file) => files.get(file)?.copy() ?? new MemoryLedger(),
          remove: async (file) => void files.delete(file),
        },
        fileBytes: async () => 0,
      },
      {
        ...{ regions: [], keyPrefix: "sim", checkKey: () => undefined, limits: this.limits },
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
