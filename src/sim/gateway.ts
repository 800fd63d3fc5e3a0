/** A simulated machine with one gateway process: the real core and pipeline on a simulated disk, clock and network. */

import type { CompiledConfig } from "../access/compiled-config.ts";
import { GatewayCore } from "../gateway/core.ts";
import { Pipeline } from "../gateway/pipeline.ts";
import type { HandlerHost, ResponseParts } from "../ports/handler.ts";
import type { UpstreamClient } from "../ports/upstream.ts";
import type { SimExchange } from "./exchange.ts";
import { Host, type MachineClock, noMetrics } from "./host.ts";
import type { Network, Route } from "./network.ts";
import { Disk } from "./storage/disk.ts";
import { GatewayStoreImage, SimGatewayStore } from "./storage/gateway-store.ts";
import { JournalImage, SimJournal } from "./storage/journal.ts";
import type { World } from "./world.ts";

/** Short, so that journals are trimmed within a run. */
const retentionMs = 20_000;
const journalSizeMaxBytes = 64 * 1024 * 1024;

/** Of ended windows gateways keep totals for a minute, give or take the time between two looks. */
export const forgottenMs = 57_000;
/** How long a gateway that stops waits for replies in progress. */
const answerMsMax = 8_000;
/** Exchanges above which those that are over are forgotten. */
const openMax = 256;

/** The one handler of the cluster: notes that the call reached it, and answers as the client's target has it. */
const handlers: HandlerHost = {
  load: async () => (request) =>
    (request as unknown as SimExchange).forwarded() as unknown as Response,
  files: () => {
    throw new Error("there are no files");
  },
  parts: (response) => response as ResponseParts,
};

function noUpstream(): never {
  throw new Error("there is no upstream");
}

/** No route of the simulated configuration leads to one. */
const noUpstreams: UpstreamClient = {
  forward: noUpstream,
  reserve: noUpstream,
  retain: () => {},
  connectionsTo: () => 0,
  close: async () => {},
};

/** One start of the process: who it was, and when, in the world's time. */
export interface Life {
  readonly producer: string;
  readonly incarnation: string;
  readonly bornMs: number;
  diedMs: number;
}

export interface GatewayDisks {
  readonly journal: JournalImage;
  readonly store: GatewayStoreImage;
}

export class SimGateway {
  readonly name: string;
  readonly region: string;
  readonly route: Route;
  readonly clock: MachineClock;
  readonly journalDisk: Disk;
  readonly stateDisk: Disk;
  journalImage = new JournalImage();
  storeImage = new GatewayStoreImage();
  /** Starts so far. */
  starts = 0;
  host: Host | undefined;
  core: GatewayCore | undefined;
  readonly lives: Life[] = [];
  /** Of the present start. */
  incarnation = "";
  /** Undefined while the process is down or starting. */
  pipeline: Pipeline | undefined;
  /** The latest instant that the present start has taken for certainly passed. */
  latestMs = 0;
  /** The latest instant that it has taken for the present. */
  aheadMs = 0;
  /** Starts that have let batches go which were stored, and then lost. */
  readonly losers = new Set<string>();
  /** Older copies that were put back. */
  copies = 0;
  readonly #world: World;
  readonly #network: Network;
  /** What the next start reads. */
  config: CompiledConfig;
  /** Not answered yet. */
  readonly #open = new Set<SimExchange>();
  readonly #flushIntervalMs: number;
  /** The one that is about to end in order. */
  #stopping: Host | undefined;

  constructor(
    parts: { readonly world: World; readonly network: Network; readonly config: CompiledConfig },
    own: {
      /** Of several gateways that a region had; the region's if it is the first. */
      readonly name?: string;
      readonly region: string;
      readonly route: Route;
      readonly clock: MachineClock;
      readonly flushIntervalMs: number;
    },
  ) {
    this.#world = parts.world;
    this.#network = parts.network;
    this.config = parts.config;
    this.region = own.region;
    this.name = own.name ?? own.region;
    this.route = own.route;
    this.#flushIntervalMs = own.flushIntervalMs;
    this.clock = own.clock;
    this.journalDisk = new Disk(parts.world, "journal-failed");
    this.stateDisk = new Disk(parts.world, "state-failed");
  }

  get isUp(): boolean {
    return this.host !== undefined;
  }

  /** Somebody listens, and calls can be decided. */
  get answers(): boolean {
    const { host, pipeline } = this;
    if (host === undefined || pipeline === undefined) return false;
    return host.pausedUntilMs <= this.#world.nowMs && pipeline.unready() === "";
  }

  get producer(): string {
    return this.journalImage.identity?.producer ?? "";
  }

  /** Those that it has now. */
  get disksName(): string {
    return `${this.producer} ${this.copies}`;
  }

  /** Of the present start. */
  get startName(): string {
    return `${this.name}/${this.starts}`;
  }

