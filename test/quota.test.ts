/** Issue rows 3, 5 and 6 on real sockets: exact quota of one producer, what charges nothing, addresses. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster, until } from "./support/cluster.ts";
import { handlers, threeRegions } from "./support/configs.ts";
import { runCalls } from "./support/load.ts";

let cluster: Cluster;

const plans = `thousand: { limits: [{ name: month, per: key, quota: 1000, window: month }] }
  anonymous:
    limits:
      - { name: day, per: ip, quota: 150, window: day }
      - { name: month, per: ip, quota: 400, window: month }`;

before(async () => {
  const top = `anonymousPlan: anonymous
signup: https://example.com/signup
clients: { trustedProxies: ["127.0.0.9/32"] }`;
  cluster = await Cluster.start({ config: threeRegions({ plans, top }), files: handlers });
});

after(() => cluster.stop());

function url(): string {
  return cluster.region("sydney").url;
}

async function status(headers: Record<string, string>, path = "/"): Promise<Response> {
  const response = await fetch(`${url()}${path}`, { headers });
  await response.clone().text();
  return response;
}

test("of 1,500 calls over 64 connections a quota of 1,000 admits exactly 1,000", async () => {
  const { key } = await cluster.createKnownKey("thousand");
  const { statuses } = await runCalls({
    url: url(),
    headers: { "x-api-key": key },
    calls: 1_500,
    connections: 64,
  });
  assert.deepEqual(
    new Map([...statuses].sort()),
    new Map([
      [200, 1_000],
      [429, 500],
    ]),
  );
  await until(async () => (await cluster.usage("seoul", key))?.limits[0]?.used === 1_000, 2_000);
});

test("rejected calls, unknown keys, /-/usage and 404s charge nothing", async () => {
  const { key, id } = await cluster.createKnownKey("thousand");
  const headers = { "x-api-key": key };
  await status(headers);
  for (let i = 0; i < 5; i++) {
    assert.equal((await status(headers, "/nowhere")).status, 404);
    assert.equal((await status(headers, "/-/usage")).status, 200);
    const unknown = await status({ "x-api-key": `${key.slice(0, -8)}zzzzzzzz` });
    assert.equal(unknown.status, 401);
    assert.ok(unknown.headers.has("www-authenticate"));
  }
  const usage = await cluster.usage("sydney", key);
  assert.equal(usage?.limits[0]?.used, 1);
  assert.equal(usage?.limits[0]?.subject, `key:${id}`);
});

test("a revoked or expired key is 401 and never falls to the anonymous plan", async () => {
  const revoked = await cluster.createKnownKey("thousand");
  await cluster.api("DELETE", `/v1/keys/${revoked.id}`);
  const soon = new Date(Date.now() + 1_500).toISOString();
  const expiring = await cluster.createKnownKey("thousand", { expiresAt: soon });
  for (const { key } of [revoked, expiring]) {
    const refused = async () => (await status({ "x-api-key": key })).status === 401;
    await until(refused, 3_000, "the key is refused");
  }
});

test("a call over the limit says when to come back and, without a key, where to get one", async () => {
  const forwarded = (address: string) => forwardedCall(address, "/");
  for (let i = 0; i < 150; i++) assert.equal((await forwarded("203.0.113.77")).status, 200);
  const denied = await forwarded("203.0.113.77");
  assert.equal(denied.status, 429);
  assert.match(denied.headers["retry-after"] ?? "", /^[0-9]+$/);
  const problem = JSON.parse(denied.body) as Record<string, unknown>;
  assert.equal(problem["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
  assert.deepEqual(problem["violated-policies"], ["day"]);
  assert.equal(problem["signup"], "https://example.com/signup");
  assert.match(denied.headers["ratelimit"] ?? "", /^"day";r=0;t=[0-9]+$/);
  assert.equal(denied.headers["ratelimit-policy"], '"day";q=150;w=86400, "month";q=400;w=2592000');
});

test("a hundred addresses of one /64 are one subject, below the ceilings of its blocks; a mapped IPv4 address is itself", async () => {
  for (let i = 1; i <= 100; i++) {
    const answer = await forwardedCall(`2001:db8:7:7::${i.toString(16)}`, "/");
    assert.equal(answer.status, 200);
  }
  const usage = JSON.parse((await forwardedCall("2001:db8:7:7::ffff", "/-/usage")).body) as {
    limits: { name: string; used: number; subject: string }[];
  };
  assert.deepEqual(
    usage.limits.map(({ name, used, subject }) => [name, used, subject]),
    [
      ["day", 100, "ip:2001:db8:7:7::/64"],
      ["month", 100, "ip:2001:db8:7:7::/64"],
      ["day/56", 100, "ip:2001:db8:7::/56"],
      ["day/48", 100, "ip:2001:db8:7::/48"],
      ["month/56", 100, "ip:2001:db8:7::/56"],
      ["month/48", 100, "ip:2001:db8:7::/48"],
    ],
  );
  await forwardedCall("::ffff:1.2.3.4", "/");
  await forwardedCall("1.2.3.4", "/");
  const mapped = JSON.parse((await forwardedCall("1.2.3.4", "/-/usage")).body) as typeof usage;
  assert.deepEqual(mapped.limits[0]?.used, 2);
  assert.equal(mapped.limits[0]?.subject, "ip:1.2.3.4");
});

test("a forged X-Forwarded-For from an untrusted peer changes nothing", async () => {
  const before = await cluster.usage("sydney");
  for (let i = 0; i < 5; i++) await status({ "x-forwarded-for": `198.51.100.${i}` });
  const usage = await cluster.usage("sydney");
  assert.equal((usage?.limits[0]?.used ?? 0) - (before?.limits[0]?.used ?? 0), 5);
  assert.equal(usage?.limits[0]?.subject, "ip:127.0.0.1");
});

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | undefined>;
  readonly body: string;
}

/** A call through the trusted proxy 127.0.0.9, for a client of that address. */
async function forwardedCall(address: string, path: string): Promise<Answer> {
  const { request } = await import("node:http");
  const { hostname, port } = new URL(url());
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: hostname,
        port,
        path,
        localAddress: "127.0.0.9",
        agent: false,
        headers: { "x-forwarded-for": address },
      },
      (response) => {
        let body = "";
        response.on("data", (chunk: Buffer) => {
          body += chunk.toString();
        });
        response.on("end", () => {
          const headers = response.headers as Record<string, string | undefined>;
          resolve({ status: response.statusCode ?? 0, headers, body });
        });
      },
    );
    call.on("error", reject);
    call.end();
  });
}
