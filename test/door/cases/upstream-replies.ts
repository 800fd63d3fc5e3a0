/** Group L: upstreams that misbehave. The rig waits 800 ms for a reply's head and 500 ms for more of its body. */

import { leaves, resets, type Step } from "../../support/raw-http.ts";
import { type CaseGroup, type DoorCase, get, head, post } from "./case.ts";

const ok = "HTTP/1.1 200 OK\r\n";

/** No good, so the caller gets 502. Charged, since the request was sent; sent once, since POST is not idempotent. */
function bad(what: string, ...upstream: readonly Step[]): DoorCase {
  const of = { what, upstream, send: [post("Content-Length: 0\r\n")] };
  return { ...of, answer: [502], forwarded: 1, staysOpen: true };
}

/** Its head was good, so the caller has got it: the rest is missing. */
function broken(what: string, ...upstream: readonly Step[]): DoorCase {
  return { what, upstream, send: [get()], answer: [], forwarded: 1, staysOpen: false };
}

/** Passed on. */
function good(what: string, ...upstream: readonly Step[]): DoorCase {
  return { what, upstream, send: [get()], answer: [200] };
}

const trickled: Step[] = Array.from({ length: 12 }, (_, i): Step[] => [
  250,
  `X-${i}: a\r\n`,
]).flat();

