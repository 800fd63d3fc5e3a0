/**
 * T18: a gateway that is stopped in order (SIGTERM) under load drops no call of its keep-alive clients, hands over what it
 * counted and holds, and ends soon.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CallLedger } from "./support/call-ledger.ts";
import { until } from "./support/cluster.ts";
import { regionNames } from "./support/configs.ts";
import { assertExact } from "./support/exactness.ts";
import { Fleet } from "./support/fleet.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";
const stops = isLong ? 50 : 3;
const calmMs = isLong ? 700 : 150;
/** T18. */
const exitMsMax = 10_000;
/** To all regions together. */
const perSecond = 300;
const connectionsPerRegion = 16;
const strictQuota = isLong ? 100_000 : 20_000;

let fleet: Fleet;

before(async () => {
  const plans = [
    "huge: { limits: [{ name: month, per: key, quota: 1000000000, window: month }] }",
    `exact: { limits: [{ name: month, per: key, quota: ${strictQuota}, window: month, enforcement: strict }] }`,
  ].join("\n  ");
  fleet = await Fleet.start(plans);
});

after(() => fleet?.stop());

/** Units of strict limits that a process holds or held, as the hub says. */
async function heldUnits(): Promise<number> {
  const { json } = await fleet.api("GET", "/v1/status");
  return (json as { leases: { heldUnits: number } }).leases.heldUnits;
}

test(`${stops} stops under load: no call dropped, nothing left behind, over in time`, async (t) => {
  const keys = new Map<string, string>();
  for (const plan of ["huge", "exact"]) {
    const { key, id } = await fleet.createKnownKey(plan);
    keys.set(key, id);
  }
  const [huge] = keys.keys();
  const ledger = new CallLedger({
    targets: regionNames.map((region) => ({ region, url: fleet.url(region) })),
    ...{ keys: [...keys.keys()], perSecond, connections: connectionsPerRegion },
  });
  ledger.start();
  const exitsMs: number[] = [];
  for (let stop = 0; stop < stops; stop++) {
    const region = regionNames[stop % regionNames.length] as string;
    await sleep(calmMs);
    const startMs = performance.now();
    const code = await fleet.end(region, "SIGTERM");
    exitsMs.push(performance.now() - startMs);
    assert.equal(code, 0, `${region} ended in order`);
    await fleet.startGateway(region);
  }
  await sleep(calmMs);
  await ledger.stop();
  const slowest = Math.round(Math.max(...exitsMs));
  t.diagnostic(
    `${ledger.sent} calls, ${ledger.unknown} dropped, ended within ${slowest} ms; other answers: ` +
      JSON.stringify([...ledger.others]),
  );
  assert.equal(ledger.unknown, 0, "no call is dropped");
  assert.ok(slowest <= exitMsMax, `ended after ${slowest} ms`);
  const counted = await assertExact(fleet, ledger, keys);
  assert.equal(counted.over, 0);
  const failed = ledger.answered.filter((call) => call.key === huge && call.status !== 200);
  assert.equal(failed.length, 0, "only a strict limit may have had nothing at hand");
  t.diagnostic(
    `figure: ${stops} stops, 0 of ${counted.acked} calls dropped, ended within ${slowest} ms`,
  );
});

test("a gateway that was stopped has handed over its last batch and given back its leases", async () => {
  const { key } = await fleet.createKnownKey("exact");
  for (const region of regionNames) {
    // 503 while it holds nothing yet.
    const isAdmitted = async () => (await fleet.call(region, key)) === 200;
    await until(isAdmitted, 5_000, `${region} to hold quota`);
  }
  for (const region of regionNames.slice(1)) await fleet.end(region, "SIGTERM");
  const [left] = regionNames;
  await until(
    async () => (await fleet.usage(left, key))?.limits[0]?.used === regionNames.length,
    3_000,
    "the calls of the stopped to be known",
  );
  await fleet.end(left, "SIGTERM");
  assert.equal(await heldUnits(), 0);
});