  start(onFailed: (cause: unknown) => void): void {
    const host = new Host(this.#world, this.name, this.clock);
    this.host = host;
    this.starts++;
    this.latestMs = 0;
    this.aheadMs = 0;
    this.journalDisk.mount(host, host.threads);
    this.stateDisk.mount(host, host.threads);
    this.#begin(host).catch((cause: unknown) => {
      if (!host.isDead) onFailed(cause);
    });
  }

  /** kill -9, or the power went off. */
  crash(): void {
    const { host } = this;
    if (host === undefined) return;
    host.isDead = true;
    const life = this.lives.at(-1);
    if (life !== undefined) life.diedMs = Math.min(life.diedMs, this.#world.nowMs);
    this.host = undefined;
    this.core = undefined;
    this.pipeline = undefined;
    this.#open.clear();
    this.journalDisk.crash();
    this.stateDisk.crash();
    this.#network.cut(this.producer);
  }

  /** The machine burns down, and another with empty disks takes its place. What was on them. */
  loseDisks(): JournalImage {
    this.crash();
    const lost = this.journalImage;
    this.journalImage = new JournalImage();
    this.storeImage = new GatewayStoreImage();
    return lost;
  }

  /** What is on its disks now. */
  copyDisks(): GatewayDisks {
    return { journal: this.journalImage.copy(), store: this.storeImage.copy() };
  }

  /** It is killed, and an older copy of its disks takes their place. The journal that is gone. */
  putBack(copy: GatewayDisks): JournalImage {
    this.crash();
    const lost = this.journalImage;
    this.journalImage = copy.journal;
    this.storeImage = copy.store;
    this.copies++;
    return lost;
  }

  take(exchange: SimExchange): void {
    this.pipeline?.take(exchange);
    if (exchange.status === 0) this.#open.add(exchange);
    if (this.#open.size > openMax) this.#forgetAnswered();
  }

  /**
   * Stops in order, as a signal makes it: closes the door, answers who is inside, and only then ends. `onStopped` is not
   * called if it is killed meanwhile, nor if it is stopping already.
   */
  stop(onStopped: () => void): void {
    const { host, pipeline, core } = this;
    if (host !== undefined && host === this.#stopping) return;
    // While it starts a signal ends it at once.
    if (host === undefined || pipeline === undefined || core === undefined) {
      this.crash();
      return onStopped();
    }
    this.#stopping = host;
    pipeline.beginStop();
    this.pipeline = undefined;
    const deadlineMs = this.#world.nowMs + answerMsMax;
    const end = (): void => {
      if (host.isDead) return;
      this.crash();
      onStopped();
    };
    const wait = (): void => {
      this.#forgetAnswered();
      if (this.#open.size > 0 && this.#world.nowMs < deadlineMs) {
        host.after(20, wait);
        return;
      }
      pipeline.stop();
      core.stop().then(end, end);
    };
    wait();
  }

  /** What is on its disk and not where `isSent` looks: batches, and charges that are in none. */
  unsent(isSent: (batch: string) => boolean): number {
    let unsent = 0;
    for (const { incarnation, batches, open } of this.journalImage.incarnations) {
      unsent += open.length;
      for (const seq of batches.keys()) {
        if (!isSent(`${this.producer}/${incarnation}/${seq}`)) unsent++;
      }
    }
    return unsent;
  }

  #forgetAnswered(): void {
    for (const exchange of this.#open) if (exchange.status !== 0) this.#open.delete(exchange);
  }

  async #begin(host: Host): Promise<void> {
    const journal = new SimJournal(this.journalImage, {
      disk: this.journalDisk,
      random: host.random,
      sizeMaxBytes: journalSizeMaxBytes,
    });
    const { incarnation, identity } = journal;
    const times = { bornMs: this.#world.nowMs, diedMs: Number.POSITIVE_INFINITY };
    this.incarnation = incarnation;
    this.lives.push({ producer: identity.producer, incarnation, ...times });
    if (journal.leases.length > 0) this.#world.count("recovery: leases given back");
    if (journal.remains !== undefined) this.#world.count("recovery: open records sealed");
    const { region } = this;
    const { log, random } = host;
    const { config } = this;
    const core = new GatewayCore(
      {
        region,
        process: 0,
        listen: "",
        flushIntervalMs: this.#flushIntervalMs,
        retentionMs,
        rules: { plans: config.plans, version: "" },
      },
      {
        ...{ journal, log, random, clock: host, timers: host, metrics: noMetrics },
        store: new SimGatewayStore(this.storeImage, this.stateDisk),
        dialer: this.#network.dialer(journal.identity, this.route, host),
      },
    );
    this.core = core;
    await core.start();
    const pipeline = await Pipeline.create(
      {
        ...{
          region,
          meter: core.meter,
          leases: core.leases,
          refusals: core.refusals,
          time: core.time,
          handlers,
          upstreams: noUpstreams,
        },
        tables: () => core.view.tables,
        publicStatus: () => undefined,
        viewAgeMs: (nowMs) => core.view.ageMs(nowMs),
        cutOffMs: (nowMs) => core.cutOffMs(nowMs),
        credentials: () => core.credentials,
        unready: () => (core.isReady ? "" : "not ready"),
        ...{ clock: host, timers: host, random, log, metrics: noMetrics },
      },
      config,
    );
    if (host.isDead) return;
    journal.onStored((position) => pipeline.stored(position));
    this.pipeline = pipeline;
  }
}
