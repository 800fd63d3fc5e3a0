/**
 * IP geolocation as a handler: `GET /8.8.8.8` answers where the address is, `GET /` where the caller is. It answers at
 * once, without a promise, so that the gateway answers at once too.
 *
 * In a project of your own: `import { FastResponse, type HandlerCall } from "tallygate"`.
 */

import { type IPVersion, isIP, SocketAddress } from "node:net";
import { FastResponse, type HandlerCall } from "../../src/index.ts";
import { type Databases, openDatabases } from "./databases.ts";
import { specialRangeOf } from "./special-ranges.ts";

const jsonFields: [string, string][] = [["content-type", "application/json; charset=utf-8"]];
const problemFields: [string, string][] = [["content-type", "application/problem+json"]];

export default createLookup(openDatabases(process.env["TALLYGATE_EXAMPLE_CITY"] ?? ""));

export function createLookup(databases: Databases): (_: Request, call: HandlerCall) => Response {
  const { attribution } = databases;
  return (_request, call) => {
    const asked = parseAddress(call.params["ip"] ?? call.clientAddress);
    if (asked === undefined) return invalid(call);
    const { address, version } = asked;
    const reserved = specialRangeOf(address, version);
    if (reserved !== undefined) return json({ ip: address, country: null, reserved });
    const found = databases.city?.(address, version);
    if (found === undefined) {
      const country = countryOf(databases.country(address));
      return json({ ip: address, country, attribution });
    }
    const { country, ...place } = found;
    return json({ ip: address, country: countryOf(country), ...place, attribution });
  };
}

function json(body: object): Response {
  return new FastResponse(JSON.stringify(body), { headers: jsonFields });
}

function invalid(call: HandlerCall): Response {
  const problem = {
    type: "about:blank",
    title: "Bad Request",
    status: 400,
    detail: "Not an IP address. Ask for one such as /8.8.8.8 or /2001:4860:4860::8888.",
    instance: call.requestId,
  };
  return new FastResponse(JSON.stringify(problem), { status: 400, headers: problemFields });
}

interface Asked {
  /** In its shortest form; IPv4 written as IPv6 is IPv4. */
  readonly address: string;
  readonly version: IPVersion;
}

function parseAddress(text: string): Asked | undefined {
  const family = isIP(text);
  if (family === 4) return { address: text, version: "ipv4" };
  // A zone (`fe80::1%eth0`) means something on one machine only.
  if (family === 0 || text.includes("%")) return undefined;
  const { address } = new SocketAddress({ address: text, family: "ipv6" });
  const mapped = /^::ffff:([\d.]+)$/.exec(address)?.[1];
  if (mapped !== undefined) return { address: mapped, version: "ipv4" };
  return { address, version: "ipv6" };
}

const english = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });
interface Country {
  readonly code: string;
  /** Null for codes that stand for no country. */
  readonly name: string | null;
}

/** At most one entry for each code in the database. */
const countries = new Map<string, Country>();

function countryOf(code: string | undefined): Country | null {
  if (code === undefined) return null;
  let country = countries.get(code);
  if (country === undefined) {
    country = { code, name: /^[A-Z]{2}$/.test(code) ? (english.of(code) ?? null) : null };
    countries.set(code, country);
  }
  return country;
}
