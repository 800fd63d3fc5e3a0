/** Which connections are of one client: those whose addresses have one prefix, as for anonymous calls. */

import type { ClientsConfig } from "./compiled-config.ts";
import { formatAddress, isInCidr, maskAddress, parseAddress } from "./ip-address.ts";

/** The group of a peer's address; "" for those that are not counted: trusted proxies, which bring many, and local sockets. */
export function addressGroups(clients: ClientsConfig): (peerAddress: string) => string {
  const { trustedProxies, ipv4Prefix, ipv6Prefix } = clients;
  const words = new Uint32Array(4);
  return (peerAddress) => {
    if (!parseAddress(peerAddress, words)) return "";
    if (trustedProxies.some((block) => isInCidr(words, block))) return "";
    maskAddress(words, ipv4Prefix, ipv6Prefix);
    return formatAddress(words);
  };
}
