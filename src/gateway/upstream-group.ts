/**
 * The targets that calls of one upstream go to: a name with several addresses counts as several targets, and is looked up
 * again now and then. While a name cannot be looked up, its last addresses stay.
 */

import type { TargetConfig, UpstreamConfig } from "../access/compiled-config.ts";
import { addressKind, hostOf, mayConnect } from "../access/upstream-address.ts";
import type { Clock, Random, Timer, Timers } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { UpstreamConnections, UpstreamFailure, UpstreamNetwork } from "../ports/upstream.ts";
import {
  type Candidate,
  type Choice,
  chooseTarget,
  waitForTargetMs,
} from "../upstreams/balancer.ts";
import { RetryBudget } from "../upstreams/retry-budget.ts";
import { saysUnavailable } from "../upstreams/retry-policy.ts";
import { TargetHealth } from "../upstreams/target-health.ts";
import { TargetChecks } from "./upstream-checks.ts";
import type { TargetCounters, UpstreamMetrics } from "./upstream-metrics.ts";

/** Calls that wait for a free connection of one target, at most; beyond: `overloaded`. */
export const waitingCallsMax = 1_024;

/** Addresses of one name that are used, at most. */
export const addressesPerNameMax = 32;

/** Between two look-ups of a name. */
export const resolveIntervalMs = 10_000;

/** The same where a target has just refused: it may have moved. */
const resolveSoonMs = 1_000;

export interface UpstreamPorts {
  readonly network: UpstreamNetwork;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
}

/** One address of a target. */
export interface Member extends Candidate {
  /** Place of the target in the configuration. */
  readonly target: number;
  readonly origin: string;
  readonly address: string;
  readonly connections: UpstreamConnections;
  readonly counters: TargetCounters;
}

interface Source {
  readonly target: number;
  readonly config: TargetConfig;
  readonly host: string;
  /** Undefined: not known yet. One for a target that is written as an address. */
  members: readonly Member[] | undefined;
}

export class UpstreamGroup {
  /** As logs and metrics tell it: `users`, or `users@seoul` for its targets in another region. */
  readonly name: string;
  readonly config: UpstreamConfig;
  readonly budget = new RetryBudget();
  readonly #ports: UpstreamPorts;
  readonly #metrics: UpstreamMetrics;
  readonly #sources: readonly Source[];
  readonly #checks: TargetChecks | undefined;
  readonly #timers: Timer[] = [];
  #members: readonly Member[] = [];
  #waiting: (() => void)[] = [];
  #resolvedAtMs = Number.NEGATIVE_INFINITY;
  #isResolving = false;
  #isClosed = false;
  /** Calls that may still choose from its targets. */
  #runs = 0;
  /** Called when those that were there at the retirement are over; undefined: it is in use. */
  #onRetired: (() => void) | undefined;

