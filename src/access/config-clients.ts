/**
 * `clients`: how a call's address is found, what of it is one caller, and how much memory strangers can take. Limits `per: ip`
 * get ceilings here for the IPv6 blocks around a caller: who holds a /48 holds 65,536 callers otherwise.
 */

import * as z from "zod";
import type { Cidr, ClientsConfig, Ipv6Aggregate } from "./compiled-config.ts";
import { group, list, wholeNumber } from "./config-fields.ts";
import type { ProblemList } from "./config-problem.ts";
import { parseCidr } from "./ip-address.ts";

const trustedProxiesMax = 1_024;
const aggregatesMax = 4;
const timesMax = 1_000_000;

/**
 * A home or a small office has a /56 and uses a few of its 256 /64; a company's site has a /48. Callers of a carrier that puts
 * many of them into one /48 share it, as those behind one IPv4 address do. Half as much would hold up a student house; twice as
 * much is what one rented server can get for nothing.
 */
const aggregatesDefault: readonly Ipv6Aggregate[] = [
  { prefix: 56, times: 4 },
  { prefix: 48, times: 16 },
];

/** 240 MB for each window in use, at 24 bytes a counter: a day and a month of 10 million addresses are half a gigabyte. */
const addressesMaxDefault = 10_000_000;

/** A ten-thousandth of what the addresses that filled the window may use; enough for a thousand newcomers. */
const sharedTimesDefault = 1_000;

const aggregate = group({
  prefix: wholeNumber(16, 127).describe("Leading bits of the block; fewer than `ipv6Prefix`."),
  times: wholeNumber(1, timesMax).describe("Quotas of one caller that the whole block has."),
});

export const clientsSchema = group({
  trustedProxies: list(z.string({ error: "a CIDR block such as 10.0.0.0/8" }), 0, trustedProxiesMax)
    .optional()
    .describe("CIDR blocks whose X-Forwarded-For is believed, read from the right. Default none."),
  ipv4Prefix: wholeNumber(8, 32)
    .optional()
    .describe("Leading bits of an IPv4 address that make one caller. Default 32."),
  ipv6Prefix: wholeNumber(16, 128)
    .optional()
    .describe("Leading bits of an IPv6 address that make one caller. Default 64."),
  ipv6Aggregates: list(aggregate, 0, aggregatesMax)
    .optional()
    .describe(
      "Ceilings for the IPv6 blocks around a caller, for each limit `per: ip`: all callers of the block together may use `times` its quota. The ceiling of limit `day` for /48 is called `day/48`. [] for none. Default [{ prefix: 56, times: 4 }, { prefix: 48, times: 16 }], as far as shorter than `ipv6Prefix`.",
    ),
  addressesMax: wholeNumber(1_000, 1_000_000_000)
    .optional()
    .describe(
      "Counters of one window, at about 24 bytes each, from which on new addresses, referers and values of header, query and path share one counter per limit. Those that have a counter keep it; keys and owners always get one. Default 10000000.",
    ),
  sharedTimes: wholeNumber(1, timesMax)
    .optional()
    .describe("Quotas of the limit that the shared counter has. Default 1000."),
});

type ClientsInput = z.infer<typeof clientsSchema>;

export function compileClients(
  written: ClientsInput | undefined,
  problems: ProblemList,
): ClientsConfig {
  const trustedProxies: Cidr[] = [];
  for (const [i, text] of (written?.trustedProxies ?? []).entries()) {
    const cidr = parseCidr(text);
    if ("error" in cidr) {
      problems.add(["clients", "trustedProxies", i], cidr.error, { value: text });
    } else trustedProxies.push(cidr);
  }
  const ipv6Prefix = written?.ipv6Prefix ?? 64;
  return {
    trustedProxies,
    ipv4Prefix: written?.ipv4Prefix ?? 32,
    ipv6Prefix,
    ipv6Aggregates: compileAggregates(written?.ipv6Aggregates, ipv6Prefix, problems),
    addressesMax: written?.addressesMax ?? addressesMaxDefault,
    sharedTimes: written?.sharedTimes ?? sharedTimesDefault,
  };
}

function compileAggregates(
  written: readonly Ipv6Aggregate[] | undefined,
  ipv6Prefix: number,
  problems: ProblemList,
): readonly Ipv6Aggregate[] {
  const aggregates = written ?? aggregatesDefault.filter(({ prefix }) => prefix < ipv6Prefix);
  for (const [i, { prefix }] of aggregates.entries()) {
    const path = ["clients", "ipv6Aggregates", i, "prefix"];
    if (prefix >= ipv6Prefix) {
      problems.add(path, `fewer bits than ipv6Prefix (${ipv6Prefix})`, { value: prefix });
    } else if (aggregates.findIndex((other) => other.prefix === prefix) !== i) {
      problems.add(path, "each prefix once", { value: prefix });
    }
  }
  return aggregates.toSorted((a, b) => b.prefix - a.prefix);
}
