/** A simulated cluster: gateways, a hub, the network between them, the admin's keys, and who checks what they do. */

import type { CompiledConfig } from "../access/compiled-config.ts";
import { producerKey } from "../base/words.ts";
import type { FoldCheckpoint } from "../ports/ledger-store.ts";
import type { StreamRecord } from "../ports/usage-stream.ts";
import { Admin } from "./admin.ts";
import { AlarmCheckers } from "./alarm-checkers.ts";
import { CallCheckers } from "./call-checkers.ts";
import { type Caller, expectation, subjectOf } from "./callers.ts";
import { type CallRecord, Ledger } from "./calls.ts";
import { plans, type Quotas, regions, strictLimits } from "./config.ts";
import { CounterNames } from "./counter-names.ts";
import { SimExchange } from "./exchange.ts";
import { forgottenMs, type GatewayDisks, type Life, SimGateway } from "./gateway.ts";
import { GuardCheckers } from "./guard-checkers.ts";
import { publishIntervalMs, SimHub } from "./hub.ts";
import { KeyCheckers } from "./key-checkers.ts";
import { KnownCharges } from "./known-charges.ts";
import { LeaseCheckers } from "./lease-checkers.ts";
import { LinkCheckers } from "./link-checkers.ts";
import { LostCharges } from "./lost-charges.ts";
import { Network } from "./network.ts";
import { checkLedgerAfterCrash, lostCalls } from "./rest-checkers.ts";
import { StreamCuts } from "./stream-cuts.ts";
import type { Swarm } from "./swarm.ts";
import { drawTarget, locate, type Target } from "./targets.ts";
import { TotalCheckers } from "./total-checkers.ts";
import type { Report, Violation } from "./violation.ts";
import type { World } from "./world.ts";

const minuteMs = 60_000;
/** How long after the last fault the cluster may still be catching up. */
const disturbedMs = 20_000;
/** Publishing, storing at both ends and a turn of each timer, without flushing and the way between them. */
const visibleBaseMs = publishIntervalMs + 60;

/** Messages that mend something. */
const recoveries: Partial<Record<string, string>> = {
  resend: "batch asked for again",
  "snapshot-end": "snapshot sent",
  "registry-wanted": "keys given back",
};

/** How long most clients wait after a 429, and after a 503. */
const refusedMs = 3_000;
const unavailableMs = 1_000;

export class Cluster {
  readonly world: World;
  readonly swarm: Swarm;
  readonly network: Network;
  readonly hub: SimHub;
  readonly admin: Admin;
  /** Those that there are: regions come and go. */
  readonly gateways: SimGateway[] = [];
  readonly ledger = new Ledger();
  readonly lost = new LostCharges();
  readonly cuts = new StreamCuts(this);
  readonly alarms: AlarmCheckers;
  /** A second hub, while there is one. */
  copy: SimHub | undefined;
  #copies = 0;
  /** What the ledger held when it was checked last. */
  #checked: FoldCheckpoint | undefined;
  /** Of the configuration as its file is now; processes read it when they start. */
  quotas: Quotas = plans;
  /** What each start of a gateway has read. */
  readonly #quotasOf = new Map<string, Quotas>();
  violation: Violation | undefined;
  readonly report: Report;
  readonly #calls: CallCheckers;
  readonly #links: LinkCheckers;
  readonly #leases: LeaseCheckers;
  readonly #names = new CounterNames();
  readonly #known: KnownCharges;
  readonly #guards: GuardCheckers;
  readonly #keys: KeyCheckers;
  readonly #totals: TotalCheckers;
  readonly #livesOfGone: Life[] = [];
  #disturbedUntilMs = disturbedMs;
  readonly #waitUntilMs = new Map<string, number>();
  /** The latest instant that any gateway has taken for certainly passed. */
  #latestMs = 0;
  readonly #configOf: (quotas: Quotas) => CompiledConfig;
  #added = 0;

