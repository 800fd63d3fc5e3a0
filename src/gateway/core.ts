/**
 * A gateway without its door: journal, view, keys, meter and the session with the hub, put together.
 * The pipeline decides and charges with these; nothing here is on the path of a request.
 *
 * Start: what the journal holds open is sealed under the incarnation that charged it; the saved view and keys
 * are loaded; own charges above the view's watermarks are added; then the hub is called. A gateway that has
 * never joined a cluster is not ready until the hub has given it the cluster's key, keys and totals.
 */

import { type KeyTable, keyTable } from "../access/key-table.ts";
import { type HashKey, hashKeyFromHex } from "../base/hash.ts";
import { type EpochMs, producerKey } from "../base/words.ts";
import { HeldCounters } from "../limits/held-counters.ts";
import type { Plan } from "../limits/plan.ts";
import type { Clock, Random, Timer, Timers } from "../ports/clock.ts";
import type { GatewayStore, SavedCluster } from "../ports/gateway-store.ts";
import type { Journal } from "../ports/journal.ts";
import { type Heartbeat, type Hello, type LinkDialer, type Welcome } from "../ports/link.ts";
import type { Log } from "../ports/log.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { Prober } from "../ports/prober.ts";
import { CallRate } from "./call-rate.ts";
import { type ConfigTaker, offerOf } from "./config-offer.ts";
import { type GatewayMetrics, gatewayMetrics } from "./gateway-metrics.ts";
import { heartbeat } from "./heartbeat.ts";
import { hello } from "./hello.ts";
import { HubSession, type SessionParts } from "./hub-session.ts";
import { giveKeysBack, KeyReplica } from "./key-replica.ts";
import { LagMeter } from "./lag-meter.ts";
import { demandsOfKeys } from "./lease-ahead.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { giveLeasesBack } from "./lease-restart.ts";
import { Meter } from "./meter.ts";
import { NodeTime } from "./node-time.ts";
import { OwnAge } from "./own-age.ts";
import { OwnCharges } from "./own-charges.ts";
import { PeakUnits } from "./peak-units.ts";
import { RefusalTally } from "./refusal-tally.ts";
import { RegionView } from "./region-view.ts";
import { sealRemains } from "./seal-remains.ts";
import { Sender } from "./sender.ts";
import { loadOwn } from "./snapshot-builder.ts";
import { StalenessGuard } from "./staleness-guard.ts";
import { StatusPart } from "./status-part.ts";
import { Trimmer } from "./trimmer.ts";
import { ViewFeed } from "./view-feed.ts";
import { ViewSaver } from "./view-saver.ts";

/** Between saves of the view; what a restart has to catch up is at most this much. */
export const viewSaveIntervalMs = 2_000;
export const trimIntervalMs = 10_000;
/** How long a stopping gateway waits for the hub to cover what it sent. What is left stays in the journal. */
export const drainMaxMs = 5_000;
const drainStepMs = 20;

export interface CoreOptions {
  readonly region: string;
  readonly process: number;
  /** The public address, for status. */
  readonly listen: string;
  readonly flushIntervalMs: number;
  readonly retentionMs: number;
  /** As of the start. */
  readonly rules: GatewayRules;
  /** Left out: the hub offers this gateway no configurations. */
  readonly configs?: ConfigTaker | undefined;
}

/** What a changed configuration changes while the gateway runs. */
export interface GatewayRules {
  /** New keys of plans with strict limits are given some quota ahead. */
  readonly plans: readonly Plan[];
  /** Told to the hub; "" if nobody compares. */
  readonly version: string;
}

export interface CorePorts {
  readonly journal: Journal;
  readonly store: GatewayStore;
  readonly dialer: LinkDialer;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Undefined: the gateway neither probes other regions nor keeps the public status. */
  readonly prober?: Prober;
}

