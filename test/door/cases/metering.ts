/** Group M: ways to use what is not counted, or to be counted twice. */

import { leaves } from "../../support/raw-http.ts";
import { type CaseGroup, get, head, post } from "./case.ts";

const inPipeline = "src/gateway/metering-abuse.test.ts";

export const metering: CaseGroup = {
  letter: "M",
  title: "Use that is not counted, or counted twice",
  cases: [
    {
      what: "gone when the request was sent",
      send: [get("", "/slow"), 100, leaves],
      answer: [],
      forwarded: 1,
      staysOpen: false,
      why: "the upstream has worked for it",
    },
    {
      what: "gone before the body was sent",
      send: [post("Content-Length: 5\r\n"), 100, leaves],
      answer: [400],
      charged: 1,
    },
    {
      what: "HEAD and OPTIONS",
      send: [head("HEAD /r HTTP/1.1") + head("OPTIONS /r HTTP/1.1")],
      answer: [200, 200],
      why: "calls like others; only preflights are free, where `cors` is configured",
    },
    {
      what: "a path that is not there, TRACE",
      send: [get("", "/-/nothing") + head("TRACE /r HTTP/1.1")],
      answer: [404, 405],
    },
    {
      what: "`/-/usage` and `/-/health`",
      send: [get("", "/-/usage"), get("", "/-/health")],
      answer: [200, 200],
      forwarded: 0,
    },
    {
      what: "the same Idempotency-Key twice",
      send: [post("Idempotency-Key: a\r\nContent-Length: 1\r\n", "a").repeat(2)],
      answer: [200, 200],
      why: "the upstream's business: a call that is forwarded is charged",
    },
    {
      what: "a client that names its own cost, plan or region",
      send: [get("X-Tallygate-Cost: 0\r\nX-Tallygate-Plan: pro\r\nX-Tallygate-Region: a\r\n")],
      answer: [200],
      seen: { fields: { "x-tallygate-cost": undefined, "x-tallygate-plan": undefined } },
    },
    {
      what: "an upstream that names a cost: -1, NaN, 1e309",
      upstream: [
        "HTTP/1.1 200 OK\r\nX-Tallygate-Cost: -1\r\nX-Tallygate-Cost: NaN\r\nX-Cost: 1e309\r\nContent-Length: 2\r\n\r\nok",
      ],
      upstreamGoesOn: true,
      send: [get()],
      answer: [200],
      why: "a call costs what the configuration says of its route",
    },
    {
      what: "without a key, then with it, on one connection",
      send: [`GET /r HTTP/1.1\r\nHost: api.example.com\r\n\r\n${get()}`],
      answer: [200, 200],
      charged: 1,
      why: "each is counted by itself",
    },
  ],
  elsewhere: [
    {
      what: "thousands of clients that are gone when they have sent",
      answer: "charged for each call that was forwarded",
      test: "test/door/slow-clients.test.ts",
    },
    {
      what: "a burst over a window's end",
      answer: "a quota before it, a quota after it",
      test: inPipeline,
    },
    {
      what: "a quota that is lowered while calls go on",
      answer: "429 from the next call on",
      test: inPipeline,
    },
    { what: "1,000 keys of one owner", answer: "one quota `per: owner`", test: inPipeline },
    {
      what: "a key that is revoked while calls go on",
      answer: "401 in every region within a second",
      test: "test/keys.test.ts",
    },
    {
      what: "a key that is rotated for a new quota",
      answer: "both secrets have one count",
      test: "test/keys.test.ts",
    },
    {
      what: "1,500 calls at once on what is left",
      answer: "exactly so many pass",
      test: "test/quota.test.ts",
    },
    {
      what: "three regions at one instant",
      answer: "`soft`: within the bound that `status` tells; `strict`: never a unit above",
      test: "test/three-regions.test.ts, test/strict.test.ts",
    },
    {
      what: "the same Idempotency-Key to the admin API",
      answer: "one key; with another request 422",
      test: "src/control/control.test.ts",
    },
  ],
};
