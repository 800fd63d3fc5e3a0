/** A simulated cluster: gateways, a hub, the network between them, the admin's keys, and who checks what they do. */

import type { CompiledConfig } from "../access/compiled-config.ts";
import { CallCheckers } from "./call-checkers.ts";
import { type CallRecord, Ledger } from "./calls.ts";
import { type PlanName, plans, regions, strictLimits } from "./config.ts";
import { SimExchange } from "./exchange.ts";
import { SimGateway } from "./gateway.ts";
import { publishIntervalMs, SimHub } from "./hub.ts";
import { LeaseCheckers } from "./lease-checkers.ts";
import { LinkCheckers } from "./link-checkers.ts";
import { LostCharges } from "./lost-charges.ts";
import { Network } from "./network.ts";
import { checkLedgerAfterCrash } from "./rest-checkers.ts";
import type { Swarm } from "./swarm.ts";
import type { Report, Violation } from "./violation.ts";
import type { World } from "./world.ts";

const minuteMs = 60_000;
/** How long after the last fault the cluster may still be catching up. */
const disturbedMs = 20_000;
/** Publishing, storing at both ends and a turn of each timer, without flushing and the way between them. */
const visibleBaseMs = publishIntervalMs + 60;

export interface AdminKey {
  readonly id: string;
  readonly plan: PlanName;
  readonly owner: string;
  secrets: string[];
  isRevoked: boolean;
}

export interface Caller {
  /** Undefined: none. */
  readonly secret: string | undefined;
  readonly key: AdminKey | undefined;
  readonly address: string;
}

/** Messages that mend something. */
const recoveries: Partial<Record<string, string>> = {
  resend: "batch asked for again",
  "snapshot-end": "snapshot sent",
  "registry-wanted": "keys given back",
};

/** How long most clients wait after a 429. */
const waitMs = 3_000;
const owners = ["acme", "globex", "initech"];
const unrestricted = { referers: [], addresses: [], routes: [] };

export class Cluster {
  readonly world: World;
  readonly swarm: Swarm;
  readonly network: Network;
  readonly hub: SimHub;
  readonly gateways: readonly SimGateway[];
  readonly ledger = new Ledger();
  readonly lost = new LostCharges();
  readonly keys: AdminKey[] = [];
  /** Owners of all keys that the admin made, by id. */
  readonly madeKeys = new Map<string, string>();
  violation: Violation | undefined;
  readonly report: Report;
  readonly #calls: CallCheckers;
  readonly #links: LinkCheckers;
  readonly #leases: LeaseCheckers;
  #disturbedUntilMs = disturbedMs;
  readonly #waitUntilMs = new Map<string, number>();

  /** `only`: the one invariant that counts; undefined: all. */
  constructor(
    world: World,
    swarm: Swarm,
    options: { readonly config: CompiledConfig; readonly only: string | undefined },
  ) {
    this.world = world;
    this.swarm = swarm;
    const { config, only } = options;
    this.report = (invariant, detail) => {
      if (only !== undefined && invariant !== only) return;
      world.trace(() => `VIOLATION of ${invariant}: ${detail}`);
      this.violation ??= { invariant, detail, atMs: world.nowMs };
    };
    this.network = new Network(world);
    this.hub = new SimHub(world, this.network, swarm.streamRepeats, strictLimits);
    this.gateways = regions.slice(0, swarm.gateways).map((region) => {
      const { delayMs, jitterMs, messageRepeats, flushIntervalMs } = swarm;
      const route = { delayMs, jitterMs, blocked: new Set<never>(), repeats: messageRepeats };
      const drift = world.between(-0.0001, 0.0001);
      const clock = { skewMs: world.between(-5_000, 5_000), drift };
      return new SimGateway(
        { world, network: this.network, config },
        { region, route, clock, flushIntervalMs },
      );
    });
    for (const { journalDisk } of this.gateways) {
      journalDisk.latencyMaxMs = swarm.journalLatencyMs;
    }
    for (const disk of [this.hub.ledgerDisk, this.hub.registryDisk]) {
      disk.latencyMaxMs = swarm.hubLatencyMs;
    }
    this.#calls = new CallCheckers(this.hub, this.report);
    this.#links = new LinkCheckers(this.report);
    for (const gateway of this.gateways) this.#watchTrims(gateway);
    this.#leases = new LeaseCheckers(this.hub, this.report);
    this.network.watch = (producer, message, payload) => {
      world.mixText(message.kind);
      const recovery = recoveries[message.kind];
      if (recovery !== undefined) world.count(`recovery: ${recovery}`);
      world.mixBytes(payload);
      world.trace(() => `${producer.slice(0, 4)} ${message.kind} ${payload.length}`);
      this.#links.message(producer, message, payload);
      const receiver = this.gateways.find((gateway) => gateway.producer === producer);
      this.#leases.message(`${producer}/${receiver?.incarnation}`, message);
    };
  }

  startHub(): void {
    if (this.hub.host !== undefined || this.hub.isRestoring) return;
    this.world.count("recovery: hub started");
    if (this.hub.starts > 0) {
      checkLedgerAfterCrash(this.hub, this.report);
      const { epoch } = this.hub;
      if (epoch > 0) this.#links.hubStarts({ epoch, position: this.hub.streamImage.last });
    }
    this.hub.start((cause) => {
      this.world.trace(() => `the hub did not start: ${String(cause)}`);
      this.world.schedule(500, undefined, () => this.startHub());
    });
  }

  startGateway(gateway: SimGateway): void {
    if (gateway.isUp) return;
    this.world.count("recovery: gateway started");
    gateway.start((cause) => this.report("L3", `${gateway.name} did not start: ${String(cause)}`));
  }