  /** `only`: the one invariant that counts; undefined: all. */
  constructor(
    world: World,
    swarm: Swarm,
    options: {
      readonly configOf: (quotas: Quotas) => CompiledConfig;
      readonly only: string | undefined;
    },
  ) {
    this.world = world;
    this.swarm = swarm;
    const { only } = options;
    this.#configOf = options.configOf;
    this.report = (invariant, detail) => {
      if (only !== undefined && invariant !== only) return;
      world.trace(() => `VIOLATION of ${invariant}: ${detail}`);
      this.violation ??= { invariant, detail, atMs: world.nowMs };
    };
    this.network = new Network(world);
    this.hub = new SimHub(world, this.network, swarm.streamRepeats);
    this.admin = new Admin(world, this.hub, (keyId) => this.#keys.revoked(keyId, world.nowMs));
    for (let i = 0; i < swarm.gateways; i++) this.addGateway();
    for (const disk of [this.hub.ledgerDisk, this.hub.registryDisk]) {
      disk.latencyMaxMs = swarm.hubLatencyMs;
    }
    this.#calls = new CallCheckers(this.report);
    this.#links = new LinkCheckers(this.report);
    this.#leases = new LeaseCheckers(this.hub, this.#names, this.report);
    this.#known = new KnownCharges(this.hub, this.#names, () => this.cuts.isShort);
    this.#guards = new GuardCheckers(this.report);
    this.#keys = new KeyCheckers(this.report);
    this.#totals = new TotalCheckers(this.hub, this.report);
    this.alarms = new AlarmCheckers(world, this.hub, this.report);
    this.network.watch = (producer, message, payload, hub) => {
      world.mixText(message.kind);
      const recovery = recoveries[message.kind];
      if (recovery !== undefined) world.count(`recovery: ${recovery}`);
      world.mixBytes(payload);
      world.trace(() => `${producer.slice(0, 4)} ${message.kind} ${payload.length}`);
      this.#links.message(producer, message, payload);
      const receiver = this.gateways.find((gateway) => gateway.producer === producer);
      if (receiver === undefined) return;
      if (hub === this.hub.host) {
        this.admin.message(receiver, message, payload);
        this.alarms.message(receiver, message);
      }
      const holder = producerKey(producer, receiver.incarnation);
      this.#leases.message(holder, message);
      this.#guards.message(holder, message);
    };
  }

  /** A gateway for a region that has none; undefined: all have. */
  addGateway(): SimGateway | undefined {
    const { world, swarm, network } = this;
    const region = regions.find((name) => this.gateways.every((other) => other.region !== name));
    if (region === undefined) return undefined;
    const { delayMs, jitterMs, messageRepeats, flushIntervalMs } = swarm;
    const route = { delayMs, jitterMs, blocked: new Set<never>(), repeats: messageRepeats };
    const drift = world.between(-0.0001, 0.0001);
    const clock = { skewMs: world.between(-5_000, 5_000), drift };
    const name = `${region}${this.#added++ < swarm.gateways ? "" : this.#added}`;
    const gateway = new SimGateway(
      { world, network, config: this.#configOf(this.quotas) },
      { name, region, route, clock, flushIntervalMs },
    );
    gateway.journalDisk.latencyMaxMs = swarm.journalLatencyMs;
    this.gateways.push(gateway);
    this.#watchTrims(gateway);
    return gateway;
  }

  /**
   * A gateway that has stopped in order goes for good, with its disks; if they hold what the hub has not stored, it has to
   * come back and send it, and so does the last one that there is.
   */
  removeGateway(gateway: SimGateway, isCalm: boolean): "removed" | "kept" {
    const { hub, world } = this;
    if (this.gateways.length === 1) return "kept";
    const unsent = gateway.unsent((name) => hub.model.hasBatch(hub.streamImage.records, name));
    if (unsent > 0 && isCalm) this.report("L3", `${gateway.name} left ${unsent} unsent`);
    if (unsent > 0) return "kept";
    this.loseDisks(gateway);
    this.#livesOfGone.push(...gateway.lives);
    this.gateways.splice(this.gateways.indexOf(gateway), 1);
    world.count("operation: region removed");
    return "removed";
  }

  startHub(): void {
    if (this.hub.host !== undefined || this.hub.isRestoring) return;
    this.disturb();
    // What was granted by now was granted of the quotas that the hub had.
    this.#leases.read();
    this.hub.limits = strictLimits(this.quotas);
    this.world.count("recovery: hub started");
    if (!this.cuts.isShort) {
      const { ledger, epoch, streamImage } = this.hub;
      if (ledger.fold !== this.#checked) checkLedgerAfterCrash(this.hub, this.report);
      this.#checked = ledger.fold;
      if (epoch > 0) this.#links.hubStarts({ epoch, position: streamImage.last });
    }
    this.hub.start(
      () => this.cuts.started(),
      (cause) => {
        this.world.trace(() => `the hub did not start: ${String(cause)}`);
        void this.cuts.mend().then(() => {
          this.world.schedule(500, undefined, () => this.startHub());
        });
      },
    );
  }

  startGateway(gateway: SimGateway): void {
    // One that has gone for good does not come back.
    if (gateway.isUp || !this.gateways.includes(gateway)) return;
    this.world.count("recovery: gateway started");
    this.disturb();
    gateway.config = this.#configOf(this.quotas);
    gateway.start((cause) => this.report("L3", `${gateway.name} did not start: ${String(cause)}`));
    this.#quotasOf.set(gateway.startName, this.quotas);
  }

  loseDisks(gateway: SimGateway): void {
    this.lost.add(gateway.loseDisks(), gateway.region);
    this.#watchTrims(gateway);
  }

  /** An older copy of its disks takes the place of those that a gateway has. */
  putBack(gateway: SimGateway, copy: GatewayDisks): void {
    const lost = gateway.putBack(copy);
    this.lost.add(lost, gateway.region);
    this.#leases.putBack(copy.journal, lost);
    this.#links.putBack(gateway.producer, copy.journal);
    this.#watchTrims(gateway);
    this.world.count("operation: older copy of a gateway's disks put back");
  }

  /** Starts of all gateways that there ever were. */
  get lives(): readonly Life[] {
    return [...this.#livesOfGone, ...this.gateways.flatMap(({ lives }) => lives)];
  }

  /** The hub is down, and its stream has lost its last records. */
  streamLost(lost: readonly StreamRecord[]): void {
    this.#known.streamLost(this.hub.epoch);
    this.#leases.streamLost(lost);
    this.alarms.foreign(this.hub.epoch, this.hub.streamImage.last);
    this.#links.streamLost(this.hub.epoch);
    this.hub.forgetModel();
  }

  /** Grants, that is: what it lent and does not know of. */
  get hasForgotten(): boolean {
    return this.hub.restores > 0 || this.cuts.count > 0 || this.#copies > 0;
  }

  /** A second hub begins to run; undefined: it does not run any more. */
  copyRuns(copy: SimHub | undefined): void {
    if (copy !== undefined) this.#copies++;
    this.copy = copy;
    this.#leases.copyRuns(copy);
  }

  async restoreHub(): Promise<void> {
    this.cuts.putBack();
    // With the stream goes what says that grants on their way were made.
    this.#leases.read();
    if (!(await this.hub.restore())) return;
    this.admin.restored();
    this.alarms.restored();
    this.#keys.restored();
    this.world.count("recovery: hub restored");
  }

  /** No fault came or went for so long that all have caught up. */
  get isCalm(): boolean {
    return this.world.nowMs > this.#disturbedUntilMs;
  }

  /** A fault came or went. */
  disturb(forMs = 0): void {
    const untilMs = this.world.nowMs + forMs + disturbedMs;
    this.#disturbedUntilMs = Math.max(this.#disturbedUntilMs, untilMs);
  }

  /** Sends a call; undefined where nobody listens. */
  call(gateway: SimGateway, caller: Caller): CallRecord | undefined {
    const { world, ledger } = this;
    const asksForReports = caller.key?.plans.at(-1) === "metered";
    const target = drawTarget(world, { asksForReports, owner: gateway.host });
    const call = this.#record(gateway, { caller, target }, (replied) => {
      ledger.replied(replied);
      const { status } = replied.exchange;
      const waitMs = status === 429 ? refusedMs : status === 503 ? unavailableMs : 0;
      if (waitMs > 0) this.#waitUntilMs.set(replied.subject, world.nowMs + waitMs);
      world.mix(status ^ (replied.inMinute.admitted << 10));
      world.trace(() => `${gateway.name} answers ${status} to ${replied.subject}`);
      this.#calls.replied(replied, expectation(caller));
      this.#leases.replied(replied, gateway);
      this.#keys.replied(replied, this.isCalm);
    });
    if (call === undefined) return undefined;
    gateway.take(call.exchange);
    if (call.exchange.forwards === 0 && call.exchange.status === 0) {
      this.report("I18", `${gateway.name} did not decide at once on a call of ${call.subject}`);
    }
    return call;
  }

  /** A well-behaved client of this kind would not call now: it was refused a moment ago. */
  isWaiting(caller: Caller): boolean {
    return (this.#waitUntilMs.get(subjectOf(caller)) ?? 0) > this.world.nowMs;
  }

  /** Asks `/-/usage`, and holds the answer against what is known. */
  ask(gateway: SimGateway, caller: Caller): void {
    const target = { ...locate, path: "/-/usage" };
    const call = this.#record(gateway, { caller, target }, () => {});
    if (call === undefined) return;
    gateway.take(call.exchange);
    if (call.exchange.status !== 200) return;
    const { limits } = JSON.parse(call.exchange.text) as {
      limits: { name: string; used: number }[];
    };
    const minute = limits.find(({ name }) => name === "minute");
    if (minute !== undefined) this.#calls.told(call, minute.used);
  }

  /** Looks at what every gateway says of itself. */
  look(): void {
    for (const gateway of this.gateways) {
      const { core, name, starts } = gateway;
      if (core === undefined) continue;
      gateway.latestMs = Math.max(gateway.latestMs, core.time.certainMs());
      gateway.aheadMs = Math.max(gateway.aheadMs, core.time.nowMs());
      this.#latestMs = Math.max(this.#latestMs, gateway.latestMs);
      const { version } = core.view;
      this.world.mix(version.epoch ^ version.position);
      this.#links.view(`${name}/${starts}`, version);
    }
    this.#totals.look();
  }

  /** What a journal lets go of is in the stream. */
  #watchTrims(gateway: SimGateway): void {
    const { hub, world } = this;
    gateway.journalImage.onTrim = (incarnation, seq) => {
      world.count("recovery: journal trimmed");
      const name = `${gateway.producer}/${incarnation}/${seq}`;
      if (hub.model.hasBatch(hub.streamImage.records, name)) return;
      const cut = this.cuts.trimmed(name);
      if (cut === undefined) this.report("I7", `batch ${name} is trimmed, and not in the stream`);
      else this.lost.addBatch(cut);
      gateway.losers.add(incarnation);
    };
  }

  #record(
    gateway: SimGateway,
    { caller, target }: { readonly caller: Caller; readonly target: Target },
    onReply: (call: CallRecord) => void,
  ): CallRecord | undefined {
    const { host, core, pipeline } = gateway;
    if (host === undefined || core === undefined || pipeline === undefined) return undefined;
    if (host.pausedUntilMs > this.world.nowMs) return undefined;
    const headers = caller.secret === undefined ? [] : ["x-api-key", caller.secret];
    const exchange: SimExchange = new SimExchange(
      { target: target.path, headers, peer: caller.address, answer: target.answer },
      { forwarded: () => this.#took(call, gateway), replied: () => onReply(call) },
    );
    const subject = subjectOf(caller);
    const all = this.ledger.of(subject);
    const call: CallRecord = {
      ...{ exchange, target, gateway: gateway.name, region: gateway.region },
      ...{ disks: gateway.disksName, start: gateway.startName },
      atMs: this.world.nowMs,
      ...{ secret: caller.secret, subject, all },
      inMinute: all.minute(Math.floor(core.time.nowMs() / minuteMs) * minuteMs),
      hasLost: gateway.losers.has(gateway.incarnation),
      ...this.admin.limitsOf(caller.key, gateway, this.#quotasOf.get(gateway.startName) as Quotas),
      forgottenMs: Math.max(this.#latestMs, this.hub.latestMs) - forgottenMs,
    };
    return call;
  }

  #took(call: CallRecord, gateway: SimGateway): void {
    if (call.exchange.forwards > 1) {
      return this.report("I30", `a call of ${call.subject} reached the handler again`);
    }
    const { delayMs, jitterMs, flushIntervalMs } = this.swarm;
    this.ledger.took(call);
    this.#leases.took(call, gateway);
    const visibleMs = flushIntervalMs + visibleBaseMs + 2 * (delayMs + jitterMs);
    this.#calls.took(call, {
      others: () => this.#known.others(call, gateway) ?? 0,
      visibleMs: this.isCalm ? visibleMs : undefined,
      lost: () => lostCalls(this).get(call.subject) ?? 0,
    });
    this.#guards.took(call, {
      holder: producerKey(gateway.producer, gateway.incarnation),
      monotonicMs: gateway.host?.monotonicMs() ?? 0,
      covered: () => this.#known.own(call, gateway),
    });
  }

  /** Calls have ended and the cluster is at rest. */
  checkGuards(): void {
    // What a backup, a stream or a lost disk has forgotten is over the bound.
    if (!this.hasForgotten && this.lost.producers.size === 0) this.#guards.atRest();
  }
}
