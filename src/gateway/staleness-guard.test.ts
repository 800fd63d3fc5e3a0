import assert from "node:assert/strict";
import { test } from "node:test";
import { StalenessGuard } from "./staleness-guard.ts";

/** Node time is this much ahead of monotonic time, until it is corrected. */
const offsetMs = 1_000_000;

const none = { oldestChargeAtMs: 0, isAgeUnknown: false };

function since(monotonicMs: number): typeof none {
  return { oldestChargeAtMs: monotonicMs + offsetMs, isAgeUnknown: false };
}

test("a gateway that was never answered is cut off for ever", () => {
  assert.equal(new StalenessGuard().cutOffMs(offsetMs + 5, 5, none), Number.POSITIVE_INFINITY);
});

test("the longer of both ages counts: the echo's since its heartbeat was sent, the oldest own charge's", () => {
  const table = [
    { at: 600, own: none, cutOffMs: 500 },
    { at: 600, own: since(550), cutOffMs: 500 },
    { at: 600, own: since(20), cutOffMs: 580 },
    { at: 600, own: { ...none, isAgeUnknown: true }, cutOffMs: Number.POSITIVE_INFINITY },
  ];
  for (const { at, own, cutOffMs } of table) {
    const guard = new StalenessGuard();
    guard.echoed(100);
    assert.equal(guard.cutOffMs(at + offsetMs, at, own), cutOffMs);
  }
});

test("an answer that was overtaken does not make the view older", () => {
  const guard = new StalenessGuard();
  guard.echoed(300);
  guard.echoed(100);
  assert.equal(guard.cutOffMs(offsetMs + 400, 400, none), 100);
});

test("node time that is set back shortens no age, and lengthens none of later charges", () => {
  const guard = new StalenessGuard();
  guard.echoed(1_000);
  assert.equal(guard.cutOffMs(offsetMs + 1_000, 1_000, since(900)), 100);
  const behind = offsetMs - 400;
  assert.equal(guard.cutOffMs(behind + 1_100, 1_100, since(900)), 200, "by the monotonic clock");
  guard.echoed(1_800);
  const later = { oldestChargeAtMs: behind + 1_700, isAgeUnknown: false };
  assert.equal(guard.cutOffMs(behind + 1_900, 1_900, later), 200, "stamped after it");
});
