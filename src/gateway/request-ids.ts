/**
 * Ids of requests: unique among all processes and starts, short, in rising order within one. A request that comes through a trusted
 * proxy keeps the id that it has there, so that one search finds it in the logs of both; what anyone else calls it is ignored.
 */

import type { Cidr } from "../access/compiled-config.ts";
import { isHeaderName } from "../access/header-name.ts";
import { isTrustedProxy } from "../access/trusted-proxies.ts";
import type { Random } from "../ports/clock.ts";
import type { Exchange } from "../ports/listener.ts";

/** What may stand in a log, a reply and a problem as it is; the rest of what proxies call ids is no id. */
const idPattern = /^[A-Za-z0-9._~+/=:@-]{1,128}$/;

/** Peers whose standing is remembered, at most: proxies are few, and others come with connections of their own. */
const peersMax = 1_024;

export class RequestIds {
  readonly #prefix: string;
  #count = 0;
  #trustedProxies: readonly Cidr[] = [];
  readonly #peers = new Map<string, boolean>();

  constructor(random: Pick<Random, "hex">, trustedProxies: readonly Cidr[]) {
    this.#prefix = `${random.hex(6)}-`;
    this.#trustedProxies = trustedProxies;
  }

  configure(trustedProxies: readonly Cidr[]): void {
    this.#trustedProxies = trustedProxies;
    this.#peers.clear();
  }

  next(): string {
    return this.#prefix + (++this.#count).toString(36);
  }

  /** That of the trusted proxy it came through, or a new one. */
  of({ connection, headers }: Exchange): string {
    if (this.#trustedProxies.length === 0 || !this.#isTrusted(connection.peerAddress)) {
      return this.next();
    }
    let given = "";
    for (let i = 0; i < headers.length; i += 2) {
      if (!isHeaderName(headers[i] as string, "x-request-id")) continue;
      // Two are none.
      if (given !== "") return this.next();
      given = headers[i + 1] as string;
    }
    return idPattern.test(given) ? given : this.next();
  }

  #isTrusted(peer: string): boolean {
    let isTrusted = this.#peers.get(peer);
    if (isTrusted === undefined) {
      isTrusted = isTrustedProxy(peer, this.#trustedProxies);
      if (this.#peers.size >= peersMax) this.#peers.clear();
      this.#peers.set(peer, isTrusted);
    }
    return isTrusted;
  }
}
