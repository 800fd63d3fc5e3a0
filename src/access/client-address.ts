/**
 * The address a call is counted under. The peer's own, unless the peer is a trusted proxy: then
 * X-Forwarded-For is read from the right, each entry having been written by the hop to its right,
 * until an address that is not trusted. What stands left of it was written by strangers.
 */

import type { Cidr } from "./compiled-config.ts";
import { isHeaderName } from "./header-name.ts";
import { isInCidr, parseAddressAt } from "./ip-address.ts";

/** Entries read from the right, at most; a longer chain counts as its 32nd hop. */
export const forwardedEntriesMax = 32;

export interface AddressSource {
  /** The peer's address as the socket tells it. */
  readonly peer: string;
  /** Header fields as they came: name, value, name, value… */
  readonly rawHeaders: readonly string[];
  readonly trustedProxies: readonly Cidr[];
}

/**
 * Writes the caller's address to `out`, four words. False if the peer's address cannot be read (a
 * local socket), with `out` all zero.
 *
 * All X-Forwarded-For lines are one list. Empty entries are passed over (RFC 9110 5.6.1); anything
 * that is not an address ends the walk, and the last good address counts. Ports and `[v6]:port` are
 * understood, zone ids and `unknown` are not. Other header fields are never believed.
 */
export function clientAddress(source: AddressSource, out: Uint32Array): boolean {
  const { peer, rawHeaders, trustedProxies } = source;
  if (!parseAddressAt(peer, 0, peer.length, out)) {
    out.fill(0);
    return false;
  }
  if (trustedProxies.length === 0 || !isTrusted(out, trustedProxies)) return true;
  let entriesLeft = forwardedEntriesMax;
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2) {
    if (!isHeaderName(rawHeaders[i] as string, "x-forwarded-for")) continue;
    const value = rawHeaders[i + 1] as string;
    entriesLeft = walkEntries(value, trustedProxies, { out, entriesLeft });
    if (entriesLeft <= 0) break;
  }
  return true;
}

/** Entries left to read in lines further left; 0 when the walk is over. */
function walkEntries(
  value: string,
  trustedProxies: readonly Cidr[],
  walk: { readonly out: Uint32Array; readonly entriesLeft: number },
): number {
  let entriesLeft = walk.entriesLeft;
  let end = value.length;
  while (end >= 0) {
    if (entriesLeft-- <= 0) return 0;
    const comma = end === 0 ? -1 : value.lastIndexOf(",", end - 1);
    let from = comma + 1;
    let to = end;
    while (from < to && isBlank(value.charCodeAt(from))) from++;
    while (to > from && isBlank(value.charCodeAt(to - 1))) to--;
    if (from < to) {
      if (!parseHostPort(value, from, to, walk.out)) return 0;
      if (!isTrusted(walk.out, trustedProxies)) return 0;
    }
    if (comma < 0) break;
    end = comma;
  }
  return entriesLeft;
}

/** `1.2.3.4`, `1.2.3.4:567`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:567`. */
function parseHostPort(text: string, from: number, to: number, out: Uint32Array): boolean {
  if (text.charCodeAt(from) === 0x5b) {
    const close = text.indexOf("]", from);
    if (close < 0 || close >= to) return false;
    if (close + 1 < to && !isPort(text, close + 1, to)) return false;
    // Brackets are for IPv6 only.
    const colon = text.indexOf(":", from);
    return colon > 0 && colon < close && parseAddressAt(text, from + 1, close, out);
  }
  const colon = text.indexOf(":", from);
  const isOnlyColon = colon > 0 && colon < to && text.lastIndexOf(":", to - 1) === colon;
  if (!isOnlyColon) return parseAddressAt(text, from, to, out);
  return isPort(text, colon, to) && parseAddressAt(text, from, colon, out);
}

function isPort(text: string, from: number, to: number): boolean {
  if (text.charCodeAt(from) !== 0x3a || to - from < 2 || to - from > 6) return false;
  for (let i = from + 1; i < to; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return false;
  }
  return true;
}

function isTrusted(words: ArrayLike<number>, trustedProxies: readonly Cidr[]): boolean {
  for (let i = 0; i < trustedProxies.length; i++) {
    if (isInCidr(words, trustedProxies[i] as Cidr)) return true;
  }
  return false;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
