/**
 * T6: no call waits for the hub. With the hub far away, behind a lossy line, or silent, calls take as long as with the hub
 * next door; all are counted.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  type Distance,
  type DistanceFigures,
  DistanceRun,
  type DistanceSetting,
  describeDistance,
} from "./support/distance-run.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";

function roundTrip(ms: number, lossShare: number, phaseMs: number): Distance {
  const loss = lossShare === 0 ? "" : `, ${100 * lossShare} % loss`;
  return { name: `round trip ${ms} ms${loss}`, faults: { delayMs: ms / 2, lossShare }, phaseMs };
}

function silent(phaseMs: number): Distance {
  return { name: `hub silent for ${phaseMs / 1_000} s`, faults: { isStalled: true }, phaseMs };
}

const everyday: DistanceSetting = {
  distances: [roundTrip(80, 0.01, 700), roundTrip(250, 0.2, 700), silent(2_000)],
  rounds: 1,
  nearMs: 600,
  perSecond: 300,
};

const full: DistanceSetting = {
  distances: [
    roundTrip(5, 0, 12_000),
    roundTrip(80, 0, 12_000),
    roundTrip(250, 0, 12_000),
    roundTrip(80, 0.01, 12_000),
    roundTrip(80, 0.2, 12_000),
    silent(60_000),
  ],
  rounds: 3,
  nearMs: 12_000,
  perSecond: 600,
};

/** T6, on a machine that does nothing else. */
const p99RatioMax = 1.1;
/** Beside other work and in a second or two; a call that waited for the hub would take at least one round trip. */
const p50MoreMsMax = 15;
const p90MoreMsMax = 50;

const setting = isLong ? full : everyday;
const figures: DistanceFigures[] = [];
let run: DistanceRun;

before(async () => {
  run = await DistanceRun.start(setting);
});

after(() => run?.stop());

for (const distance of setting.distances) {
  test(`${distance.name}: calls take no longer`, async (t) => {
    const measured = await run.measure(distance);
    figures.push(measured);
    t.diagnostic(describeDistance(measured));
    const { p50Ms, p90Ms, p99Ms } = measured;
    if (isLong) {
      assert.ok(p99Ms.far <= p99RatioMax * p99Ms.near, "p99 within 10 %");
    } else {
      assert.ok(p50Ms.far <= p50Ms.near + p50MoreMsMax, "p50");
      assert.ok(p90Ms.far <= p90Ms.near + p90MoreMsMax, "p90");
    }
  });
}

test("no call failed, all are counted, and segments were really lost", async (t) => {
  const counted = await run.settle();
  assert.equal(run.failed, 0);
  assert.ok(run.lostSegments > 0);
  const ratio = Math.max(...figures.map(({ p99Ms }) => p99Ms.far / p99Ms.near));
  t.diagnostic(
    `figure: ${counted.total} calls, p99 at most ${ratio.toFixed(2)} times that beside the hub`,
  );
});
