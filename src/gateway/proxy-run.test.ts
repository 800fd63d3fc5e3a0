import assert from "node:assert/strict";
import { test } from "node:test";
import type { UpstreamFailure } from "../ports/upstream.ts";
import type { FakeExchange, FakeRequest } from "./testing/fake-exchange.ts";
import { type Forwarded, PipelineRig, type RigOptions } from "./testing/pipeline-rig.ts";

interface Proxied {
  readonly rig: PipelineRig;
  readonly exchange: FakeExchange;
  readonly upstream: Forwarded;
}

async function proxied(
  route: Record<string, unknown> = {},
  request: Partial<FakeRequest> = {},
): Promise<Proxied> {
  const routes = [{ path: "/api/users/*", upstream: "users", stripPrefix: "/api/users", ...route }];
  const options: RigOptions = { config: { routes } };
  const rig = await PipelineRig.create(options);
  const exchange = rig.send({ target: "/api/users/7?x=1", ...request });
  await rig.settle();
  const upstream = rig.forwarded[0];
  assert.ok(upstream !== undefined, exchange.text);
  return { rig, exchange, upstream };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("the upstream gets the stripped target, the end-to-end fields, and who it comes from", async () => {
  const rig = await PipelineRig.create();
  const key = rig.key();
  rig.send({
    target: `/api/users/7/a%20b?x=1&api-key=${key}&y=2&x=3`,
    peer: "192.0.2.9",
    headers: [
      "Accept",
      "text/plain",
      "X-API-Key",
      key,
      "Authorization",
      `Bearer ${key}`,
      "Connection",
      "close, X-Hop",
      "X-Hop",
      "1",
      "TE",
      "trailers",
      "Upgrade",
      "h2c",
      "X-Forwarded-For",
      "6.6.6.6",
      "Forwarded",
      "for=6.6.6.6",
      "X-Request-Id",
      "forged",
      "Via",
      "1.0 fred",
      "Expect",
      "100-continue",
      "X-Forwarded-Prefix",
      "/admin",
      "X-Original-URL",
      "/admin",
      "True-Client-IP",
      "6.6.6.6",
      "X-Tallygate-Outcome",
      "forged",
      "Proxy-Authorization",
      "Basic eDp5",
      "Traceparent",
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "Tracestate",
      "a=1",
    ],
  });
  const { request } = rig.forwarded[0] as Forwarded;
  assert.equal(request.target, "/7/a%20b?x=1&y=2&x=3");
  assert.equal(request.method, "GET");
  assert.equal(request.body, undefined);
  assert.deepEqual(request.headers, [
    "accept",
    "text/plain",
    "tracestate",
    "a=1",
    "via",
    "1.0 fred, 1.1 tallygate",
    "forwarded",
    'for=192.0.2.9;proto=http;host="api.example.com"',
    "x-forwarded-for",
    "192.0.2.9",
    "x-forwarded-proto",
    "http",
    "x-forwarded-host",
    "api.example.com",
    "x-request-id",
    "abc-1",
    "traceparent",
    "00-0af7651916cd43dd8448eb211c80319c-8000000080000000-01",
  ]);
});

test("a trace that is begun takes over no state, and an IPv6 address stands in brackets", async () => {
  const headers = ["Tracestate", "a=1", "Traceparent", "forged"];
  const { upstream } = await proxied({}, { headers, peer: "2001:db8::1" });
  const sent = upstream.request.headers;
  assert.ok(!sent.includes("tracestate"));
  assert.match(sent[sent.indexOf("traceparent") + 1] ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  const forwarded = sent[sent.indexOf("forwarded") + 1];
  assert.equal(forwarded, 'for="[2001:db8::1]";proto=http;host="api.example.com"');
});

test("the key goes along only where the upstream is to have it", async () => {
  for (const forwardKey of [false, true]) {
    const users = { targets: ["http://127.0.0.1:8091"], forwardKey };
    const rig = await PipelineRig.create({ config: { upstreams: { users } } });
    const key = rig.key();
    const headers = ["X-Api-Key", key, "Authorization", `Bearer ${key}`];
    rig.send({ target: `/api/users/7?api-key=${key}`, headers });
    const { request } = rig.forwarded[0] as Forwarded;
    assert.equal(request.headers.includes(key), forwardKey);
    assert.equal(request.headers.includes(`Bearer ${key}`), forwardKey);
    assert.equal(request.target.includes(key), forwardKey);
  }
});

const prefixes: [string, string][] = [
  ["/api/users", "/"],
  ["/api/users/", "/"],
  ["/api/users/7/", "/7/"],
  ["/api/users?q=1", "/?q=1"],
  ["/api/users/api/users", "/api/users"],
];

test("a prefix is taken off once, and a path remains", async () => {
  for (const [target, expected] of prefixes) {
    const { upstream } = await proxied({}, { target });
    assert.equal(upstream.request.target, expected, target);
  }
});

test("other schemes of Authorization are the upstream's business", async () => {
  const { upstream } = await proxied({}, { headers: ["Authorization", "Basic eDp5"] });
  assert.ok(upstream.request.headers.includes("Basic eDp5"));
});

test("head and body come back without hop-by-hop fields, when the charge is stored", async () => {
  const { rig, exchange, upstream } = await proxied();
  upstream.sink.started(200, [
    "Content-Type",
    "text/plain",
    "Connection",
    "x-a",
    "X-A",
    "1",
    "RateLimit",
    "evil",
  ]);
  upstream.sink.received(bytes("one "));
  assert.equal(exchange.state, "open");
  assert.equal(upstream.isPaused, false, "a short body may come meanwhile");
  rig.journal.store();
  assert.equal(exchange.status, 200);
  upstream.sink.received(bytes("two"));
  upstream.sink.completed();
  assert.equal(exchange.text, "one two");
  assert.equal(exchange.state, "ended");
  assert.equal(exchange.header("content-type"), "text/plain");
  assert.equal(exchange.header("x-a"), undefined);
  assert.equal(exchange.header("RateLimit"), '"day";r=2;t=43200');
  assert.equal(rig.counts.get("tallygate_requests_total{sydney,/api/users/*,admitted}"), 1);
});

test("a long body is held back until the head may leave", async () => {
  const { rig, exchange, upstream } = await proxied();
  upstream.sink.started(200, []);
  upstream.sink.received(new Uint8Array(16 * 1024 - 1));
  assert.equal(upstream.isPaused, false);
  upstream.sink.received(new Uint8Array(1));
  assert.equal(upstream.isPaused, true);
  assert.equal(exchange.state, "open");
  rig.journal.store();
  assert.equal(upstream.isPaused, false);
  upstream.sink.completed();
  assert.equal(exchange.text.length, 16 * 1024);
});

test("a reply that is complete before its charge is stored is sent whole", async () => {
  const { rig, exchange, upstream } = await proxied();
  upstream.sink.started(404, ["Vary", "content-length", "Content-Length", "4"]);
  upstream.sink.received(bytes("none"));
  upstream.sink.completed();
  assert.equal(exchange.state, "open");
  rig.journal.store();
  assert.equal(exchange.status, 404);
  assert.equal(exchange.header("vary"), "content-length");
  assert.equal(exchange.header("content-length"), undefined, "left to the listener");
  assert.equal(exchange.text, "none");
  assert.equal(exchange.state, "ended");
});

test("a slow client holds the upstream back", async () => {
  const { rig, exchange, upstream } = await proxied();
  rig.journal.store();
  upstream.sink.started(200, []);
  exchange.hasRoom = false;
  upstream.sink.received(bytes("one"));
  assert.equal(upstream.isPaused, true);
  exchange.drain();
  assert.equal(upstream.isPaused, false);
});

test("a call that no target may take is told when to come again, and costs nothing", async () => {
  const { rig, exchange, upstream } = await proxied();
  upstream.sink.failed({ kind: "unavailable", attempted: false, cause: undefined, waitMs: 2_300 });
  rig.journal.store();
  assert.equal(exchange.status, 503);
  assert.equal(exchange.header("retry-after"), "3");
  assert.equal(exchange.header("x-tallygate-outcome"), "not-attempted");
  assert.deepEqual(rig.used({}), { day: 0 });
});

const failures: [UpstreamFailure["kind"], boolean, number, string, string, number][] = [
  // kind, attempted, status, x-tallygate-outcome, refundOn, used after
  ["unreachable", false, 502, "not-attempted", "not-attempted", 0],
  ["unreachable", false, 502, "not-attempted", "", 1],
  ["bad", true, 502, "attempted", "not-attempted", 1],
  ["bad", true, 502, "attempted", "5xx", 0],
  ["slow", true, 504, "attempted", "not-attempted", 1],
  ["slow", false, 504, "not-attempted", "not-attempted", 0],
  ["overloaded", false, 503, "not-attempted", "not-attempted", 0],
  ["body", true, 502, "attempted", "not-attempted", 1],
];

test("a failed upstream is answered and charged as the table says", async () => {
  for (const [kind, attempted, status, outcome, refundOn, used] of failures) {
    const row = `${kind} ${outcome} ${refundOn}`;
    const { rig, exchange, upstream } = await proxied({
      refundOn: refundOn === "" ? [] : [refundOn],
    });
    upstream.sink.failed({ kind, attempted, cause: new Error("secret detail") });
    rig.journal.store();
    assert.equal(exchange.status, status, row);
    assert.equal(exchange.header("x-tallygate-outcome"), outcome, row);
    assert.doesNotMatch(exchange.text, /secret/, row);
    assert.deepEqual(rig.used({}), { day: used }, row);
  }
});

test("a 5xx of the upstream itself is given back only where the route says so", async () => {
  for (const [refundOn, used] of [
    [["5xx"], 0],
    [["not-attempted"], 1],
  ] as const) {
    const { rig, exchange, upstream } = await proxied({ refundOn });
    upstream.sink.started(500, []);
    upstream.sink.completed();
    rig.journal.store();
    assert.equal(exchange.status, 500);
    assert.deepEqual(rig.used({}), { day: used });
  }
});

test("an upstream that breaks in the middle breaks the client's connection", async () => {
  const { rig, exchange, upstream } = await proxied();
  rig.journal.store();
  upstream.sink.started(200, ["content-length", "10"]);
  upstream.sink.received(bytes("half"));
  upstream.sink.failed({ kind: "bad", attempted: true, cause: undefined });
  assert.equal(exchange.state, "aborted");
  assert.equal(rig.counts.get("tallygate_requests_total{sydney,/api/users/*,upstream-error}"), 1);
});

test("one that breaks before its head could leave breaks the connection too", async () => {
  const { rig, exchange, upstream } = await proxied();
  upstream.sink.started(200, ["content-length", "10"]);
  upstream.sink.failed({ kind: "bad", attempted: true, cause: undefined });
  rig.journal.store();
  assert.equal(exchange.state, "aborted");
});

test("a client that leaves cancels the call behind; what was not attempted is given back", async () => {
  for (const [attempted, used] of [
    [false, 0],
    [true, 1],
  ] as const) {
    const { rig, exchange, upstream } = await proxied();
    upstream.attempted = attempted;
    exchange.leave();
    assert.equal(upstream.isCancelled, true);
    rig.journal.store();
    assert.deepEqual(rig.used({}), { day: used });
    rig.pass(60_000);
    assert.equal(exchange.status, 0);
  }
});

test("a client that leaves in the middle of the reply cancels the call behind", async () => {
  const { rig, exchange, upstream } = await proxied();
  rig.journal.store();
  upstream.sink.started(200, []);
  upstream.sink.received(bytes("one"));
  exchange.leave();
  assert.equal(upstream.isCancelled, true);
});

test("a body goes along, with its length", async () => {
  const { upstream } = await proxied(
    {},
    { method: "POST", headers: ["Content-Length", "3"], body: [bytes("abc")] },
  );
  const { body, headers } = upstream.request;
  assert.ok(body !== undefined);
  assert.deepEqual(headers.slice(0, 2), ["content-length", "3"]);
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  assert.deepEqual(parts, [bytes("abc")]);
});

test("a charge that is not stored in time lets go of the upstream", async () => {
  const { rig, exchange, upstream } = await proxied();
  upstream.sink.started(200, []);
  rig.pass(5_100);
  assert.equal(exchange.status, 503);
  assert.equal(upstream.isCancelled, true);
  assert.deepEqual(rig.used({}), { day: 0 });
});
