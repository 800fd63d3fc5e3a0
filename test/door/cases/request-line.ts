/** Groups C, D and E: request line, Host, Expect and Connection. */

import { leaves } from "../../support/raw-http.ts";
import { type CaseGroup, type DoorCase, get, head, post } from "./case.ts";

function line(what: string, text: string, answer: number, more: Partial<DoorCase> = {}): DoorCase {
  return { what, send: [head(text)], answer: [answer], ...more };
}

const h2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const hello = "\x16\x03\x01\x00\xf1\x01\x00\x00\xed\x03\x03abcdefghijklmnopqrstuvwxyz012345";

export const requestLine: CaseGroup = {
  letter: "C",
  title: "Request line",
  cases: [
    { what: "HTTP/0.9", send: ["GET /r\r\n\r\n"], answer: [505] },
    line("HTTP/1.2", "GET /r HTTP/1.2", 400, { why: "the parser knows of 1.0, 1.1 and 2.0 only" }),
    line("HTTP/2.0 in text", "GET /r HTTP/2.0", 505),
    line("`http/1.1`", "GET /r http/1.1", 400),
    line("two blanks", "GET  /r HTTP/1.1", 200, {
      seen: { start: "GET /r HTTP/1.1" },
      why: "forwarded with one",
    }),
    line("a tab instead of a blank", "GET\t/r HTTP/1.1", 400),
    line("blank in the target", "GET /r r HTTP/1.1", 400),
    line("NUL in the target", "GET /r\0r HTTP/1.1", 400),
    line("UTF-8 as it is in the target", "GET /caf\xc3\xa9 HTTP/1.1", 400),
    line("a fragment", "GET /r#a HTTP/1.1", 400),
    line("absolute form, another host", "GET http://evil.test/r HTTP/1.1", 400),
    line("absolute form, metadata address", "GET http://169.254.169.254/latest HTTP/1.1", 400),
    line("CONNECT", "CONNECT evil.test:443 HTTP/1.1", 405, { staysOpen: false }),
    line("`OPTIONS *`", "OPTIONS * HTTP/1.1", 400, { why: "asks of no route" }),
    line("`//evil.test/r`", "GET //evil.test/r HTTP/1.1", 400),
    line("`/\\evil.test/r`", "GET /\\evil.test/r HTTP/1.1", 400),
    line("target without `/`: `@evil.test`", "GET @evil.test HTTP/1.1", 400),
    line("target `!`", "GET ! HTTP/1.1", 400),
    line("a method that is not registered", "BREW /r HTTP/1.1", 501),
    line("a method in lower case", "get /r HTTP/1.1", 400),
    line("TRACE", "TRACE /r HTTP/1.1", 405),
    line("a target of 8,193 bytes", `GET /${"a".repeat(8_192)} HTTP/1.1`, 414),
    line("a target of 65 KB", `GET /${"a".repeat(65_000)} HTTP/1.1`, 431, {
      why: "the head is too long as well",
    }),
    { what: "the preface of HTTP/2", send: [h2], answer: [400] },
    { what: "a TLS hello", send: [hello], answer: [400] },
    {
      what: "blank lines before the request",
      send: [`\r\n\r\n${get()}`],
      answer: [200],
      why: "RFC 9112, 2.2",
    },
    {
      what: "HTTP/1.0",
      send: [head("GET /r HTTP/1.0")],
      answer: [200],
      staysOpen: false,
      seen: { start: "GET /r HTTP/1.1" },
    },
  ],
};

function host(what: string, lines: string, answer = 400): DoorCase {
  return { what, send: [`GET /r HTTP/1.1\r\n${lines}X-Api-Key: {key}\r\n\r\n`], answer: [answer] };
}

