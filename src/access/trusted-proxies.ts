/** Whether a peer is one of the proxies that the configuration trusts. */

import type { Cidr } from "./compiled-config.ts";
import { isInCidr, parseAddress } from "./ip-address.ts";

/** `peer`: an address as a socket tells it; one that cannot be read is not trusted. */
export function isTrustedProxy(peer: string, trustedProxies: readonly Cidr[]): boolean {
  const words = new Uint32Array(4);
  return parseAddress(peer, words) && trustedProxies.some((block) => isInCidr(words, block));
}
