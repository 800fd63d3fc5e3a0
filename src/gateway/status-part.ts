/** What a gateway has to do with the public status: it looks at the other regions for it, and keeps a copy of it. */

import type { GatewayStore } from "../ports/gateway-store.ts";
import type { Log } from "../ports/log.ts";
import type { Prober } from "../ports/prober.ts";
import type { ProbeTarget } from "../status/probe.ts";
import { Probing, type ProbingParts } from "./probing.ts";
import { StatusCopy } from "./status-copy.ts";

export interface StatusPorts extends Omit<ProbingParts, "prober"> {
  readonly region: string;
  readonly store: GatewayStore;
  readonly log: Log;
  /** Undefined: this gateway probes nobody. */
  readonly prober: Prober | undefined;
}

export class StatusPart {
  readonly copy: StatusCopy;
  readonly #ports: StatusPorts;
  readonly #probing: Probing | undefined;

  constructor(ports: StatusPorts) {
    const { prober } = ports;
    this.#ports = ports;
    this.copy = new StatusCopy(ports);
    this.#probing = prober && new Probing({ ...ports, prober });
  }

  /** Whether the hub is to send plans and the public status. */
  get isTaken(): boolean {
    return this.#probing !== undefined;
  }

  plan(targets: readonly ProbeTarget[]): void {
    this.#probing?.plan(targets);
  }

  take(payload: Uint8Array): void {
    this.copy.take(payload, this.#ports.timeMs());
  }

  /** `/-/status`; undefined: there is none yet. */
  body(): Uint8Array | undefined {
    return this.copy.body(this.#ports.timeMs());
  }

  stop(): void {
    this.#probing?.stop();
  }
}
