/**
 * How many wrong tokens an address may present: a burst, then one every few seconds (a leaky bucket, as GCRA keeps it: one
 * number per address). While an address is held back its requests are refused unread, right token or wrong:
 * whoever guesses learns nothing.
 *
 * The table is bounded. While it is full, addresses that are not in it share one bucket: nobody is pushed out of it by a flood
 * from many addresses.
 */

import { addressGroup } from "../access/address-group.ts";

/** Wrong tokens of an address in one go. */
export const wrongTokensMax = 20;
/** After that one in so many milliseconds: 20 a minute. */
export const wrongTokenEveryMs = 3_000;
/** Addresses remembered, each for a minute at most after its last wrong token. */
export const attemptAddressesMax = 10_000;
/** A full table is searched for entries that are over at most once in so many milliseconds. */
const sweepEveryMs = 1_000;

/** Who has one IPv6 address has a /64 at least. */
const grouping = { trustedProxies: [], ipv4Prefix: 32, ipv6Prefix: 64 };
/** Of addresses that are none (a local socket), and of those for which there is no room. */
const shared = "";

export class TokenAttempts {
  /** By address: when its bucket will be empty. */
  readonly #emptyAtMs = new Map<string, number>();
  #sweptAtMs = Number.NEGATIVE_INFINITY;

  /** How long the address has to wait before another token of it is looked at; 0: it need not. */
  waitMs(address: string, nowMs: number): number {
    const full = nowMs + wrongTokensMax * wrongTokenEveryMs;
    const emptyAtMs = this.#emptyAtMs.get(this.#bucketOf(address)) ?? nowMs;
    return Math.max(0, emptyAtMs + wrongTokenEveryMs - full);
  }

  /** The address has presented a wrong token. */
  failed(address: string, nowMs: number): void {
    if (this.#emptyAtMs.size >= attemptAddressesMax) this.#sweep(nowMs);
    const bucket = this.#bucketOf(address);
    const emptyAtMs = Math.max(nowMs, this.#emptyAtMs.get(bucket) ?? nowMs);
    this.#emptyAtMs.set(bucket, emptyAtMs + wrongTokenEveryMs);
  }

  #bucketOf(address: string): string {
    const bucket = addressGroup(address, grouping);
    const isFull = this.#emptyAtMs.size >= attemptAddressesMax;
    return isFull && !this.#emptyAtMs.has(bucket) ? shared : bucket;
  }

  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptAtMs < sweepEveryMs) return;
    this.#sweptAtMs = nowMs;
    for (const [bucket, emptyAtMs] of this.#emptyAtMs) {
      if (emptyAtMs <= nowMs) this.#emptyAtMs.delete(bucket);
    }
  }
}
