/**
 * Looks at the pace of every client twice a second, at a few of them at a time: a thousand that are cut off in one turn would hold up
 * everybody else's calls.
 */

import type { ListenerConfig } from "../../access/compiled-config.ts";
import type { ClientConnection } from "./client-connection.ts";

/** Between two looks at one client. */
const roundMs = 500;
const groupCount = 25;

export class PaceKeeper {
  readonly #groups = Array.from({ length: groupCount }, () => new Set<ClientConnection>());
  readonly #timer: NodeJS.Timeout;
  /** The group that is looked at next, and the one that the next client joins. */
  #turn = 0;
  #joining = 0;

  /** `limits`: asked for each time. */
  constructor(limits: () => ListenerConfig) {
    this.#timer = setInterval(() => {
      const present = limits();
      this.#turn = (this.#turn + 1) % groupCount;
      for (const client of this.#groups[this.#turn] ?? []) client.checkPace(roundMs, present);
    }, roundMs / groupCount);
  }

  /** Returns what takes it out. */
  add(client: ClientConnection): () => void {
    this.#joining = (this.#joining + 1) % groupCount;
    const group = this.#groups[this.#joining];
    group?.add(client);
    return () => group?.delete(client);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
