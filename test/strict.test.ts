/**
 * Strict limits on real processes: never a unit above the quota, whatever is killed, and the quota is used. The quota is handed out
 * in parts, so a region that holds none for a moment answers 503 and its callers come again.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "undici";
import { Cluster, until } from "./support/cluster.ts";
import { handlers, regionNames, threeRegions } from "./support/configs.ts";
import { call } from "./support/load.ts";

const quota = 6_000;
const connections = 8;
/** Pause after a 503; its Retry-After of a second would only make the test longer. */
const againMs = 50;

let cluster: Cluster;

before(async () => {
  const plans = [
    `exact: { limits: [{ name: day, per: key, quota: ${quota}, window: day, enforcement: strict }] }`,
    `loose: { limits: [{ name: day, per: key, quota: ${quota}, window: day }] }`,
  ].join("\n  ");
  cluster = await Cluster.start({
    config: threeRegions({ plans }),
    files: handlers,
    latency: "sydney=140ms,seoul=120ms,frankfurt=5ms",
  });
});

after(() => cluster.stop());

/** Calls a region until it says 429 or `isOver` holds; returns answers by status, which `statuses` holds meanwhile. */
async function spend(
  region: string,
  key: string,
  isOver: () => boolean = () => false,
  statuses = new Map<number, number>(),
) {
  const workers = Array.from({ length: connections }, async () => {
    let client = new Client(cluster.region(region).url);
    for (;;) {
      const status = await call(client, { headers: { "x-api-key": key } });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status === 429 || isOver()) break;
      if (status === 200) continue;
      await sleep(againMs);
      if (status !== 0) continue;
      // Its process was killed.
      await client.destroy();
      client = new Client(cluster.region(region).url);
    }
    await client.close();
  });
  await Promise.all(workers);
  return statuses;
}

async function leases(): Promise<{ heldUnits: number; consumedUnits: number }> {
  const { json } = await cluster.api("GET", "/v1/status");
  return (json as { leases: { heldUnits: number; consumedUnits: number } }).leases;
}

test("three regions that spend one quota at once use it to its last unit and never more", async (t) => {
  const { key } = await cluster.createKnownKey("exact");
  const results = await Promise.all(regionNames.map((name) => spend(name, key)));
  const sum = (status: number): number =>
    results.reduce((all, statuses) => all + (statuses.get(status) ?? 0), 0);
  t.diagnostic(
    `figure: undisturbed: ${sum(200)} of ${quota} admitted; ${sum(503)} calls found nothing at hand`,
  );
  assert.equal(sum(200), quota);
  assert.equal(sum(0), 0);
  await until(async () => (await leases()).heldUnits === 0, 5_000, "everything given back");
  for (const name of regionNames) {
    const limit = (await cluster.usage(name, key))?.limits[0];
    assert.deepEqual([limit?.used, limit?.remaining], [quota, 0], name);
  }
});

test("a new key has quota at hand in every region before its first call", async () => {
  const { key } = await cluster.createKnownKey("exact");
  const client = (name: string): Client => new Client(cluster.region(name).url);
  // Known keys are asked about with /-/usage; the lease takes a round trip and a sync more.
  await until(async () => (await leases()).heldUnits >= 3 * 16, 3_000, "leases in three regions");
  await sleep(200);
  for (const name of regionNames) {
    const caller = client(name);
    assert.equal(await call(caller, { headers: { "x-api-key": key } }), 200, name);
    await caller.close();
  }
});

test("kill -9 of gateways and hub while a quota is spent: not a unit above it", async (t) => {
  const { key } = await cluster.createKnownKey("exact");
  let isOver = false;
  const byRegion = new Map(regionNames.map((name) => [name, new Map<number, number>()]));
  const spending = regionNames.map((name) => spend(name, key, () => isOver, byRegion.get(name)));
  const used = (): number =>
    [...byRegion.values()].reduce((all, statuses) => all + (statuses.get(200) ?? 0), 0);
  for (const victim of ["sydney", "hub", "seoul", "frankfurt"]) {
    await sleep(400);
    cluster.kill(victim);
  }
  const everyone = Promise.all(spending);
  await until(() => used() >= quota / 2, 60_000, "most of it could be used");
  await Promise.race([everyone, sleep(5_000)]);
  isOver = true;
  await everyone;
  const admitted = used();
  const { heldUnits } = await leases();
  t.diagnostic(`figure: killed: ${admitted} of ${quota} admitted, ${heldUnits} held at rest`);
  assert.ok(admitted <= quota, `${admitted} admitted of ${quota}`);
  const verify = await cluster.command("verify");
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
});

test("a key moved to a strict plan stays soft in the window that runs, and says so by its answers", async () => {
  const { id, key } = await cluster.createKnownKey("loose");
  const client = new Client(cluster.region("frankfurt").url);
  const ask = () => call(client, { headers: { "x-api-key": key } });
  assert.equal(await ask(), 200);
  await cluster.api("PATCH", `/v1/keys/${id}`, { plan: "exact" });
  await until(async () => (await cluster.usage("frankfurt", key))?.plan === "exact", 2_000);
  // The first call asks for a lease and hears that this window is soft.
  await until(async () => (await ask()) === 200, 3_000, "calls go on under the new plan");
  assert.equal((await leases()).heldUnits >= 0, true);
  await client.close();
});
