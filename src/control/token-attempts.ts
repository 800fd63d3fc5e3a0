/**
 * How many wrong tokens an address may present. While an address is held back its requests are refused unread, right token
 * or wrong: whoever guesses learns nothing.
 */

import { addressGroup } from "../access/address-group.ts";
import { RateTable } from "./rate-table.ts";

/** Wrong tokens of an address in one go. */
export const wrongTokensMax = 20;
/** After that one in so many milliseconds: 20 a minute. */
export const wrongTokenEveryMs = 3_000;
/** Addresses remembered, each for a minute at most after its last wrong token. */
export const attemptAddressesMax = 10_000;

/** Who has one IPv6 address has a /64 at least. */
const grouping = { trustedProxies: [], ipv4Prefix: 32, ipv6Prefix: 64 };

/** Whose address it is, as far as limits go; those that are none (a local socket) are one. */
export function callerOf(address: string): string {
  return addressGroup(address, grouping);
}

export class TokenAttempts {
  readonly #table = new RateTable({
    ...{ burst: wrongTokensMax, everyMs: wrongTokenEveryMs, entriesMax: attemptAddressesMax },
  });

  /** How long the address has to wait before another token of it is looked at; 0: it need not. */
  waitMs(address: string, nowMs: number): number {
    return this.#table.waitMs(callerOf(address), nowMs);
  }

  /** The address has presented a wrong token. */
  failed(address: string, nowMs: number): void {
    this.#table.note(callerOf(address), nowMs);
  }
}
