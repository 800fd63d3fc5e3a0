/**
 * T5: regions cut off from the hub, in one direction, both, or on and off: soft limits stay within their computed bounds,
 * a `staleness` guard closes in time, and after healing every region soon says the same, which is what was admitted.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "./support/cluster.ts";
import { regionNames } from "./support/configs.ts";
import type { Cut, CutKind } from "./support/cut.ts";
import { type CutFigures, CutRun, type CutSetting, describeCut } from "./support/cut-run.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";

const everyday: CutSetting = {
  cuts: [
    { kind: "both", regions: ["sydney"], cutMs: 1_300 },
    { kind: "up", regions: ["seoul"], cutMs: 1_200 },
    { kind: "down", regions: ["frankfurt"], cutMs: 1_200 },
    { kind: "reset", regions: regionNames, cutMs: 1_100 },
    { kind: "flapping", regions: ["sydney", "seoul"], cutMs: 800 },
  ],
  limits: ["soft", "guarded", "strict"],
  perSecond: 600,
  stalenessMs: 700,
};

/** T5 in full: thirty cuts of 5 to 90 s, each kind for one, two and three regions. */
function fullSetting(): CutSetting {
  const kinds: CutKind[] = ["up", "down", "both", "flapping", "half-open", "reset"];
  const cuts: Cut[] = [];
  for (let i = 0; i < 30; i++) {
    const kind = kinds[i % kinds.length] as CutKind;
    const regions = [0, 1, 2]
      .slice(0, 1 + (Math.floor(i / kinds.length) % 3))
      .map((k) => regionNames[(i + k) % regionNames.length] as string);
    cuts.push({ kind, regions, cutMs: 5_000 + Math.round((85_000 * ((i * 7) % 30)) / 29) });
  }
  return { ...everyday, cuts, stalenessMs: 2_000 };
}

const setting = isLong ? fullSetting() : everyday;
const figures: CutFigures[] = [];
let run: CutRun;

before(async () => {
  run = await CutRun.start(setting);
});

after(() => run?.stop());

for (const [index, { kind, regions, cutMs }] of setting.cuts.entries()) {
  const name = `${kind} cut of ${regions.join(", ")} for ${cutMs} ms`;
  test(`${name}: overshoot within its bound, then equal and exact totals within 3 s`, async (t) => {
    const measured = await run.run(index);
    figures.push(measured);
    t.diagnostic(describeCut(measured));
  });
}

test("a region that was cut off while nobody called it refuses its first guarded call, until it hears the hub", async () => {
  const [region] = regionNames;
  const { fleet } = run.far;
  const { key } = await fleet.createKnownKey("guarded0");
  assert.equal(await fleet.call(region, key), 200);
  const isCovered = async () => (await fleet.usage("seoul", key))?.limits[0]?.used === 1;
  await until(isCovered, 3_000, "the call to be known elsewhere");
  run.far.link(region).set(["up", "down"], { isStalled: true });
  await sleep(setting.stalenessMs + 50);
  assert.equal(await fleet.call(region, key), 503);
  run.far.link(region).heal();
  await until(async () => (await fleet.call(region, key)) === 200, 3_000, "the guard to open");
});

test("the cuts could be felt, and afterwards every stored figure agrees", async (t) => {
  const soft = figures.flatMap(({ limits }) => limits.filter(({ kind }) => kind === "soft"));
  const most = (values: readonly number[]): number => Math.round(Math.max(...values));
  assert.ok(most(soft.map(({ overshoot }) => overshoot)) > 0, "some quota was exceeded");
  const verify = await run.far.fleet.command("verify");
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
  const share = most(soft.map(({ overshoot, boundUnits }) => (100 * overshoot) / boundUnits));
  t.diagnostic(
    `figure: ${figures.length} cuts, overshoot at most ${share} % of its bound, equal everywhere ` +
      `${most(figures.map(({ agreedMs }) => agreedMs))} ms after healing at the latest`,
  );
});
