/**
 * The hub: folds the usage stream of all producers into totals, saves them, and gives them back to every gateway.
 * This file puts the parts together; each decides one thing.
 */

import type { EpochMs, Incarnation, ProducerId, Seq } from "../base/words.ts";
import type { Clock, Timer, Timers } from "../ports/clock.ts";
import type { FoldCheckpoint } from "../ports/ledger-store.ts";
import type { Hello } from "../ports/link.ts";
import type { Log } from "../ports/log.ts";
import type { UsageStream } from "../ports/usage-stream.ts";
import { Backups } from "./backups.ts";
import { Checkpoints } from "./checkpoints.ts";
import { CloneWatch } from "./clone-watch.ts";
import type { AnnouncedConfig } from "./config-announcement.ts";
import { Consumer } from "./consumer.ts";
import { declareLost } from "./declare-lost.ts";
import { expireWindows, expiryIntervalMs } from "./expiry.ts";
import { ForeignVersions } from "./foreign-versions.ts";
import { gapLookMs } from "./gap-watch.ts";
import type { GatewaySession } from "./gateway-session.ts";
import type { HubApi, VerifyReport } from "./hub-api.ts";
import { damagedText, type LoadedHub, loadHub } from "./hub-load.ts";
import { HubMetrics } from "./hub-metrics.ts";
import type { HubDeps, HubOptions, HubRules } from "./hub-options.ts";
import type { Cluster, HubParts } from "./hub-parts.ts";
import { hubGauges, hubStatus, processes, type ReportSource } from "./hub-report.ts";
import type { HubState } from "./hub-state.ts";
import { HubTime } from "./hub-time.ts";
import { KeyRefusals } from "./key-refusals.ts";
import { LeaseDesk } from "./lease-desk.ts";
import { clearRestored } from "./ledger-meta.ts";
import { counterSources, NearLimitWatch } from "./near-limits.ts";
import { olderCopy } from "./older-copy.ts";
import { OvershootAudit, overshootBound } from "./overshoot.ts";
import { Registry } from "./registry.ts";
import { Replicator } from "./replicator.ts";
import type { Sealer } from "./sealer.ts";
import { Sessions } from "./sessions.ts";
import type { StatusListener } from "./status-desk.ts";
import { Verification } from "./verify.ts";

export interface Hub {
  readonly api: HubApi;
  /** The cluster's time. */
  nowMs(): EpochMs;
  /** Takes changed rules; rejects with `stream-failed`, and nothing has changed, if strict limits cannot be written down. */
  reconfigure(rules: HubRules): Promise<void>;
  /** Gateways that take configurations over the link get this one, those that come later too. */
  announceConfig(config: AnnouncedConfig): void;
  /** Ends all sessions and saves a last checkpoint. */
  stop(): Promise<void>;
}

/** Findings kept for status, at most. */
const findingsMax = 20;
const slewIntervalMs = 1_000;
/** Epochs and registry versions that a gateway may name, at most: beyond is a fault, and following it would use numbers up. */
const heardMax = 2 ** 52;

/** Loads the ledger, folds the stream to its end, and only then lets gateways in. */
export async function startHub(deps: HubDeps, options: HubOptions): Promise<Hub> {
  const loaded = await loadHub(deps);
  const hub = new RunningHub(deps, options, loaded);
  if (loaded.isRestored) await hub.beginRestored();
  await hub.desk.begin();
  hub.open();
  return hub;
}

