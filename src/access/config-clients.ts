/**
 * `clients`: how a call's address is found, what of it is one caller, and how much memory strangers can take. Limits `per: ip`
 * get ceilings here for the IPv6 blocks around a caller: who holds a /48 holds 65,536 callers otherwise.
 */

import * as z from "zod";
import { AddressLists, listedBlocksMax } from "./address-lists.ts";
import type { BlockRule, Cidr, ClientsConfig, Ipv6Aggregate } from "./compiled-config.ts";
import { duration, group, list, wholeNumber } from "./config-fields.ts";
import { resolveBeside } from "./config-paths.ts";
import type { ConfigPath, ProblemList } from "./config-problem.ts";
import { durationBetween } from "./config-settings.ts";
import { parseCidr } from "./ip-address.ts";

const trustedProxiesMax = 1_024;
const aggregatesMax = 4;
const timesMax = 1_000_000;
/** Blocks written in the configuration itself; more are in a file. */
const inlineBlocksMax = 10_000;

/** A program with an old key calls once a second and should hear why. */
const wrongKeysDefault = 60;

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

const block = z.string({ error: "a CIDR block such as 203.0.113.0/24" });
const blockFile = z
  .string({ error: "the path of a file" })
  .min(1, { error: "the path of a file" })
  .optional();

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
  allow: list(block, 0, inlineBlocksMax)
    .optional()
    .describe(
      "Addresses that may call; if any are given, all others may not (403). Of blocks inside each other the longest prefix decides, of equal ones `deny`.",
    ),
  deny: list(block, 0, inlineBlocksMax)
    .optional()
    .describe("Addresses that may not call (403), with a key or without."),
  allowFile: blockFile.describe(
    "A file of further addresses for `allow`: one address or block a line, # begins a comment; up to 100,000. Relative to this file, read when it is.",
  ),
  denyFile: blockFile.describe("The same for `deny`."),
  wrongKeysPerMinute: wholeNumber(1, 60_000)
    .optional()
    .describe(
      "Wrong keys of one address in a minute and process, after which further ones are 429 instead of 401. Default 60.",
    ),
  block: group({
    after: wholeNumber(20, 60_000).describe("Refusals (429) within a minute and process."),
    for: duration.describe("How long, 1s to 24h."),
  })
    .optional()
    .describe(
      "Blocks an address that goes on calling after a 429 of the anonymous plan: its calls without a valid key are 403 for a while. Default: never.",
    ),
});

type ClientsInput = z.infer<typeof clientsSchema>;

interface Surroundings {
  /** The configuration's own path, against which files are resolved. */
  readonly file: string;
  /** Undefined: there is no such file, or it cannot be read. */
  readonly readText: (path: string) => string | undefined;
  readonly problems: ProblemList;
}

export function compileClients(
  written: ClientsInput | undefined,
  around: Surroundings,
): ClientsConfig {
  const { problems } = around;
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
    lists: compileLists(written, around),
    wrongKeysPerMinute: written?.wrongKeysPerMinute ?? wrongKeysDefault,
    block: compileBlock(written?.block, problems),
  };
}

function compileLists(
  written: ClientsInput | undefined,
  around: Surroundings,
): AddressLists | undefined {
  const allow = blocksOf("allow", written, around);
  const deny = blocksOf("deny", written, around);
  return allow.length + deny.length === 0 ? undefined : new AddressLists(allow, deny);
}

function blocksOf(
  name: "allow" | "deny",
  written: ClientsInput | undefined,
  around: Surroundings,
): readonly Cidr[] {
  const { problems } = around;
  const blocks: Cidr[] = [];
  const add = (path: ConfigPath, text: string, place: string): void => {
    const cidr = parseCidr(text);
    if (!("error" in cidr)) blocks.push(cidr);
    else problems.add(path, cidr.error, { text: place + JSON.stringify(text.slice(0, 64)) });
  };
  for (const [i, text] of (written?.[name] ?? []).entries()) add(["clients", name, i], text, "");
  const target = written?.[`${name}File`];
  if (target === undefined) return blocks;
  const path: ConfigPath = ["clients", `${name}File`];
  const text = around.readText(resolveBeside(around.file, target));
  if (text === undefined) {
    problems.add(path, "a file that can be read, relative to the configuration file", {
      value: target,
    });
    return blocks;
  }
  // A file of another kind would be wrong in every line.
  const wrongBefore = problems.all.length;
  for (const [i, line] of text.split("\n").entries()) {
    const entry = (line.split("#", 1)[0] as string).trim();
    if (entry === "") continue;
    add(path, entry, `line ${i + 1}: `);
    if (problems.all.length >= wrongBefore + wrongLinesMax) break;
  }
  if (blocks.length === 0) problems.add(path, "a file with an address in it", { value: target });
  if (blocks.length > listedBlocksMax) {
    problems.add(path, `at most ${listedBlocksMax} addresses and blocks`, {
      text: `${blocks.length}`,
    });
  }
  return blocks;
}

/** Wrong lines of a file that are told. */
const wrongLinesMax = 10;

function compileBlock(
  written: ClientsInput["block"],
  problems: ProblemList,
): BlockRule | undefined {
  if (written === undefined) return undefined;
  const setting = { path: ["clients", "block", "for"], text: written.for, otherwiseMs: 0 };
  const forMs = durationBetween({ ...setting, minMs: 1_000, maxMs: 86_400_000 }, problems);
  return { after: written.after, forMs };
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
