/**
 * The main job: calls of one key in two regions are one count in all three, soon; `verify` agrees;
 * the quota holds everywhere. Issue rows 2 and 4, bounds of overshoot printed.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster, until } from "./support/cluster.ts";
import { handlers, regionNames, threeRegions } from "./support/configs.ts";
import { runCalls } from "./support/load.ts";

const sliceQuota = 500;
const sliceMs = 15_000;

let cluster: Cluster;

before(async () => {
  const plans = [
    "pro: { limits: [{ name: month, per: key, quota: 100000, window: month }] }",
    "shared: { limits: [{ name: month, per: key, quota: 20000, window: month }] }",
    `slice: { limits: [{ name: slice, per: key, quota: ${sliceQuota}, window: 15s, scope: global }] }`,
  ].join("\n  ");
  cluster = await Cluster.start({
    config: threeRegions({ plans }),
    files: handlers,
    latency: "sydney=140ms,seoul=120ms,frankfurt=5ms",
  });
});

after(() => cluster.stop());

async function allSay(key: string, used: number): Promise<boolean> {
  const seen = await Promise.all(regionNames.map((name) => cluster.usage(name, key)));
  return seen.every((usage) => usage?.limits[0]?.used === used);
}

function send(region: string, key: string, calls: number) {
  return runCalls({
    url: cluster.region(region).url,
    headers: { "x-api-key": key },
    calls,
    connections: 32,
  });
}

test("10,000 calls in Sydney and 50,000 in Seoul are 60,000 everywhere within a second", async (t) => {
  const { key } = await cluster.createKnownKey("pro");
  assert.deepEqual([...(await send("sydney", key, 10_000)).statuses], [[200, 10_000]]);
  assert.deepEqual([...(await send("seoul", key, 50_000)).statuses], [[200, 50_000]]);
  const seenMs = await until(() => allSay(key, 60_000), 1_000, "60,000 used in every region");
  t.diagnostic(`all three regions said 60,000 after ${Math.round(seenMs)} ms`);

  const verify = await cluster.command("verify");
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);

  assert.deepEqual([...(await send("frankfurt", key, 40_000)).statuses], [[200, 40_000]]);
  await until(() => allSay(key, 100_000), 1_000, "100,000 used in every region");
  for (const name of regionNames) {
    assert.deepEqual([...(await send(name, key, 1)).statuses], [[429, 1]], `next call in ${name}`);
  }
});

test("three regions at once stay within quota plus what they could not see of each other", async (t) => {
  const quota = 20_000;
  const { key } = await cluster.createKnownKey("shared");
  const results = await Promise.all(regionNames.map((name) => send(name, key, 13_334)));
  const admitted = results.reduce((sum, { statuses }) => sum + (statuses.get(200) ?? 0), 0);
  const refused = results.reduce((sum, { statuses }) => sum + (statuses.get(429) ?? 0), 0);
  assert.equal(admitted + refused, 3 * 13_334);

  await until(() => allSay(key, admitted), 2_000, `${admitted} used in every region`);
  const { json } = await cluster.api("GET", "/v1/status");
  const { regions } = json as { regions: { processes: { lagP99Ms: number }[] }[] };
  const processes = regions.flatMap((region) => region.processes);
  const bound = overshootBound(
    processes,
    results.map((result) => result.perSecond),
  );
  t.diagnostic(`admitted ${admitted} of ${quota}, overshoot ${admitted - quota}, bound ${bound}`);
  assert.ok(admitted >= quota, "no false rejection");
  assert.ok(admitted <= quota + bound, "overshoot within its bound");
});

test("status tells the overshoot of a window that closed, and a bound that holds it", async (t) => {
  const { key } = await cluster.createKnownKey("slice");
  const isEarly = async (): Promise<boolean> => Date.now() % sliceMs < sliceMs / 3;
  await until(isEarly, sliceMs, "the start of a window");
  const results = await Promise.all(regionNames.map((name) => send(name, key, 2 * sliceQuota)));
  const admitted = results.reduce((sum, { statuses }) => sum + (statuses.get(200) ?? 0), 0);
  const newest = async () => {
    const { json } = await cluster.api("GET", "/v1/status");
    const { overshoot } = json as {
      overshoot: { closed: { plan: string; unitsTotal: number; boundUnits: number }[] };
    };
    return overshoot.closed.find(({ plan, unitsTotal }) => plan === "slice" && unitsTotal > 0);
  };
  await until(async () => (await newest()) !== undefined, 3 * sliceMs, "the window to be read");
  const closed = await newest();
  t.diagnostic(`admitted ${admitted} of ${sliceQuota}, bound ${closed?.boundUnits}`);
  assert.equal(closed?.unitsTotal, admitted - sliceQuota);
  assert.ok(admitted - sliceQuota <= (closed?.boundUnits ?? 0));
});

/**
 * What others admitted that the last admitting region could not see: at most, over its view of the
 * worst lag, the rates of the two other regions. The rate is that of the closed loop, rejections included.
 */
function overshootBound(
  processes: readonly { lagP99Ms: number }[],
  rates: readonly number[],
): number {
  const lagSeconds = Math.max(...processes.map(({ lagP99Ms }) => lagP99Ms)) / 1000;
  const total = rates.reduce((sum, rate) => sum + rate, 0);
  return Math.ceil((total - Math.min(...rates)) * lagSeconds);
}