class RunningHub implements Hub, HubParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly stream: UsageStream;
  readonly cluster: Cluster;
  readonly state: HubState;
  readonly time: HubTime;
  readonly registry: Registry;
  readonly replicator: Replicator;
  readonly desk: LeaseDesk;
  readonly refusals = new KeyRefusals();
  readonly metrics: HubMetrics;
  readonly status: StatusListener | undefined;
  readonly api: HubApi;
  readonly #deps: HubDeps;
  readonly #options: HubOptions;
  #rules: HubRules;
  readonly #consumer: Consumer;
  readonly #checkpoints: Checkpoints;
  readonly #sessions: Sessions;
  readonly #sealer: Sealer;
  readonly #overshoot: OvershootAudit;
  readonly #nearLimits: NearLimitWatch;
  readonly #clones = new CloneWatch();
  readonly #foreign: ForeignVersions;
  readonly #running: Timer[] = [];
  #findings: string[];
  announced: AnnouncedConfig | undefined;
  readonly #backups: Backups;
  #verification: { readonly run: Verification; readonly report: Promise<VerifyReport> } | undefined;
  #streamFailedAtMs = Number.NEGATIVE_INFINITY;

  constructor(deps: HubDeps, options: HubOptions, loaded: LoadedHub) {
    this.#deps = deps;
    this.#options = options;
    this.#rules = options;
    this.announced = options.config;
    this.clock = deps.clock;
    this.timers = deps.timers;
    this.log = deps.log;
    this.stream = deps.stream;
    this.status = deps.status;
    this.cluster = loaded.cluster;
    this.state = loaded.state;
    this.#sealer = loaded.sealer;
    this.#findings = [...loaded.findings].slice(0, findingsMax);
    this.time = new HubTime(deps.clock);
    this.metrics = new HubMetrics(deps.metrics, () => hubGauges(this.#report()));
    this.registry = this.#makeRegistry();
    this.replicator = this.#makeReplicator(loaded.epoch);
    this.#checkpoints = this.#makeCheckpoints(loaded.saved);
    const hubTimeMs = () => this.time.nowMs();
    this.#backups = new Backups(
      { ...deps, checkpoints: this.#checkpoints, hubTimeMs },
      loaded.backup,
    );
    this.#sessions = new Sessions(this);
    this.desk = this.#makeDesk();
    this.#foreign = new ForeignVersions({
      ...{ ledger: deps.ledger, random: deps.random, log: this.log, reigns: loaded.reigns },
      replicator: this.replicator,
      desk: this.desk,
      find: (finding) => this.#find(finding),
    });
    this.#consumer = new Consumer(deps.stream, loaded.state, {
      onFolded: () => this.replicator.changed(),
      onDamaged: (position, reason) => this.#find(damagedText(position, reason)),
      onOutcome: (outcome) => this.metrics.record(outcome),
    });
    this.#overshoot = this.#makeOvershoot();
    this.#nearLimits = new NearLimitWatch({
      ...counterSources(this, deps.ledger),
      limits: () => this.#rules.limits,
    });
    this.api = this.#makeApi();
  }

  /** The data folder comes from a backup: nothing of what it will say may be taken for what the old hub said. */
  async beginRestored(): Promise<void> {
    this.registry.startEra();
    await this.#sealer.forget();
    await this.desk.fence();
    // The stream goes on behind the backup, so recomputing must start from it.
    await this.#checkpoints.hold(({ version }) =>
      this.#sealer.seal(version.position, this.time.nowMs()),
    );
    await clearRestored(this.#deps.ledger);
    this.log.warn("the hub was restored from a backup", { epoch: this.replicator.version.epoch });
  }

  open(): void {
    const { timers } = this;
    this.#checkpoints.start(this.#options.checkpointIntervalMs);
    this.#running.push(
      timers.every(gapLookMs, () => this.#sessions.look()),
      timers.every(slewIntervalMs, () => this.time.slew()),
      timers.every(expiryIntervalMs, () => expireWindows(this)),
      this.#overshoot.start(this),
      this.#nearLimits.start(this),
      timers.every(this.#options.sealIntervalMs, () => void this.#seal()),
    );
    this.#sessions.accept(this.#deps.acceptor);
    const { epoch, position } = this.replicator.version;
    this.log.info("the hub is open", { epoch, position, counters: this.state.totals.counters });
  }

  nowMs(): EpochMs {
    return this.time.nowMs();
  }

  async reconfigure(rules: HubRules): Promise<void> {
    await this.desk.reconfigure(rules.limits);
    this.#rules = rules;
    this.#overshoot.reconfigure(rules.limits);
  }

  announceConfig(config: AnnouncedConfig): void {
    this.announced = config;
    this.#sessions.onConfigChanged();
  }

  async stop(): Promise<void> {
    for (const timer of this.#running) timer.cancel();
    this.#sessions.close("the hub stops");
    this.#verification?.run.cancel();
    this.replicator.stop();
    await this.#verification?.report.catch(() => undefined);
    await this.#checkpoints.stop();
  }

  onHello(session: GatewaySession, hello: Hello): void {
    const { view, registryVersion } = hello;
    if (view.epoch > heardMax || registryVersion > heardMax) {
      return session.refuse("hub-refused", "the gateway names a version that no hub gave");
    }
    const { region, process, producer, incarnation } = hello;
    if (this.#clones.heard(producer, incarnation, this.clock.monotonicMs())) {
      this.#find(
        `two processes run with the journal of ${region}/${process}: a data folder was copied; stop one and give it an empty one`,
      );
      const detail =
        "another process runs with a copy of this journal; start with an empty data folder";
      return session.refuse("hub-refused", detail);
    }
    this.log.info("a gateway came", { region, process, producer });
    const older = olderCopy(hello, this.state.fold);
    if (older !== undefined) this.#find(older);
    if (registryVersion > this.registry.version) {
      this.registry.startEra(registryVersion);
      this.log.warn("a gateway has newer keys than the hub", { registryVersion });
    }
    const noted = this.#foreign.heard(view);
    if (noted === undefined) return session.welcome();
    noted
      .then(() => session.welcome())
      .catch((error: unknown) => {
        this.log.error("a higher epoch could not be saved", {}, error);
        session.close("ledger-failed");
      });
  }

  onAppendFailed(session: GatewaySession, incarnation: Incarnation, error: unknown): void {
    this.metrics.batch("failed");
    const nowMs = this.clock.monotonicMs();
    // Once, not for each of the thousands of batches of a disk that is full.
    if (nowMs - this.#streamFailedAtMs > 10_000) {
      this.log.error("the usage stream could not be written", {}, error);
    }
    this.#streamFailedAtMs = nowMs;
    this.#sessions.retryLater(session.peer.producer, incarnation);
  }

  coverage(producer: ProducerId): readonly (readonly [Incarnation, Seq])[] | undefined {
    return this.#backups.coverage(producer);
  }

  #makeRegistry(): Registry {
    return new Registry(this.#deps.registry, {
      prefix: () => this.#rules.keyPrefix,
      hubTimeMs: () => this.time.nowMs(),
      random: this.#deps.random,
      check: (plan, restrict) => this.#rules.checkKey(plan, restrict),
      onMove: (keyId, plan, anchorDay) => this.desk.moved(keyId, plan, anchorDay),
      onChanged: (rows) => this.#sessions.onRegistryChanged(rows),
    });
  }

  #makeReplicator(epoch: number): Replicator {
    return new Replicator(this.state, this.#deps, {
      epoch,
      publishIntervalMs: this.#options.publishIntervalMs,
      hubTimeMs: () => this.time.nowMs(),
      onPublished: ({ bytes }) => this.metrics.update(bytes.length),
    });
  }

  #makeCheckpoints(saved: FoldCheckpoint): Checkpoints {
    const { clock, timers, ledger } = this.#deps;
    const events = {
      publish: () => {
        this.replicator.publish();
        return this.replicator.version;
      },
      hubTimeMs: () => this.time.nowMs(),
      onWritten: (seconds: number) => this.metrics.checkpoint(seconds),
      onFailed: (error: unknown) => {
        this.metrics.checkpointFailed();
        this.log.error("a checkpoint could not be written", {}, error);
      },
    };
    return new Checkpoints(this.state, ledger, { clock, timers, events, saved });
  }

  #makeOvershoot(): OvershootAudit {
    const { limits } = this.#options;
    return new OvershootAudit({
      ...counterSources(this, this.#deps.ledger),
      limits,
      boundUnits: () => overshootBound(processes(this.#report())),
      onOvershoot: (limit, units) => this.metrics.overshoot(limit, units),
    });
  }

  #makeDesk(): LeaseDesk {
    return new LeaseDesk({
      ...{ state: this.state, stream: this.stream, time: this.time },
      limits: this.#options.limits,
      hashKey: this.cluster.hashKey,
      registry: () => this.registry,
      sessionOf: (holder) => this.#sessions.ofHolder(holder),
      onResult: (result) => this.metrics.lease(result),
      onFailed: (error) => {
        this.log.warn("a grant could not be stored", { error: String(error) });
      },
    });
  }

  /** Asks the ledger, once it has all that is folded now. */
  async #covered<T>(ask: (ledger: HubDeps["ledger"]) => Promise<T>): Promise<T> {
    await this.#checkpoints.flush();
    return ask(this.#deps.ledger);
  }

  #makeApi(): HubApi {
    return {
      registry: this.registry,
      status: () => hubStatus(this.#report()),
      refusals: (keys) => this.refusals.of(keys, this.time.nowMs()),
      nearLimits: () => this.#nearLimits.ask(this.clock.monotonicMs()),
      usage: (query) => this.#covered((ledger) => ledger.usage(query)),
      usagePage: (query) => this.#covered((ledger) => ledger.usagePage(query)),
      openReport: (query, format) => this.#covered((ledger) => ledger.openReport(query, format)),
      outcomes: (query) => this.#covered((ledger) => ledger.outcomes(query)),
      verify: () => this.#verify(),
      backup: (file) => this.#backups.make(file),
      liftFence: async () => {
        await this.desk.liftFence();
        this.#find("the operator has lifted the fence of strict limits");
      },
      declareLost: (producer, incarnation) => {
        const isConnected = (id: ProducerId): boolean => this.#sessions.isConnected(id);
        const { state, log, stream } = this;
        return declareLost({ state, log, stream, isConnected }, producer, incarnation);
      },
    };
  }

  #verify(options = { seal: false }): Promise<VerifyReport> {
    if (this.#verification !== undefined) return this.#verification.report;
    const { clock, timers } = this;
    const run = new Verification({
      ...{ clock, timers, state: this.state, stream: this.stream, ledger: this.#deps.ledger },
      ...{ replicator: this.replicator, consumer: this.#consumer, sealer: this.#sealer },
      checkpoints: this.#checkpoints,
      sessions: () => this.#sessions.connected(),
      regions: this.#rules.regions,
      hubTimeMs: () => this.time.nowMs(),
      seal: options.seal,
    });
    const report = run.run().finally(() => {
      this.#verification = undefined;
    });
    this.#verification = { run, report };
    return report;
  }

  async #seal(): Promise<void> {
    try {
      const report = await this.#verify({ seal: true });
      for (const problem of report.problems) this.#find(problem);
      if (report.differenceCount > 0) {
        this.#find(`verify found ${report.differenceCount} differences; run it to see them`);
      }
      await this.#sealer.trim(this.time.nowMs(), this.#options.streamRetentionMs);
    } catch (error) {
      this.log.error("the ledger could not be sealed", {}, error);
    }
  }

  #find(finding: string): void {
    if (this.#findings.includes(finding)) return;
    this.log.error(finding);
    this.#findings = [...this.#findings, finding].slice(-findingsMax);
  }

  #report(): ReportSource {
    return {
      ...{ hub: this, clock: this.clock, ledger: this.#deps.ledger, sessions: this.#sessions },
      ...{ checkpoints: this.#checkpoints, overshoot: this.#overshoot },
      rules: () => this.#rules,
      now: () => ({
        backup: this.#backups.newest,
        findings: this.#findings,
        streamFailedAtMs: this.#streamFailedAtMs,
      }),
    };
  }
}
