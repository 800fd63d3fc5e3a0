import assert from "node:assert/strict";
import { test } from "node:test";
import { formatApiKey } from "../access/api-key.ts";
import { unrestricted } from "../access/key-record.ts";
import type { FakeExchange } from "./testing/fake-exchange.ts";
import { FakeResponse, noonMs, PipelineRig } from "./testing/pipeline-rig.ts";

const hello = { "./handler.ts": () => new FakeResponse("hello") };

function rigOf(config: Record<string, unknown> = {}): Promise<PipelineRig> {
  return PipelineRig.create({ config, handlers: hello });
}

function withKey(key: string): readonly string[] {
  return ["X-Api-Key", key];
}

function assertProblem(exchange: FakeExchange, status: number): Record<string, unknown> {
  assert.equal(exchange.status, status, exchange.text);
  assert.equal(exchange.header("content-type"), "application/problem+json");
  return exchange.json();
}

test("unknown, revoked, expired and malformed keys get one answer, never the anonymous plan", async () => {
  const rig = await rigOf();
  const revoked = rig.key({ revoked: true });
  const expired = rig.key({ expiresAtMs: noonMs - 1 });
  const known = rig.key();
  const entropy = new Uint8Array(20).fill(200);
  const unknown = formatApiKey({ prefix: "ipd", mode: "live", entropy });
  const mistyped = `${known.slice(0, -1)}${known.endsWith("0") ? "1" : "0"}`;
  const texts = new Set<string>();
  const cases = [unknown, revoked, expired, mistyped, "", "x".repeat(5_000), "ключ", `${known} `];
  for (const key of cases) {
    const exchange = await rig.ask({ target: "/a", headers: withKey(key) });
    assertProblem(exchange, 401);
    assert.match(exchange.header("www-authenticate") ?? "", /^Bearer/);
    texts.add(exchange.text.replace(/"instance":"[^"]+"/, ""));
    assertProblem(await rig.ask({ target: "/-/usage", headers: withKey(key) }), 401);
    assertProblem(await rig.ask({ target: "/no/such/route", headers: withKey(key) }), 401);
  }
  assert.equal(texts.size, 1);
  assert.equal(rig.journal.records.length, 0);
  assert.deepEqual(rig.used({}), { day: 0 });
});

test("no key and no anonymous plan is a 401", async () => {
  const rig = await rigOf({ anonymousPlan: undefined });
  assertProblem(await rig.ask({ target: "/a" }), 401);
});

test("a key may stand in any of its places; different keys in two are a 400", async () => {
  const rig = await rigOf();
  const a = rig.key();
  const b = rig.key();
  const table: [string, readonly string[], number][] = [
    ["/a", withKey(a), 200],
    ["/a", ["x-api-key", a], 200],
    ["/a", ["authorization", `Bearer ${a}`], 200],
    ["/a", ["AUTHORIZATION", `bearer  ${a}`], 200],
    [`/a?api-key=${a}`, [], 200],
    [`/a?x=1&api%2Dkey=${a}`, [], 200],
    [`/a?api-key=${a}`, [...withKey(a), "authorization", `Bearer ${a}`], 200],
    [`/a?api-key=${b}`, withKey(a), 400],
    ["/a", [...withKey(a), "authorization", `Bearer ${b}`], 400],
    ["/a", [...withKey(a), ...withKey(b)], 400],
    ["/a", [...withKey(a), "x-API-key", a], 400],
    ["/a", ["authorization", `Bearer ${a}`, "Authorization", `Bearer ${a}`], 400],
    [`/a?api-key=${a}&api-key=${b}`, [], 400],
    ["/a", ["authorization", "Bearer"], 401],
    ["/a", ["authorization", "Bearer "], 401],
  ];
  for (const [target, headers, status] of table) {
    const exchange = await rig.ask({ target, headers });
    assert.equal(exchange.status, status, `${target} ${headers.join(" ")}`);
    if (status === 200) assert.match(exchange.header("RateLimit") ?? "", /^"(day|month)"/);
  }
  const basic = await rig.ask({ target: "/a", headers: ["authorization", "Basic eDp5"] });
  assert.match(basic.header("RateLimit-Policy") ?? "", /q=3/, "another scheme is no key");
});

test("a key is refused where its restrictions say so, and not charged", async () => {
  const rig = await rigOf();
  const route = rig.key({ restrict: { ...unrestricted, routes: ["/bulk"] } });
  const address = rig.key({ restrict: { ...unrestricted, addresses: ["198.51.100.0/24"] } });
  const referer = rig.key({ restrict: { ...unrestricted, referers: ["*.example.com"] } });
  for (const key of [route, address, referer]) {
    assertProblem(await rig.ask({ target: "/a", headers: withKey(key) }), 403);
    assert.deepEqual(rig.used({ headers: withKey(key) }), { day: 0, month: 0 });
  }
  const from = await rig.ask({ target: "/a", headers: withKey(address), peer: "198.51.100.9" });
  assert.equal(from.status, 200);
  const site = ["Referer", "https://www.example.com/page"];
  const on = await rig.ask({ target: "/a", headers: [...withKey(referer), ...site] });
  assert.equal(on.status, 200);
});

test("a key whose plan the configuration lacks is a 403", async () => {
  const rig = await rigOf();
  const key = rig.key({ plan: "gold" });
  assertProblem(await rig.ask({ target: "/a", headers: withKey(key) }), 403);
});

test("what the plan counts by and the request lacks is a 400 that names it", async () => {
  const limits = [{ name: "team", per: "header:x-team", quota: 5, window: "day" }];
  const rig = await rigOf({ plans: { anonymous: { limits } } });
  const problem = assertProblem(await rig.ask({ target: "/a" }), 400);
  assert.match(String(problem["detail"]), /header:x-team/);
  const headers = ["X-Team", "red"];
  assert.equal((await rig.ask({ target: "/a", headers })).status, 200);
  assert.deepEqual(rig.used({ headers }), { team: 1 });
});

test("limits per path parameter and referer count what they name", async () => {
  const limits = [
    { name: "target", per: "path:ip", quota: 2, window: "day" },
    { name: "site", per: "referer", quota: 3, window: "day" },
  ];
  const rig = await rigOf({ plans: { anonymous: { limits } } });
  const headers = ["Origin", "https://Shop.Example"];
  const statuses: number[] = [];
  for (const target of ["/8.8.8.8", "/8.8.8%2e8", "/8.8.8.8", "/1.1.1.1", "/9.9.9.9"]) {
    statuses.push((await rig.ask({ target, headers })).status);
  }
  assert.deepEqual(statuses, [200, 200, 429, 200, 429]);
});

test("addresses of one /64 are one caller, an unbelieved X-Forwarded-For changes nothing", async () => {
  const rig = await rigOf();
  for (let i = 1; i <= 3; i++) await rig.ask({ target: "/a", peer: `2001:db8:1:2::${i}` });
  assertProblem(await rig.ask({ target: "/a", peer: "2001:db8:1:2::99" }), 429);
  assert.equal((await rig.ask({ target: "/a", peer: "2001:db8:1:3::1" })).status, 200);
  await rig.ask({ target: "/a", peer: "::ffff:192.0.2.7" });
  const forged = ["X-Forwarded-For", "203.0.113.1"];
  await rig.ask({ target: "/a", peer: "192.0.2.7", headers: forged });
  assert.deepEqual(rig.used({ peer: "192.0.2.7" }), { day: 2 });
});

test("behind a trusted proxy the address it names counts, on one connection for many callers", async () => {
  const rig = await rigOf({ clients: { trustedProxies: ["10.0.0.0/8"] } });
  const connection = { peerAddress: "10.1.1.1", protocol: "http" as const, scratch: undefined };
  const by = (address: string) => ({ connection, headers: ["X-Forwarded-For", address] });
  await rig.ask({ target: "/a", ...by("203.0.113.1") });
  await rig.ask({ target: "/a", ...by("203.0.113.2") });
  await rig.ask({ target: "/a", ...by("6.6.6.6, 203.0.113.2") });
  assert.deepEqual(rig.used(by("203.0.113.1")), { day: 1 });
  assert.deepEqual(rig.used(by("203.0.113.2")), { day: 2 });
});