export const hosts: CaseGroup = {
  letter: "D",
  title: "Host",
  cases: [
    host("none", ""),
    {
      what: "none, in HTTP/1.0",
      send: ["GET /r HTTP/1.0\r\nX-Api-Key: {key}\r\n\r\n"],
      answer: [200],
      staysOpen: false,
      seen: { fields: { "x-forwarded-host": undefined } },
      why: "HTTP/1.0 has no Host",
    },
    host("two", "Host: a\r\nHost: b\r\n"),
    host("two, the same", "Host: a\r\nHost: a\r\n"),
    host("empty", "Host:\r\n"),
    host("with user", "Host: user@a\r\n"),
    host("with path", "Host: a/b\r\n"),
    host("a list", "Host: a, b\r\n"),
    host("port 99999", "Host: a:99999\r\n"),
    host("10 KB", `Host: ${"a".repeat(10_000)}\r\n`),
    {
      what: "a name with a port, an address in brackets",
      send: [
        "GET /r HTTP/1.1\r\nHost: api.example.com:8443\r\nX-Api-Key: {key}\r\n\r\n",
        "GET /r HTTP/1.1\r\nHost: [2001:db8::1]:443\r\nX-Api-Key: {key}\r\n\r\n",
      ],
      answer: [200, 200],
      seen: { fields: { "x-forwarded-host": "[2001:db8::1]:443" } },
    },
  ],
};

const expecting = "Expect: 100-continue\r\nContent-Length: 5\r\n";
const noKey = "POST /r HTTP/1.1\r\nHost: a\r\nX-Api-Key: none\r\n";

export const connections: CaseGroup = {
  letter: "E",
  title: "Expect and Connection",
  cases: [
    {
      what: "100-continue, body held back, no valid key",
      send: [`${noKey}${expecting}\r\n`],
      answer: [401],
      staysOpen: false,
      why: "refused before the body is asked for",
    },
    {
      what: "100-continue, body too long",
      send: [post("Expect: 100-continue\r\nContent-Length: 10000000000\r\n")],
      answer: [413],
    },
    {
      what: "100-continue, body when asked for",
      send: [post(expecting), 150, "hello"],
      answer: [100, 200],
      seen: { body: "hello", fields: { expect: undefined } },
    },
    {
      what: "`Expect: y 100-continue`",
      send: [post("Expect: y 100-continue\r\nContent-Length: 5\r\n")],
      answer: [417],
    },
    { what: "`Expect: tea`", send: [post("Expect: tea\r\nContent-Length: 5\r\n")], answer: [417] },
    { what: "two Expect", send: [post(`Expect: 100-continue\r\n${expecting}`)], answer: [417] },
    {
      what: "100-continue in HTTP/1.0",
      send: [head("POST /r HTTP/1.0", expecting) + "hello"],
      answer: [200],
      staysOpen: false,
      why: "to be ignored (RFC 9110, 10.1.1)",
    },
    {
      what: "`Upgrade: h2c`",
      send: [
        get(
          "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        ),
      ],
      answer: [200],
      seen: { fields: { upgrade: undefined, "http2-settings": undefined } },
      why: "ignored, not forwarded",
    },
    {
      what: "Connection that names our own fields",
      send: [get("Connection: close, X-Forwarded-For, X-Request-Id, Via, X-Api-Key\r\n")],
      answer: [200],
      staysOpen: false,
      seen: {
        fields: { "x-forwarded-for": "127.0.0.1", via: "1.1 tallygate", "x-api-key": undefined },
      },
      why: "they are set after those of the connection are taken out",
    },
    {
      what: "Connection that names Content-Length",
      send: [post("Connection: Content-Length\r\nContent-Length: 5\r\n", "hello")],
      answer: [200],
      seen: { body: "hello" },
    },
    { what: "one byte at a time", send: [get()], isTrickled: true, answer: [200] },
    {
      what: "five requests in one packet",
      send: [[1, 2, 3, 4, 5].map((n) => get("", `/r${n}`)).join("")],
      answer: [200, 200, 200, 200, 200],
      why: "answered in order",
    },
    {
      what: "the client's side ended before the reply",
      send: [get("", "/slow"), 100, leaves],
      answer: [],
      forwarded: 1,
      why: "it has left: the upstream's call is cancelled, as nginx, Envoy and Go do",
    },
  ],
};