export class GatewayCore {
  readonly options: CoreOptions;
  readonly time: NodeTime;
  readonly view: RegionView;
  readonly meter: Meter;
  readonly session: HubSession;
  readonly leases: LeaseKeeper;
  readonly status: StatusPart;
  readonly refusals = new RefusalTally();
  /** Undefined until the gateway belongs to a cluster. */
  keys: KeyReplica | undefined;
  /** The cluster's key for fingerprints and its key table; undefined with `keys`. */
  credentials: { readonly hashKey: HashKey; readonly table: KeyTable } | undefined;
  readonly #ports: CorePorts;
  readonly #sender: Sender;
  readonly #feed: ViewFeed;
  readonly #saver: ViewSaver;
  readonly #trimmer: Trimmer;
  readonly #lag = new LagMeter();
  readonly #peak = new PeakUnits();
  readonly #metrics: GatewayMetrics;
  readonly #timers: Timer[] = [];
  #isTrimDue = false;
  #rules: GatewayRules;
  #cluster: SavedCluster | undefined;
  readonly #rate = new CallRate();
  readonly #guard = new StalenessGuard();
  readonly #ownAge: OwnAge;

  constructor(options: CoreOptions, ports: CorePorts) {
    this.options = options;
    this.#rules = options.rules;
    this.#ports = ports;
    const { journal, log } = ports;
    const { producer } = journal.identity;
    this.#metrics = gatewayMetrics(ports.metrics, options.region);
    this.time = new NodeTime(ports.clock);
    this.view = new RegionView({ region: options.region, producer }, new OwnCharges());
    this.#sender = new Sender(journal, log);
    this.meter = new Meter({
      journal,
      region: options.region,
      tables: () => this.view.tables,
      own: () => this.view.own,
      listener: {
        sealed: (seq, bytes) => this.#sender.sealed(seq, bytes),
        failed: (cause) => log.error("a batch could not be sealed", {}, cause),
      },
    });
    this.#feed = new ViewFeed({
      view: this.view,
      journal,
      meter: this.meter,
      time: this.time,
      log,
      lag: this.#lag,
      onLag: (lagMs) => this.#metrics.lag.observe(lagMs / 1000),
      onCovered: (incarnation, seq) => this.#sender.covered(incarnation, seq),
      end: () => this.session.end,
    });
    this.leases = new LeaseKeeper({
      ...{ held: new HeldCounters(), journal, clock: ports.clock, timers: ports.timers },
      nowMs: () => this.time.nowMs(),
      epoch: () => this.view.version.epoch,
      send: () => {
        const { end } = this.session;
        return end && ((message) => end.send(message));
      },
      close: (lease) => this.meter.closeLease(lease, this.time.nowMs()),
    });
    this.#ownAge = new OwnAge({ view: this.view, meter: this.meter, journal });
    this.#saver = new ViewSaver(ports.store, this.view, log);
    this.#trimmer = new Trimmer(journal, ports.store, options.retentionMs);
    this.status = new StatusPart({
      ...{ ...ports, region: options.region, prober: ports.prober },
      ...{ timeMs: () => this.time.nowMs(), end: () => this.session.end },
    });
    this.session = new HubSession(this.#sessionParts(), { ...ports, time: this.time });
    ports.metrics.onCollect(() => this.#collect());
  }

  /** True when calls can be decided: keys and totals of the cluster are known. */
  get isReady(): boolean {
    return this.keys?.isLoaded === true && this.view.version.epoch > 0;
  }

  /** How long this gateway may have been deciding without the others, as of now. See `StalenessGuard`. */
  cutOffMs(nowMs: EpochMs): number {
    return this.#guard.cutOffMs(nowMs, this.#ports.clock.monotonicMs(), this.#ownAge.look());
  }

  /** Takes changed rules, from the next call on. */
  reconfigure(rules: GatewayRules): void {
    this.#rules = rules;
    this.leases.reconfigure(rules.plans);
  }

  async start(): Promise<void> {
    const { journal, store, timers, log } = this.#ports;
    const { region } = this.options;
    await sealRemains(journal, { region, log, nowMs: this.time.nowMs() });
    await giveLeasesBack(journal, this.meter, { log, nowMs: this.time.nowMs() });
    const cluster = await store.loadCluster();
    if (cluster !== undefined) await this.#join(cluster).load();
    await this.#loadView();
    await this.status.copy.load();
    await this.#trimmer.load();
    const { tables, own, watermarks, producer } = this.view;
    const watermark = (incarnation: string): number =>
      watermarks.get(producerKey(producer, incarnation)) ?? 0;
    await loadOwn(journal, { tables, own, watermark }, (incarnation, seq) => {
      log.error("a stored batch is damaged", { incarnation, seq });
    });
    const { flushIntervalMs } = this.options;
    this.#timers.push(
      timers.every(flushIntervalMs, () => void this.meter.flush(this.time.nowMs())),
      timers.every(viewSaveIntervalMs, () => void this.#saver.save()),
      timers.every(trimIntervalMs, () => {
        this.#isTrimDue = true;
      }),
    );
    this.#lookAtGuard();
    this.session.start();
  }

  /** After the door is closed: seals, sends, waits (bounded) until the hub has it, saves, closes. */
  async stop(): Promise<void> {
    const { clock, journal, store } = this.#ports;
    const deadline = clock.monotonicMs() + drainMaxMs;
    await this.leases.stop(() => this.meter.flush(this.time.nowMs()));
    do {
      await this.meter.flush(this.time.nowMs());
      if (!this.session.isConnected) break;
      if (this.meter.open.firstChargeAtMs === 0 && this.view.own.outstanding().batches === 0) break;
      await this.#wait(drainStepMs);
    } while (clock.monotonicMs() < deadline);
    for (const timer of this.#timers) timer.cancel();
    this.status.stop();
    await this.#saver.save();
    this.session.stop();
    await journal.close();
    await store.close();
  }

  async #loadView(): Promise<void> {
    const windows = new Set<string>();
    const saved = await this.#ports.store.loadView((columns) => {
      windows.add(columns.window);
      this.view.restoreWindow(columns, this.time.certainMs());
    });
    if (saved === undefined) return;
    this.view.restore(saved);
    this.time.notBefore(saved.asOfMs);
    this.#saver.loaded(windows);
  }

  /** Makes the key table of a cluster; empty until keys are loaded or come from the hub. */
  #join(cluster: SavedCluster): KeyReplica {
    const hashKey = hashKeyFromHex(cluster.hashKey);
    const table = keyTable({ hashKey });
    const { store, log } = this.#ports;
    this.credentials = { hashKey, table };
    this.keys = new KeyReplica({ table, store, log, propagation: this.#metrics.propagation });
    this.#cluster = cluster;
    return this.keys;
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#ports.timers.after(ms, resolve));
  }

  async #trim(): Promise<void> {
    this.#isTrimDue = false;
    const covered = { saved: this.#saver.saved, view: this.view.watermarks };
    try {
      await this.#trimmer.trim(covered, this.time.nowMs());
    } catch (cause) {
      this.#ports.log.error("the journal could not be trimmed; trying again", {}, cause);
    }
  }

  #sessionParts(): SessionParts {
    const feed = (): ViewFeed => this.#feed;
    return {
      hello: () => this.#hello(),
      heartbeat: (id, sentAtMs) => this.#heartbeat(id, sentAtMs),
      welcomed: (welcome, end) => {
        const refusal = this.#welcomed(welcome);
        if (refusal === undefined) this.#sender.connected(end, welcome.watermarks);
        return refusal;
      },
      heartbeatAnswered: (reply) => {
        this.#lookAtGuard();
        this.#trimmer.announced(reply.backup);
        this.status.copy.confirmed(reply.hubTimeMs);
        if (!feed().isCurrent) return;
        this.view.asOfMs = Math.max(this.view.asOfMs, reply.hubTimeMs);
        this.#guard.echoed(reply.sentAtMs);
        if (this.#isTrimDue) void this.#trim();
      },
      timeSteppedBack: () => feed().askForSnapshot(),
      update: (update) => feed().update(update),
      snapshotBegin: (epoch) => feed().snapshotBegin(epoch),
      snapshotPart: (payload) => feed().snapshotPart(payload),
      snapshotEnd: (version, payload) => feed().snapshotEnd(version, payload),
      registry: (message, packed) => this.#takeKeys({ ...message, packed }),
      registryWanted: (after) => void giveKeysBack(after, this.#ports, this.session.end),
      resend: (incarnation, from) => this.#sender.resend(incarnation, from),
      audit: (request) => feed().audit({ kind: "audit", ...request }),
      leaseAnswer: (epoch, answers) => this.leases.answered(epoch, answers),
      leaseWanted: (counters) => this.leases.wanted(counters),
      config: (message, payload) => this.options.configs?.offered(offerOf(message, payload)),
      probePlan: (targets) => this.status.plan(targets),
      publicStatus: (payload) => this.status.take(payload),
      connected: () => this.leases.connected(),
      disconnected: () => {
        this.#sender.disconnected();
        this.#feed.disconnected();
      },
      tick: () => {
        const nowMs = this.#ports.clock.monotonicMs();
        this.#rate.tick(this.meter.calls, nowMs);
        this.#peak.tick(this.meter.grossUnits, nowMs);
        this.#ownAge.tick();
        this.#lookAtGuard();
        this.#sender.pump();
        this.leases.tick();
      },
    };
  }

  #heartbeat(id: number, sentAtMs: number): Heartbeat {
    return heartbeat(
      { id, sentAtMs, nowMs: this.time.nowMs() },
      {
        ...{ view: this.view, meter: this.meter, lag: this.#lag, peak: this.#peak },
        health: this.#ports.journal.health(),
        registryVersion: this.keys?.savedVersion ?? 0,
        rulesVersion: this.#rules.version,
        keyLagMs: this.keys?.lagMs,
        callsPerSecond: this.#rate.perSecond,
        roundTripMs: this.time.roundTripMs,
        config: this.options.configs?.state(),
        refusals: this.refusals.take(),
      },
    );
  }

  #hello(): Hello {
    const { journal } = this.#ports;
    const { region, process, listen } = this.options;
    return hello({
      ...{ journal, region, process, listen },
      clusterId: this.#cluster?.clusterId ?? "",
      view: this.view.version,
      registryVersion: this.keys?.savedVersion ?? 0,
      takesStatus: this.status.isTaken || undefined,
    });
  }

  #welcomed(welcome: Welcome): string | undefined {
    const { clusterId, hashKey } = welcome;
    if (this.#cluster !== undefined) {
      if (this.#cluster.clusterId === clusterId) return undefined;
      return "this data folder belongs to another cluster; use an empty one";
    }
    const { store, log } = this.#ports;
    const cluster = { clusterId, hashKey };
    this.#join(cluster);
    store.saveCluster(cluster).catch((cause: unknown) => {
      log.error("the cluster could not be saved", {}, cause);
    });
    return undefined;
  }

  #takeKeys(message: { packed: Uint8Array; version: number; last: boolean }): void {
    const at = { nowMs: this.time.nowMs(), wait: (ms: number) => this.#wait(ms) };
    const wasLoaded = this.keys?.isLoaded === true;
    this.keys?.take(message, at, (version) => {
      this.session.end?.send({ kind: "registry-ack", version });
    });
    if (!wasLoaded || this.credentials === undefined) return;
    const { hashKey } = this.credentials;
    const { plans } = this.#rules;
    for (const demand of demandsOfKeys(message.packed, { plans, hashKey, nowMs: at.nowMs })) {
      this.leases.demand(demand);
    }
  }

  /** Before the first charge, after each answer, which may set node time back, and now and then, whether calls ask or not. */
  #lookAtGuard(): void {
    this.cutOffMs(this.time.nowMs());
  }

  #collect(): void {
    const nowMs = this.time.nowMs();
    const own = this.view.own.outstanding();
    const health = this.#ports.journal.health();
    this.#metrics.collect({
      viewAgeSeconds: this.view.ageMs(nowMs) / 1000,
      unacknowledgedUnits: own.units + this.meter.open.units,
      pendingBatches: own.batches,
      journal: health,
      unmeteredCalls: this.meter.unmeteredCalls,
      connected: this.session.isConnected,
      keys: this.keys?.table.count ?? 0,
      timeDisciplined: this.time.isDisciplined,
      leases: this.leases.units(),
    });
  }
}
