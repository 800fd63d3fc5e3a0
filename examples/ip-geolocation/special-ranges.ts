/**
 * Addresses that belong to no place: IANA's registries of special-purpose addresses (RFC 6890,
 * iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry) and multicast.
 */

import { BlockList, type IPVersion } from "node:net";

export interface SpecialRange {
  readonly range: string;
  readonly use: string;
  readonly rfc: number;
}

/** Of ranges within one another, the narrower comes first. */
const ranges: Readonly<Record<IPVersion, readonly SpecialRange[]>> = {
  ipv4: [
    { range: "0.0.0.0/8", use: "this network", rfc: 791 },
    { range: "10.0.0.0/8", use: "private network", rfc: 1918 },
    { range: "100.64.0.0/10", use: "shared by customers of one provider", rfc: 6598 },
    { range: "127.0.0.0/8", use: "loopback", rfc: 1122 },
    { range: "169.254.0.0/16", use: "link-local", rfc: 3927 },
    { range: "172.16.0.0/12", use: "private network", rfc: 1918 },
    { range: "192.0.0.0/24", use: "protocol assignments", rfc: 6890 },
    { range: "192.0.2.0/24", use: "documentation", rfc: 5737 },
    { range: "192.168.0.0/16", use: "private network", rfc: 1918 },
    { range: "198.18.0.0/15", use: "benchmarking", rfc: 2544 },
    { range: "198.51.100.0/24", use: "documentation", rfc: 5737 },
    { range: "203.0.113.0/24", use: "documentation", rfc: 5737 },
    { range: "224.0.0.0/4", use: "multicast", rfc: 5771 },
    { range: "255.255.255.255/32", use: "limited broadcast", rfc: 919 },
    { range: "240.0.0.0/4", use: "reserved for later", rfc: 1112 },
  ],
  ipv6: [
    { range: "::/128", use: "unspecified", rfc: 4291 },
    { range: "::1/128", use: "loopback", rfc: 4291 },
    { range: "64:ff9b::/96", use: "IPv4 as seen through NAT64", rfc: 6052 },
    { range: "64:ff9b:1::/48", use: "IPv4 as seen through a local NAT64", rfc: 8215 },
    { range: "100::/64", use: "discard only", rfc: 6666 },
    { range: "2001::/32", use: "Teredo", rfc: 4380 },
    { range: "2001:2::/48", use: "benchmarking", rfc: 5180 },
    { range: "2001:db8::/32", use: "documentation", rfc: 3849 },
    { range: "2002::/16", use: "6to4", rfc: 3056 },
    { range: "3fff::/20", use: "documentation", rfc: 9637 },
    { range: "5f00::/16", use: "segment routing", rfc: 9602 },
    { range: "fc00::/7", use: "private network", rfc: 4193 },
    { range: "fe80::/10", use: "link-local", rfc: 4291 },
    { range: "ff00::/8", use: "multicast", rfc: 4291 },
  ],
};

const all = new BlockList();
const each = new Map<SpecialRange, BlockList>();
for (const version of ["ipv4", "ipv6"] as const) {
  for (const special of ranges[version]) {
    const [network, bits] = special.range.split("/") as [string, string];
    const alone = new BlockList();
    for (const list of [all, alone]) list.addSubnet(network, Number(bits), version);
    each.set(special, alone);
  }
}

/** Undefined for an address that somebody may hold. */
export function specialRangeOf(address: string, version: IPVersion): SpecialRange | undefined {
  // One look for nearly all; the list's parts only when it says yes.
  if (!all.check(address, version)) return undefined;
  return ranges[version].find((special) => each.get(special)?.check(address, version));
}