  loseDisks(gateway: SimGateway): void {
    this.lost.add(gateway.loseDisks(), gateway.region);
    this.#watchTrims(gateway);
  }

  async restoreHub(): Promise<void> {
    // With the stream goes what says that grants on their way were made.
    this.#leases.read();
    if (await this.hub.restore()) this.world.count("recovery: hub restored");
  }

  /** A fault came or went. */
  disturb(forMs = 0): void {
    const untilMs = this.world.nowMs + forMs + disturbedMs;
    this.#disturbedUntilMs = Math.max(this.#disturbedUntilMs, untilMs);
  }

  async createKey(plan: PlanName): Promise<void> {
    const owner = owners[this.madeKeys.size % owners.length] as string;
    const request = { plan, name: "", owner, expiresAtMs: 0, mode: "live" } as const;
    const registry = this.hub.hub?.api.registry;
    const made = await registry?.create({ ...request, restrict: unrestricted });
    if (made === undefined) return;
    this.madeKeys.set(made.id, owner);
    this.keys.push({ id: made.id, plan, owner, secrets: [made.key], isRevoked: false });
  }

  async rotateKey(key: AdminKey): Promise<void> {
    const made = await this.hub.hub?.api.registry.rotate(key.id, 1_000_000);
    if (made === undefined) return;
    this.world.count("operation: key rotated");
    key.secrets = [made.key];
  }

  async revokeKey(key: AdminKey): Promise<void> {
    const view = await this.hub.hub?.api.registry.revoke(key.id);
    if (view === undefined) return;
    this.world.count("operation: key revoked");
    key.isRevoked = true;
  }

  /** Sends a call; undefined where nobody listens. */
  call(gateway: SimGateway, caller: Caller): CallRecord | undefined {
    const { world, ledger } = this;
    const target = "/8.8.8.8";
    const call = this.#record(gateway, { caller, target }, (replied) => {
      ledger.replied(replied);
      const { status } = replied.exchange;
      if (status === 429) this.#waitUntilMs.set(replied.subject, world.nowMs + waitMs);
      world.mix(status ^ (replied.inMinute.admitted << 10));
      world.trace(() => `${gateway.name} answers ${status} to ${replied.subject}`);
      this.#calls.replied(replied, expectation(caller));
      this.#leases.replied(replied, gateway);
    });
    if (call === undefined) return undefined;
    gateway.take(call.exchange);
    return call;
  }

  /** A well-behaved client of this kind would not call now: it was refused a moment ago. */
  isWaiting(caller: Caller): boolean {
    return (this.#waitUntilMs.get(subjectOf(caller)) ?? 0) > this.world.nowMs;
  }

  /** Asks `/-/usage`, and holds the answer against what is known. */
  ask(gateway: SimGateway, caller: Caller): void {
    const call = this.#record(gateway, { caller, target: "/-/usage" }, () => {});
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
    for (const { core, name, starts } of this.gateways) {
      if (core === undefined) continue;
      const { version } = core.view;
      this.world.mix(version.epoch ^ version.position);
      this.#links.view(`${name}/${starts}`, version);
    }
  }

  /** What a journal lets go of is in the stream. */
  #watchTrims(gateway: SimGateway): void {
    const { hub, world } = this;
    gateway.journalImage.onTrim = (incarnation, seq) => {
      world.count("recovery: journal trimmed");
      const name = `${gateway.producer}/${incarnation}/${seq}`;
      if (hub.model.hasBatch(hub.streamImage.records, name)) return;
      this.report("I7", `batch ${name} is trimmed, and not in the stream`);
    };
  }

  #record(
    gateway: SimGateway,
    { caller, target }: { readonly caller: Caller; readonly target: string },
    onReply: (call: CallRecord) => void,
  ): CallRecord | undefined {
    const { host, core, pipeline } = gateway;
    if (host === undefined || core === undefined || pipeline === undefined) return undefined;
    if (host.pausedUntilMs > this.world.nowMs) return undefined;
    const headers = caller.secret === undefined ? [] : ["x-api-key", caller.secret];
    const exchange: SimExchange = new SimExchange(
      { target, headers, peer: caller.address },
      { forwarded: () => this.#took(call, gateway), replied: () => onReply(call) },
    );
    const subject = subjectOf(caller);
    const all = this.ledger.of(subject);
    const call: CallRecord = {
      ...{ exchange, gateway: gateway.name, producer: gateway.producer, start: gateway.startName },
      atMs: this.world.nowMs,
      ...{ secret: caller.secret, subject, all },
      inMinute: all.minute(Math.floor(core.time.nowMs() / minuteMs) * minuteMs),
      limits: caller.key === undefined ? plans.anonymous : plans[caller.key.plan],
    };
    return call;
  }

  #took(call: CallRecord, gateway: SimGateway): void {
    const { delayMs, jitterMs, flushIntervalMs } = this.swarm;
    this.ledger.took(call);
    this.#leases.took(call, gateway);
    const isCalm = this.world.nowMs > this.#disturbedUntilMs;
    const visibleMs = flushIntervalMs + visibleBaseMs + 2 * (delayMs + jitterMs);
    this.#calls.took(call, isCalm ? visibleMs : undefined);
  }
}

function subjectOf({ key, address }: Caller): string {
  return key === undefined ? `ip:${address}` : `key:${key.id}`;
}

function expectation({ secret, key }: Caller): "known" | "unknown" | "revoked" {
  if (secret !== undefined && key === undefined) return "unknown";
  return key?.isRevoked === true ? "revoked" : "known";
}
