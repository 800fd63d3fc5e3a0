/** Group G: paths. Routes are found, and requests forwarded, by the same bytes. */

import { type CaseGroup, type DoorCase, get } from "./case.ts";

function refused(what: string, target: string): DoorCase {
  return { what, send: [get("", target)], answer: [400] };
}

function forwarded(what: string, target: string, why?: string): DoorCase {
  return {
    ...{ what, send: [get("", target)], answer: [200] },
    seen: { start: `GET ${target} HTTP/1.1` },
    ...(why && { why }),
  };
}

const parameters = Array.from({ length: 1_400 }, (_, i) => `a${i}`).join("&");

export const paths: CaseGroup = {
  letter: "G",
  title: "Paths and upstream addresses",
  cases: [
    refused("`/a/../admin`", "/a/../admin"),
    refused("`/a/%2e%2e/admin`", "/a/%2e%2e/admin"),
    refused("`/a/.%2E/admin`", "/a/.%2E/admin"),
    refused("`/a%2f..%2fadmin`", "/a%2f..%2fadmin"),
    refused("`/a%5cadmin`", "/a%5cadmin"),
    refused("`/admin%00.html`", "/admin%00.html"),
    forwarded("`/a/%252e%252e/admin`", "/a/%252e%252e/admin", "decoded once it is no dot segment"),
    refused("`/a;/..;/admin`", "/a;/..;/admin"),
    refused("`//admin`", "//admin"),
    forwarded("`/a//admin`", "/a//admin", "not merged: the route sees the empty segment as well"),
    forwarded("`/admin.`", "/admin.", "another path than `/admin`"),
    forwarded("`/admin%20`", "/admin%20", "another path than `/admin`"),
    forwarded("`/Admin`", "/Admin", "paths have a case"),
    refused("overlong UTF-8: `/%c0%ae%c0%ae/admin`", "/%c0%ae%c0%ae/admin"),
    refused("overlong UTF-8: `/%e0%80%ae/admin`", "/%e0%80%ae/admin"),
    refused("`/%zz`", "/%zz"),
    refused("`%` at the end of the path", "/a%"),
    { what: "1,400 query parameters", send: [get("", `/r?${parameters}`)], answer: [200] },
    forwarded("`?a=1&a=2&b=%zz&c=/../d`", "/r?a=1&a=2&b=%zz&c=/../d", "a query is not interpreted"),
    refused("a blank in the query", "/r?a b"),
  ],
  elsewhere: [
    {
      what: "an upstream's name that leads to a loopback, link-local, private or mapped address; rebinding",
      answer: "not connected to; 503 where the name has no other",
      test: "src/gateway/upstream-set.test.ts",
    },
    {
      what: "a redirect from the upstream to an address within",
      answer: "passed to the client, never followed",
      test: "test/door/cases.test.ts, L",
    },
  ],
};
