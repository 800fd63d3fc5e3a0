import assert from "node:assert/strict";
import { test } from "node:test";
import { firstShare, forgetAfterMs, type HealthRules, TargetHealth } from "./target-health.ts";

const rules: HealthRules = {
  failuresMax: 3,
  errorShareMax: 0.5,
  ejectMs: 1_000,
  ejectMaxMs: 8_000,
  slowStartMs: 10_000,
  checksFailedMax: 2,
  checksPassedMin: 2,
};

/** Fails until it is ejected; the time at which it is on trial. */
function ejected(health: TargetHealth, nowMs: number): number {
  for (let i = 0; health.standing(nowMs) !== "out"; i++) {
    assert.ok(i < 10);
    health.failed(nowMs);
  }
  return nowMs + (health.waitMs(nowMs) ?? Number.NaN);
}

test("so many failures in a row eject, fewer do not, and a whole reply begins anew", () => {
  const health = new TargetHealth(rules);
  assert.equal(health.failed(0), false);
  assert.equal(health.failed(0), false);
  health.succeeded();
  health.failed(0);
  health.failed(0);
  assert.equal(health.standing(0), "in");
  assert.equal(health.failed(0), true);
  assert.equal(health.standing(0), "out");
  assert.equal(health.standing(999), "out");
  assert.equal(health.standing(1_000), "trial");
});

test("on trial there is one call at a time; its answer brings the target back, slowly", () => {
  const health = new TargetHealth(rules);
  const at = ejected(health, 0);
  assert.equal(health.share(at), firstShare);
  assert.equal(health.began(), true);
  assert.equal(health.standing(at), "out");
  health.answered(false, at);
  health.trialEnded();
  assert.equal(health.standing(at), "in");
  assert.equal(health.share(at), firstShare);
  assert.ok(Math.abs(health.share(at + 5_000) - 0.55) < 1e-9);
  assert.equal(health.share(at + 10_000), 1);
  assert.equal(health.began(), false);
});

test("one that answers and breaks off on trial is ejected by that alone", () => {
  const health = new TargetHealth(rules);
  const at = ejected(health, 0);
  health.began();
  health.answered(false, at);
  assert.equal(health.failed(at), true);
  health.trialEnded();
  const again = at + (health.waitMs(at) ?? Number.NaN);
  assert.equal(again, at + 2_000);
  health.began();
  health.answered(false, again);
  health.trialEnded();
  health.succeeded();
  assert.equal(health.failed(again), false, "a whole reply proves it");
});

test("a failed trial ejects for twice as long, up to the bound", () => {
  const health = new TargetHealth(rules);
  let at = ejected(health, 0);
  const lengths: number[] = [];
  for (let i = 0; i < 6; i++) {
    health.began();
    assert.equal(health.failed(at), true);
    health.trialEnded();
    const waitMs = health.waitMs(at) ?? Number.NaN;
    lengths.push(waitMs);
    at += waitMs;
  }
  assert.deepEqual(lengths, [2_000, 4_000, 8_000, 8_000, 8_000, 8_000]);
});

test("flapping: an ejection soon after the last is longer, one long after is not", () => {
  for (const [pauseMs, expected] of [
    [5_000, 2_000],
    [forgetAfterMs, 2_000],
    [forgetAfterMs + 1, 1_000],
  ] as const) {
    const health = new TargetHealth(rules);
    const backMs = ejected(health, 0);
    health.began();
    health.answered(false, backMs);
    health.trialEnded();
    health.succeeded();
    const againMs = backMs + pauseMs;
    assert.equal(ejected(health, againMs) - againMs, expected, String(pauseMs));
  }
});

test("a call that began before the ejection and fails after it makes it no longer", () => {
  const health = new TargetHealth(rules);
  const at = ejected(health, 0);
  assert.equal(health.failed(500), false);
  assert.equal(health.waitMs(500), at - 500);
});

test("most replies of a while must be errors, not a few, and not of long ago", () => {
  const health = new TargetHealth(rules);
  for (let i = 0; i < 19; i++) health.answered(true, 0);
  assert.equal(health.isMostlyErrors(0), false, "too few replies to tell");
  health.answered(true, 0);
  assert.equal(health.isMostlyErrors(0), true);
  for (let i = 0; i < 20; i++) health.answered(false, 500);
  assert.equal(health.isMostlyErrors(500), false, "half is not most");
  health.answered(true, 500);
  assert.equal(health.isMostlyErrors(500), true);
  assert.equal(health.isMostlyErrors(10_000), false);
});

test("checks take a target down and bring it back, whatever its calls do", () => {
  const health = new TargetHealth(rules);
  assert.equal(health.checked(false, 0), false);
  assert.equal(health.checked(true, 0), false);
  assert.equal(health.checked(false, 0), false);
  assert.equal(health.checked(false, 0), true);
  assert.equal(health.standing(0), "out");
  assert.equal(health.waitMs(0), undefined);
  health.answered(false, 0);
  assert.equal(health.standing(0), "out");
  assert.equal(health.checked(true, 5_000), false);
  assert.equal(health.checked(true, 6_000), true);
  assert.equal(health.standing(6_000), "in");
  assert.equal(health.share(6_000), firstShare, "slow start");
});

test("a target that passes its checks is still ejected until its time is up", () => {
  const health = new TargetHealth(rules);
  const at = ejected(health, 0);
  health.checked(true, 10);
  assert.equal(health.standing(10), "out");
  assert.equal(health.standing(at), "trial");
});
