/** Groups H and I: keys, and where a call comes from. */

import { type CaseGroup, type DoorCase, get } from "./case.ts";

function keyed(
  what: string,
  lines: string,
  answer: number,
  more: Partial<DoorCase> = {},
): DoorCase {
  return { what, send: [`GET /r HTTP/1.1\r\nHost: a\r\n${lines}\r\n`], answer: [answer], ...more };
}

/** Let in as a caller without a key. */
const anonymous: Partial<DoorCase> = { charged: 0, forwarded: 1 };

export const keyCases: CaseGroup = {
  letter: "H",
  title: "Keys",
  cases: [
    keyed("none", "", 200, { ...anonymous, why: "the anonymous plan; 401 where there is none" }),
    keyed("empty", "X-Api-Key:\r\n", 401),
    keyed("`Bearer` alone", "Authorization: Bearer\r\n", 401),
    keyed("as Bearer", "Authorization: Bearer {key}\r\n", 200, {
      seen: { fields: { authorization: undefined } },
    }),
    keyed("another scheme of Authorization", "Authorization: Basic eDp5\r\n", 200, {
      ...anonymous,
      seen: { fields: { authorization: "Basic eDp5" } },
      why: "no key, but the upstream's business",
    }),
    keyed(
      "two places, different keys",
      "X-Api-Key: {key}\r\nAuthorization: Bearer {other}\r\n",
      400,
    ),
    keyed("two places, one key", "X-Api-Key: {key}\r\nAuthorization: Bearer {key}\r\n", 200),
    {
      what: "in the query",
      send: ["GET /r?api-key={key} HTTP/1.1\r\nHost: a\r\n\r\n"],
      answer: [200],
      ...anonymous,
      why: "not read unless `keys.from` lists it",
    },
    keyed("of 1 MB", `X-Api-Key: ${"a".repeat(1_000_000)}\r\n`, 431),
    keyed("with a wrong checksum", "X-Api-Key: {mistyped}\r\n", 401),
    keyed("right in form, unknown", "X-Api-Key: {unknown}\r\n", 401),
    keyed("revoked", "X-Api-Key: {revoked}\r\n", 401),
    keyed("expired", "X-Api-Key: {expired}\r\n", 401),
    keyed("of another route", "X-Api-Key: {restricted}\r\n", 403),
    keyed("with a look-alike of another alphabet", "X-Api-Key: {key}\xd0\xb0\r\n", 401),
    keyed("with blanks behind", "X-Api-Key: {key} \t\r\n", 200, {
      why: "no part of the value (RFC 9110, 5.5)",
    }),
    keyed("in quotes", 'X-Api-Key: "{key}"\r\n', 401),
  ],
};

/** What the upstream is told of where the call comes from. */
function from(
  what: string,
  lines: string,
  address: string,
  more: Partial<DoorCase> = {},
): DoorCase {
  return {
    ...{ what, send: [get(lines)], answer: [200] },
    seen: { fields: { "x-forwarded-for": address } },
    ...more,
  };
}

const proxy = { from: "127.0.0.2" };
const self = "127.0.0.1";

export const addressCases: CaseGroup = {
  letter: "I",
  title: "Where a call comes from",
  cases: [
    from("X-Forwarded-For of somebody not trusted", "X-Forwarded-For: 203.0.113.9\r\n", self, {
      why: "ignored, and not passed on",
    }),
    from(
      "X-Real-IP, True-Client-IP, CF-Connecting-IP, Forwarded",
      "X-Real-IP: 203.0.113.9\r\nTrue-Client-IP: 203.0.113.9\r\nCF-Connecting-IP: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n",
      self,
    ),
    from(
      "a trusted proxy names the caller",
      "X-Forwarded-For: 203.0.113.9\r\n",
      "203.0.113.9",
      proxy,
    ),
    from(
      "a trusted proxy, forged entries at the left",
      "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n",
      "203.0.113.9",
      proxy,
    ),
    from(
      "several lines are one list",
      "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.9\r\n",
      "203.0.113.9",
      proxy,
    ),
    from(
      "1,000 entries",
      `X-Forwarded-For: ${"1.1.1.1, ".repeat(999)}203.0.113.9\r\n`,
      "203.0.113.9",
      proxy,
    ),
    from("`unknown`", "X-Forwarded-For: unknown\r\n", "127.0.0.2", proxy),
    from("`_hidden`", "X-Forwarded-For: 203.0.113.9, _hidden\r\n", "127.0.0.2", proxy),
    from("with a port", "X-Forwarded-For: 203.0.113.9:4711\r\n", "203.0.113.9", proxy),
    from("`[v6]:port`", "X-Forwarded-For: [2001:db8::7]:4711\r\n", "2001:db8::7", proxy),
    from("with a zone", "X-Forwarded-For: fe80::1%eth0\r\n", "127.0.0.2", proxy),
    from("`::ffff:203.0.113.9`", "X-Forwarded-For: ::ffff:203.0.113.9\r\n", "203.0.113.9", proxy),
    from("a private address", "X-Forwarded-For: 10.1.2.3\r\n", "10.1.2.3", {
      ...proxy,
      why: "the proxy's word counts",
    }),
    from(
      "Forwarded beside X-Forwarded-For",
      "Forwarded: for=6.6.6.6\r\nX-Forwarded-For: 203.0.113.9\r\n",
      "203.0.113.9",
      { ...proxy, why: "Forwarded is not read" },
    ),
  ],
  elsewhere: [
    {
      what: "PROXY protocol of somebody not trusted, cut short, too long",
      answer: "not read as such, closed",
      test: "src/adapters/node",
    },
    {
      what: "addresses of one /64, across a /56 and a /48",
      answer: "one caller; the aggregate's limit",
      test: "src/gateway/identify.test.ts",
    },
  ],
};
