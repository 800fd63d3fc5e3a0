/**
 * Which addresses the gateway connects to for an upstream. What stands in the configuration as an address was meant; what
 * a name stands for is decided by whoever runs its DNS, who must not reach what only the gateway can.
 * Source: the special-purpose registries of IANA (RFC 6890).
 */

import type { Cidr } from "./compiled-config.ts";
import { isInCidr, parseAddress, parseCidr } from "./ip-address.ts";

const blocks = (...texts: readonly string[]): readonly Cidr[] =>
  texts.map((text) => parseCidr(text) as Cidr);

const loopbackBlocks = blocks("127.0.0.0/8", "::1");

/** Networks of somebody's own, shared ones of providers included. */
const privateBlocks = blocks(
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "fc00::/7",
);

/** Link-local, where clouds keep their metadata, and what is no place to connect to. */
const forbiddenBlocks = blocks(
  "169.254.0.0/16",
  "fe80::/10",
  "fec0::/10",
  "fd00:ec2::254",
  "fd20:ce::254",
  "100.100.100.200",
  "0.0.0.0/8",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "192.0.0.0/24",
  "198.18.0.0/15",
  "::",
  "ff00::/8",
  // Ways to write IPv4 addresses that an intermediary unpacks: NAT64, 6to4, Teredo, IPv4-compatible.
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "2002::/16",
  "2001::/32",
  "::/96",
);

export type AddressKind = "public" | "private" | "loopback" | "forbidden" | "not-an-address";

export function addressKind(text: string): AddressKind {
  const words = new Uint32Array(4);
  if (!parseAddress(text, words)) return "not-an-address";
  const isIn = (list: readonly Cidr[]): boolean => list.some((block) => isInCidr(words, block));
  if (isIn(loopbackBlocks)) return "loopback";
  if (isIn(forbiddenBlocks)) return "forbidden";
  return isIn(privateBlocks) ? "private" : "public";
}

/** The host of an origin without the brackets of IPv6. */
export function hostOf(origin: string): string {
  const { hostname } = new URL(origin);
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}

/** `localhost` and the names below it stand for loopback and nothing else (RFC 6761, 6.3). */
function isLocalhost(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost");
}

/** Whether an address that `name` was resolved to may be connected to. */
export function mayConnect(name: string, address: string, allowPrivate: boolean): boolean {
  const kind = addressKind(address);
  if (kind === "public") return !isLocalhost(name);
  if (kind === "loopback") return allowPrivate || isLocalhost(name);
  return kind === "private" && allowPrivate && !isLocalhost(name);
}