  constructor(
    of: {
      readonly name: string;
      readonly config: UpstreamConfig;
      readonly targets: readonly TargetConfig[];
    },
    ports: UpstreamPorts,
    metrics: UpstreamMetrics,
  ) {
    this.name = of.name;
    this.config = of.config;
    this.#ports = ports;
    this.#metrics = metrics;
    this.#sources = of.targets.map((config, target) => {
      const source: Source = { target, config, host: hostOf(config.url), members: undefined };
      if (addressKind(source.host) !== "not-an-address") this.#place(source, [source.host]);
      return source;
    });
    this.#gather();
    if (this.#sources.some(({ members }) => members === undefined)) {
      void this.#resolve();
      this.#timers.push(ports.timers.every(resolveIntervalMs, () => void this.#resolve()));
    }
    if (of.config.check !== undefined) {
      this.#checks = new TargetChecks(of.config, ports, {
        members: () => this.#members,
        checked: (member, failure) => this.#checked(member, failure),
      });
    }
  }

  get targetCount(): number {
    return this.#sources.length;
  }

  get members(): readonly Member[] {
    return this.#members;
  }

  /** True once some target has an address, or all names were looked up in vain. */
  get isReady(): boolean {
    return this.#members.length > 0 || this.#sources.every(({ members }) => members !== undefined);
  }

  /** Calls `run` once, when it is. */
  whenReady(run: () => void): void {
    this.#waiting.push(run);
  }

  choose(call: Omit<Choice<Member>, "nowMs">): Member | undefined {
    const nowMs = this.#ports.clock.monotonicMs();
    return chooseTarget(this.#members, { ...call, nowMs });
  }

  /** Why none could be chosen, for a call that nothing was tried for. */
  refusal(): Pick<UpstreamFailure, "kind" | "waitMs"> {
    const nowMs = this.#ports.clock.monotonicMs();
    const isBusy = this.#members.some(({ health }) => health.standing(nowMs) === "in");
    if (isBusy) return { kind: "overloaded" };
    const waitMs = waitForTargetMs(this.#members, nowMs);
    return { kind: "unavailable", waitMs: waitMs ?? this.config.check?.intervalMs ?? 0 };
  }

  /** A reply's head has come. */
  replied(member: Member, status: number): void {
    const nowMs = this.#ports.clock.monotonicMs();
    if (saysUnavailable(status)) {
      this.#failed(member, `status ${status}`);
      return;
    }
    const { health } = member;
    const wasIn = health.standing(nowMs) === "in";
    health.answered(status >= 500, nowMs);
    if (!wasIn && health.standing(nowMs) === "in")
      this.#tell(member, "a target is back in service");
    // A 5xx is an answer: the last target in service is never taken out for it.
    if (status < 500 || !health.isMostlyErrors(nowMs) || !this.#hasOther(member, nowMs)) return;
    health.eject(nowMs);
    this.#tell(member, "a target was taken out of service", "mostly errors");
  }

  /** No reply, or not a whole one. */
  failed(member: Member, kind: UpstreamFailure["kind"]): void {
    this.#failed(member, kind);
    const nowMs = this.#ports.clock.monotonicMs();
    if (kind === "unreachable" && nowMs - this.#resolvedAtMs >= resolveSoonMs) void this.#resolve();
  }

  /** A call begins that may go to its targets, or try them again, until it leaves. */
  enter(): void {
    this.#runs++;
  }

  leave(): void {
    this.#runs--;
    if (this.#runs === 0 && this.#onRetired !== undefined) this.#finish();
  }

  /** No call comes any more. Those in progress finish, tried again as ever; then it closes, and `onRetired` is called. */
  retire(onRetired: () => void): void {
    this.#onRetired = onRetired;
    this.#rest();
    if (this.#runs === 0) this.#finish();
  }

  async destroy(): Promise<void> {
    this.#isClosed = true;
    this.#rest();
    this.#ready();
    await Promise.all(this.#members.map(({ connections }) => connections.destroy()));
  }

  /** Nothing is asked or looked up for calls to come. */
  #rest(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#checks?.stop();
  }

  #finish(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const { connections } of this.#members) connections.retire();
    this.#onRetired?.();
  }

  #failed(member: Member, why: string): void {
    const nowMs = this.#ports.clock.monotonicMs();
    const isOnly = this.#members.length === 1 && member.health.standing(nowMs) === "in";
    if (isOnly && this.config.sparesOnlyAddress) return;
    if (member.health.failed(nowMs)) this.#tell(member, "a target was taken out of service", why);
  }

  #checked(member: Member, failure: string): void {
    const nowMs = this.#ports.clock.monotonicMs();
    if (!member.health.checked(failure === "", nowMs)) return;
    if (failure === "") this.#tell(member, "a target passes its checks again");
    else this.#tell(member, "a target fails its checks", failure);
  }

  #hasOther(member: Member, nowMs: number): boolean {
    return this.#members.some((other) => other !== member && other.health.standing(nowMs) === "in");
  }

  async #resolve(): Promise<void> {
    if (this.#isResolving || this.#isClosed) return;
    this.#isResolving = true;
    const named = this.#sources.filter(({ host }) => addressKind(host) === "not-an-address");
    await Promise.all(named.map((source) => this.#resolveOne(source)));
    this.#isResolving = false;
    this.#resolvedAtMs = this.#ports.clock.monotonicMs();
    if (this.#isClosed) return;
    this.#gather();
    this.#ready();
  }

  async #resolveOne(source: Source): Promise<void> {
    const { network, log } = this.#ports;
    const { target, host } = source;
    const of = { upstream: this.name, target };
    try {
      const found = [...new Set(await network.resolve(host))].sort();
      if (this.#isClosed) return;
      const allowed = found.filter((address) =>
        mayConnect(host, address, this.config.allowPrivate),
      );
      if (allowed.length < found.length) {
        log.warn("a target's name stands for an address that is not allowed", of);
      }
      this.#place(source, allowed.slice(0, addressesPerNameMax));
    } catch (cause) {
      source.members ??= [];
      const code = (cause as { code?: unknown }).code;
      log.warn("a target's name could not be looked up", {
        ...of,
        code: typeof code === "string" ? code : undefined,
      });
    }
  }

  /** Members that stay keep their connections and what is known of their health. */
  #place(source: Source, addresses: readonly string[]): void {
    const before = source.members ?? [];
    source.members = addresses.map(
      (address) => before.find((m) => m.address === address) ?? this.#open(source, address),
    );
    for (const member of before) {
      if (!source.members.includes(member)) member.connections.retire();
    }
  }

  #open({ target, config }: Source, address: string): Member {
    const place = { origin: config.url, address, upstream: this.config };
    return {
      target,
      address,
      origin: config.url,
      weight: config.weight,
      health: new TargetHealth(this.config.health),
      calls: 0,
      sockets: 0,
      callsMax: this.config.connectionsMax + waitingCallsMax,
      turn: 0,
      connections: this.#ports.network.open(place),
      counters: this.#metrics.target(this.name, target),
    };
  }

  #gather(): void {
    this.#members = this.#sources.flatMap(({ members }) => members ?? []);
  }

  #ready(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const run of waiting) run();
  }

  #tell({ target, origin }: Member, message: string, why?: string): void {
    this.#ports.log.warn(message, { upstream: this.name, target, origin, why });
  }
}
