/**
 * T12: wall clocks that jump by seconds, hours and days, of gateways and hub, differently: windows go by the hub's time, no
 * charge lands in another one, no limit begins anew, nothing fails.
 */

import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Book, CallLedger } from "./support/call-ledger.ts";
import { until } from "./support/cluster.ts";
import { regionNames } from "./support/configs.ts";
import { assertExact } from "./support/exactness.ts";
import type { FarFleet } from "./support/far-fleet.ts";
import type { Fleet } from "./support/fleet.ts";
import { WindowWatch } from "./support/window-watch.ts";
import { fakeTime, WrongClocks } from "./support/wrong-clocks.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";
const hour = 3_600;
const day = 24 * hour;
const sliceMs = 2_000;
/** Seconds off; after each other, in every process another one. */
const offsets = [1, -1, 2 * hour, -2 * hour, day, -day, 0];
const jumps = isLong ? 20 : 5;
/** T12: 20 jumps in 2 min, here a little after an edge of a window or a little before one. */
const betweenMs = isLong ? 6_000 : 300;
const nearEdgeMs = 30;
const fullQuota = 50;
/** Strict: used up while clocks jump. */
const leasedQuota = 250;
/** A day that ends meanwhile would rightly begin limits anew. */
const beforeMidnightMs = isLong ? 300_000 : 60_000;
/** To all regions together. */
const perSecond = isLong ? 200 : 120;

const plans = `open:
    limits:
      - { name: month, per: key, quota: 1000000000, window: month }
      - { name: day, per: key, quota: 1000000000, window: day }
      - { name: slice, per: key, quota: 1000000000, window: ${sliceMs / 1_000}s, scope: global }
  leased: { limits: [{ name: day, per: key, quota: ${leasedQuota}, window: day, enforcement: strict }] }
  full: { limits: [{ name: day, per: key, quota: ${fullQuota}, window: day }] }`;
const windows = { day: 1_000 * day, slice: sliceMs };

const library = await fakeTime();
const skip = "why" in library && library.why;

suite("wrong clocks", { skip }, () => {
  let far: FarFleet;
  let fleet: Fleet;
  let clocks: WrongClocks;
  let watch: WindowWatch;
  let ledger: CallLedger;
  let full: string;
  let leased: string;
  const keys = new Map<string, string>();
  const startMs = Date.now();

  before(async () => {
    const isToday = () => Date.now() % (1_000 * day) < 1_000 * day - beforeMidnightMs;
    await until(isToday, beforeMidnightMs, "midnight to pass");
    ({ far, clocks } = await WrongClocks.start(plans, "path" in library ? library.path : ""));
    fleet = far.fleet;
    const { key, id } = await fleet.createKnownKey("open");
    const strict = await fleet.createKnownKey("leased");
    leased = strict.key;
    keys.set(key, id).set(leased, strict.id);
    full = (await fleet.createKnownKey("full")).key;
    await exhaust(fleet, full);
    ledger = new CallLedger({
      targets: regionNames.map((region) => ({ region, url: fleet.url(region) })),
      ...{ keys: [key, leased], perSecond, connections: 8 },
    });
    watch = new WindowWatch(fleet, key, windows);
    ledger.start();
    watch.start();
  });

  after(async () => {
    await Promise.all([ledger?.stop(), watch?.stop()]);
    await far?.stop();
    clocks?.remove();
  });

  test(`${jumps} jumps of every clock: windows go by the hub's time, and no limit begins anew`, async () => {
    for (let jump = 0; jump < jumps; jump++) {
      const toEdgeMs = sliceMs - (Date.now() % sliceMs);
      const besideMs = jump % 2 === 0 ? nearEdgeMs : -nearEdgeMs;
      await sleep(isLong ? betweenMs + toEdgeMs + besideMs : betweenMs);
      for (const [i, name] of ["hub", ...regionNames].entries()) {
        clocks.set(name, offsets[(jump + 2 * i) % offsets.length] as number);
      }
      for (const region of regionNames) assert.equal(await fleet.call(region, full), 429, region);
    }
    await sleep(betweenMs);
    assert.deepEqual(watch.oddities, []);
  });

  // Behind is the same, and without the hub is worse, see below.
  for (const offset of isLong ? [day, -day] : [day]) {
    const off = `a day ${offset > 0 ? "ahead" : "behind"}`;

    test(`a gateway started with its clock ${off} charges by the hub's time`, async () => {
      clocks.set("sydney", offset);
      // Several round trips pass until it knows better.
      far.link("sydney").set(["up", "down"], { delayMs: 60 });
      await restart("sydney");
      assert.equal(await fleet.call("sydney", full), 429);
      await sleep(betweenMs);
      assert.deepEqual(watch.oddities, []);
    });
  }

  test("a gateway started without the hub, its clock a day behind, forgets no count", async () => {
    clocks.set("seoul", -day);
    await fleet.end("hub", "SIGKILL");
    await restart("seoul");
    assert.equal(await fleet.call("seoul", full), 429);
    clocks.set("hub", 0);
    await fleet.startHub();
  });

  test("nothing failed, every call is counted once, in the hour in which it was made", async (t) => {
    await Promise.all([ledger.stop(), watch.stop()]);
    const counted = await assertExact(fleet, ledger, keys);
    const { acked } = ledger.books.get(leased) as Book;
    const strict = (await fleet.usage("seoul", leased))?.limits[0]?.used ?? 0;
    t.diagnostic(`strict: ${strict} of ${leasedQuota} used, ${acked} answered`);
    assert.ok(acked <= leasedQuota && strict <= leasedQuota, "a strict limit is never exceeded");
    assert.equal(ledger.broken.get("frankfurt") ?? 0, 0, "a gateway that was never restarted");
    const { answered } = ledger;
    const failed = answered.filter(({ key, status }) => key !== leased && status !== 200);
    assert.equal(failed.length, 0, "without end of a quota every call is answered");
    const report = await fleet.command(
      ...["usage", "--by", "key", "--window", "hour", "--json"],
      ...["--from", inDays(-3), "--to", inDays(3)],
    );
    assert.equal(report.code, 0, report.stderr);
    const { rows } = JSON.parse(report.stdout) as { rows: { window: string; units: number }[] };
    assert.ok(rows.length > 0);
    const hours = new Set(
      [startMs, Date.now()].map((ms) => new Date(ms).toISOString().slice(0, 13)),
    );
    for (const { window } of rows) assert.ok(hours.has(window.slice(0, 13)), window);
    t.diagnostic(`${counted.total} calls, ${watch.looks} looks at windows`);
    t.diagnostic(
      `figure: ${jumps} jumps of 4 clocks, no charge in another window, no limit begun anew`,
    );
  });

  async function restart(region: string): Promise<void> {
    watch.excuse(region, true);
    await fleet.end(region, "SIGKILL");
    await fleet.startGateway(region);
    watch.excuse(region, false);
  }
});

function inDays(days: number): string {
  return new Date(Date.now() + 1_000 * day * days).toISOString().slice(0, 10);
}

async function exhaust(fleet: Fleet, key: string): Promise<void> {
  for (let i = 0; i < fullQuota; i++) assert.equal(await fleet.call("sydney", key), 200);
  for (const region of regionNames) {
    const isFull = async () => (await fleet.usage(region, key))?.limits[0]?.remaining === 0;
    await until(isFull, 5_000, `${region} to know that the quota is used up`);
  }
}
