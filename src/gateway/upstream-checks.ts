/** The gateway's own checks of an upstream's targets, on connections of their own: a busy target is not a dead one. */

import type { UpstreamConfig } from "../access/compiled-config.ts";
import { present } from "../base/assert.ts";
import type { Timer } from "../ports/clock.ts";
import type { UpstreamCall, UpstreamConnections } from "../ports/upstream.ts";
import type { Member, UpstreamPorts } from "./upstream-group.ts";

const headers = ["user-agent", "tallygate-check", "accept", "*/*"];

interface CheckedGroup {
  members(): readonly Member[];
  /** `failure` is "" for a check that passed. */
  checked(member: Member, failure: string): void;
}

export class TargetChecks {
  readonly #upstream: UpstreamConfig;
  readonly #ports: UpstreamPorts;
  readonly #group: CheckedGroup;
  readonly #connections = new Map<Member, UpstreamConnections>();
  readonly #running = new Map<Member, { readonly call: UpstreamCall; readonly late: Timer }>();
  readonly #timers: Timer[];
  #isStopped = false;

  constructor(upstream: UpstreamConfig, ports: UpstreamPorts, group: CheckedGroup) {
    this.#upstream = upstream;
    this.#ports = ports;
    this.#group = group;
    const { intervalMs } = present(upstream.check, "a check");
    // Gateways that start together do not check together.
    const first = ports.timers.after(ports.random.fraction() * Math.min(intervalMs, 500), () => {
      this.#round();
      this.#timers.push(ports.timers.every(intervalMs, () => this.#round()));
    });
    this.#timers = [first];
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) timer.cancel();
    for (const member of this.#connections.keys()) this.#forget(member);
  }

  #round(): void {
    if (this.#isStopped) return;
    const members = this.#group.members();
    for (const member of this.#connections.keys()) {
      if (!members.includes(member)) this.#forget(member);
    }
    for (const member of members) if (!this.#running.has(member)) this.#check(member);
  }

  #check(member: Member): void {
    const { path, timeoutMs, statusMin, statusMax } = present(this.#upstream.check, "a check");
    let isOver = false;
    const over = (failure: string): void => {
      if (isOver) return;
      isOver = true;
      const running = this.#running.get(member);
      this.#running.delete(member);
      running?.late.cancel();
      // What follows the head is of no interest.
      running?.call.cancel();
      this.#group.checked(member, failure);
    };
    const late = this.#ports.timers.after(timeoutMs, () => over("time-out"));
    const call = this.#to(member).send(
      { method: "GET", target: path, headers, body: undefined, isUpgrade: false },
      {
        started: (status) =>
          over(status >= statusMin && status <= statusMax ? "" : `status ${status}`),
        received: () => {},
        completed: () => {},
        failed: ({ kind }) => over(kind),
        upgraded: (_headers, stream) => stream.destroy(),
      },
    );
    if (isOver) late.cancel();
    else this.#running.set(member, { call, late });
  }

  #to(member: Member): UpstreamConnections {
    let connections = this.#connections.get(member);
    if (connections === undefined) {
      const { origin, address } = member;
      const upstream = { ...this.#upstream, connectionsMax: 1 };
      connections = this.#ports.network.open({ origin, address, upstream });
      this.#connections.set(member, connections);
    }
    return connections;
  }

  #forget(member: Member): void {
    const running = this.#running.get(member);
    this.#running.delete(member);
    running?.late.cancel();
    running?.call.cancel();
    void this.#connections.get(member)?.destroy();
    this.#connections.delete(member);
  }
}
