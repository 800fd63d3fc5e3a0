/** A hub and two gateways that know each other only over TLS, called over TLS, count exactly. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { until } from "./support/cluster.ts";
import {
  apiName,
  SecureCluster,
  type SecureRegion,
  secureRegions,
} from "./support/secure-cluster.ts";

let cluster: SecureCluster;

before(async () => {
  cluster = await SecureCluster.start();
});

after(() => cluster.stop());

async function used(region: SecureRegion, key: string): Promise<number | undefined> {
  const response = await cluster.call(region, "/-/usage", key);
  const text = await response.text();
  if (response.status !== 200) return undefined;
  return (JSON.parse(text) as { limits: { used: number }[] }).limits[0]?.used;
}

/** Calls on a few connections side by side; each must be answered. */
async function send(region: SecureRegion, key: string, calls: number): Promise<void> {
  const lane = async (): Promise<void> => {
    for (let i = 0; i < calls / 8; i++) {
      const response = await cluster.call(region, "/", key);
      assert.equal(response.status, 200, await response.text());
      assert.equal(response.headers.get("strict-transport-security"), "max-age=3600");
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
}

test("calls over TLS in two regions are one exact count in both, and the ledger agrees", async () => {
  const created = await cluster.command(["keys", "create", "--plan", "pro", "--json"]);
  assert.equal(created.code, 0, created.stderr);
  const { key } = JSON.parse(created.stdout) as { key: string };
  for (const region of secureRegions) {
    await until(async () => (await used(region, key)) !== undefined, 10_000, `${region}: the key`);
  }
  await Promise.all([send("sydney", key, 400), send("seoul", key, 800)]);
  for (const region of secureRegions) {
    const is1200 = async () => (await used(region, key)) === 1_200;
    await until(is1200, 10_000, `1,200 used in ${region}`);
  }
  const verify = await cluster.command(["verify"]);
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
});

test("a command that does not know the hub's CA says so and sends no token", async () => {
  const { code, stderr } = await cluster.command(["status"], false);
  assert.equal(code, 1);
  assert.match(stderr, /certificate is not trusted: .*--ca names the CA that issued it/);
});

test("the plain port sends callers to https and answers health", async () => {
  const url = `http://127.0.0.1:${cluster.redirectPort("seoul")}`;
  const health = await fetch(`${url}/-/health`);
  assert.equal(health.status, 200, await health.text());
  const { Agent, request } = await import("undici");
  const dispatcher = new Agent();
  const reply = await request(`${url}/a?b`, { headers: { host: apiName }, dispatcher });
  await reply.body.dump();
  await dispatcher.destroy();
  assert.equal(reply.statusCode, 308);
  assert.equal(reply.headers["location"], `https://${apiName}:${cluster.port("seoul")}/a?b`);
});
