/** Which connections are of one client: those whose addresses have one prefix, as for anonymous calls. */

import type { ClientsConfig } from "./compiled-config.ts";
import { formatAddress, maskAddress, parseAddress } from "./ip-address.ts";
import { isTrustedProxy } from "./trusted-proxies.ts";

type Grouping = Pick<ClientsConfig, "trustedProxies" | "ipv4Prefix" | "ipv6Prefix">;

/** The group of a peer's address; "" for those that are not counted: trusted proxies, which bring many, and local sockets. */
export function addressGroup(peerAddress: string, clients: Grouping): string {
  const { trustedProxies, ipv4Prefix, ipv6Prefix } = clients;
  const words = new Uint32Array(4);
  if (!parseAddress(peerAddress, words) || isTrustedProxy(peerAddress, trustedProxies)) return "";
  maskAddress(words, ipv4Prefix, ipv6Prefix);
  return formatAddress(words);
}
