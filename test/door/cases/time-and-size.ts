/** Group F: time and size. The rig's bounds are shorter than the defaults: see `listenerOfCases`. */

import type { Step } from "../../support/raw-http.ts";
import { type CaseGroup, chunked, get, head, post } from "./case.ts";

/** What the gateway of the cases is configured with. */
export const listenerOfCases =
  "headTimeout: 1s, bodyTimeout: 1s, replyTimeout: 1s, idleTimeout: 1s, bodyMax: 64KiB";

const bodyMaxBytes = 65_536;

function every(ms: number, text: string, times: number): Step[] {
  return Array.from({ length: times }, () => [ms, text]).flat();
}

const kilobyte = `400\r\n${"a".repeat(1_024)}\r\n`;

export const timeAndSize: CaseGroup = {
  letter: "F",
  title: "Time and size",
  cases: [
    { what: "a connection that says nothing", send: [], answer: [408] },
    { what: "half a head", send: ["GET /r HTTP/1.1\r\nHost: a\r\n"], answer: [408] },
    {
      what: "a field of the head now and then",
      send: ["GET /r HTTP/1.1\r\nHost: a\r\n", ...every(250, "X-A: b\r\n", 20)],
      answer: [408],
    },
    {
      what: "a body of one byte now and then",
      send: [post("Content-Length: 1000\r\n"), ...every(250, "a", 20)],
      answer: [408],
      charged: 1,
    },
    {
      what: "chunks of one byte now and then",
      send: [chunked(""), ...every(250, "1\r\na\r\n", 20)],
      answer: [408],
      charged: 1,
    },
    {
      what: "a slow body, but above the rate that buys time",
      send: [post("Content-Length: 4000\r\n"), ...every(300, "a".repeat(500), 8)],
      answer: [200],
      seen: { body: "a".repeat(4_000) },
    },
    { what: "an idle connection behind a reply", send: [get()], answer: [200], staysOpen: false },
    {
      what: "a body of 10 GB, as declared",
      send: [post("Content-Length: 10000000000\r\n")],
      answer: [413],
    },
    {
      what: "a body of the bound, and one more byte",
      send: [
        post(`Content-Length: ${bodyMaxBytes}\r\n`, "a".repeat(bodyMaxBytes)),
        post(`Content-Length: ${bodyMaxBytes + 1}\r\n`, "a".repeat(bodyMaxBytes + 1)),
      ],
      answer: [200, 413],
    },
    {
      what: "chunks without end",
      send: [chunked(""), ...every(1, kilobyte, 200)],
      answer: [413],
      charged: 1,
      why: "cut off at the bound, and so is the upstream",
    },
    {
      what: "50,000 chunks of one byte",
      send: [chunked(`${"1\r\na\r\n".repeat(50_000)}0\r\n\r\n`)],
      answer: [200],
      seen: { body: "a".repeat(50_000) },
      withinMs: 15_000,
    },
    {
      what: "1,010 requests on one connection",
      send: [get("", "/handler").repeat(1_010)],
      answer: new Array<number>(1_000).fill(200),
      forwarded: 0,
      charged: 1_000,
      staysOpen: false,
      withinMs: 15_000,
      why: "`requestsPerConnectionMax`: those behind are neither looked at nor charged",
    },
    {
      what: "100-continue, and no body when asked for",
      send: [post("Expect: 100-continue\r\nContent-Length: 5\r\n")],
      answer: [100, 408],
      charged: 1,
    },
    {
      what: "a head that never ends",
      send: [head("GET /r HTTP/1.1").slice(0, -2), ...every(1, `X-A: ${"b".repeat(900)}\r\n`, 40)],
      answer: [431],
    },
  ],
  elsewhere: [
    {
      what: "a reader that takes nothing of a long reply",
      answer: "cut off after `replyTimeout`; the upstream's call is cancelled",
      test: "test/door/slow-clients.test.ts",
    },
    {
      what: "more connections than `connectionsMax`, or of one address than `connectionsPerAddressMax`",
      answer: "closed at once; the others go on",
      test: "test/door/slow-clients.test.ts",
    },
  ],
};