export const upstreamReplies: CaseGroup = {
  letter: "L",
  title: "Upstreams that misbehave",
  cases: [
    bad("no HTTP at all", "220 mail.example.com ESMTP\r\n\r\n"),
    bad("a reply of HTTP/2 frames", "\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\x10\0\0"),
    bad("status 000", "HTTP/1.1 000 Nothing\r\nContent-Length: 0\r\n\r\n"),
    bad("status 99", "HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n"),
    bad("status 1000", "HTTP/1.1 1000 High\r\nContent-Length: 0\r\n\r\n"),
    bad(
      "Content-Length and Transfer-Encoding",
      `${ok}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ),
    bad("two different Content-Length", `${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`),
    bad("`Content-Length: +2`", `${ok}Content-Length: +2\r\n\r\nok`),
    bad("Content-Length of 20 digits", `${ok}Content-Length: 99999999999999999999\r\n\r\nok`),
    bad("a field without a colon", `${ok}nonsense\r\nContent-Length: 2\r\n\r\nok`),
    bad("NUL in a value", `${ok}X-A: a\0b\r\nContent-Length: 2\r\n\r\nok`),
    bad("CR in a value", `${ok}X-A: a\rb\r\nContent-Length: 2\r\n\r\nok`),
    bad("a value folded over two lines", `${ok}X-A: a\r\n b\r\nContent-Length: 2\r\n\r\nok`),
    bad("blank in a name", `${ok}X A: a\r\nContent-Length: 2\r\n\r\nok`),
    bad("a field of 20 KB", `${ok}X-A: ${"a".repeat(20_000)}\r\nContent-Length: 2\r\n\r\nok`),
    bad(
      "fields without end",
      ok,
      ...Array.from({ length: 40 }, (): Step[] => [1, `X-A: ${"a".repeat(1_000)}\r\n`]).flat(),
    ),
    bad("100 Continue unasked", "HTTP/1.1 100 Continue\r\n\r\n"),
    bad(
      "101 unasked",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    ),
    bad("closed without a byte", leaves),
    bad("reset without a byte", resets),
    bad("closed in the middle of the head", `${ok}Content-Le`, 20, leaves),
    { ...bad("a head of which a field comes now and then", ok, ...trickled), answer: [504] },
    { ...bad("silence"), answer: [504] },
    broken(
      "reset in the middle of the body",
      `${ok}Content-Length: 100000\r\n\r\n${"a".repeat(50_000)}`,
      50,
      resets,
    ),
    broken(
      "closed before the end of the body",
      `${ok}Content-Length: 100000\r\n\r\n${"a".repeat(50_000)}`,
      50,
      leaves,
    ),
    broken(
      "closed before the last chunk",
      `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
      50,
      leaves,
    ),
    broken(
      "chunk size `0x5`",
      `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
      50,
      "0x5\r\nhello\r\n0\r\n\r\n",
    ),
    broken("silence in the middle of the body", `${ok}Content-Length: 10\r\n\r\nhello`),
    {
      ...good(
        "103 Early Hints, a thousand times, then 200",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(1_000) +
          `${ok}Content-Length: 2\r\n\r\nok`,
      ),
      upstreamGoesOn: true,
      why: "interim replies are not passed on",
    },
    {
      ...good(
        "a second reply behind the first",
        `${ok}Content-Length: 2\r\n\r\nok${ok}Content-Length: 5\r\n\r\nfalse`,
      ),
      gets: { body: "ok" },
      why: "nobody gets the second",
    },
    {
      ...good("more bytes than Content-Length", `${ok}Content-Length: 2\r\n\r\nok, and more`),
      gets: { body: "ok" },
    },
    {
      ...good("a body that ends with the connection", "HTTP/1.0 200 OK\r\n\r\nhello", 20, leaves),
      gets: { body: "hello" },
    },
    {
      what: "the reply before the body was read",
      upstream: ["HTTP/1.1 403 Forbidden\r\nX-Shop: a\r\nContent-Length: 2\r\n\r\nno"],
      upstreamIsEarly: true,
      send: [post("Content-Length: 60000\r\n", "a".repeat(30_000)), 300, "a".repeat(30_000)],
      answer: [403],
      forwarded: 1,
    },
    {
      ...good("204 with a body", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok"),
      answer: [204],
    },
    {
      ...good("a body in the reply to HEAD", `${ok}Content-Length: 2\r\n\r\nok`),
      send: [head("HEAD /r HTTP/1.1", "Connection: close\r\n")],
      answer: [],
      forwarded: 1,
      staysOpen: false,
    },
    {
      ...good(
        "its own RateLimit, x-request-id, x-region, x-tallygate-outcome",
        `${ok}RateLimit: "a";r=0\r\nx-region: moon\r\nx-tallygate-outcome: a\r\nContent-Length: 2\r\n\r\nok`,
      ),
      gets: { fields: { "x-region": "sydney", "x-tallygate-outcome": undefined } },
      upstreamGoesOn: true,
    },
    {
      ...good(
        "fields of its connection, and those that Connection names",
        `${ok}Connection: x-secret\r\nX-Secret: a\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok`,
      ),
      gets: {
        fields: { "x-secret": undefined, "proxy-authenticate": undefined, upgrade: undefined },
      },
      upstreamGoesOn: true,
    },
    {
      ...good(
        "Server, and two Set-Cookie",
        `${ok}Server: shop\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok`,
      ),
      gets: { fields: { server: "shop", "set-cookie": "a=1, b=2" } },
      upstreamGoesOn: true,
      why: "passed on as they are: the site's business",
    },
    {
      ...good(
        "trailers",
        `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Secret: a\r\n\r\n`,
      ),
      gets: { body: "ok", fields: { "x-secret": undefined } },
      upstreamGoesOn: true,
      why: "dropped",
    },
    {
      ...good(
        "a redirect to an address within",
        "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n",
      ),
      answer: [302],
      forwarded: 1,
      staysOpen: true,
      gets: { fields: { location: "http://169.254.169.254/latest" } },
      upstreamGoesOn: true,
      why: "passed on, never followed",
    },
    {
      ...good(
        "500 of its own",
        "HTTP/1.1 500 Internal Server Error\r\nX-Shop: a\r\nContent-Type: application/problem+json\r\nContent-Length: 2\r\n\r\n{}",
      ),
      answer: [500],
      forwarded: 1,
      staysOpen: true,
      gets: { body: "{}" },
      upstreamGoesOn: true,
      why: "its answer, passed on",
    },
  ],
  elsewhere: [
    {
      what: "a certificate of another name, or of nobody known",
      answer: "502, nothing was sent",
      test: "src/adapters/node/upstream-tls.test.ts",
    },
    {
      what: "a name that nobody knows; addresses that it must not stand for",
      answer: "502, nothing was sent",
      test: "src/gateway/upstream-set.test.ts",
    },
    {
      what: "all targets down; targets that flap, hang, come back",
      answer: "failover within a second, else 503 at once; charged as the answer says",
      test: "test/upstreams.test.ts",
    },
    {
      what: "a reply whose client has left",
      answer: "the upstream's call is cancelled",
      test: "src/gateway/proxy-run.test.ts",
    },
    {
      what: "a reply without end",
      answer: "as fast as the client takes it, in bounded memory",
      test: "src/adapters/node/upstream-client.test.ts",
    },
  ],
};
