import assert from "node:assert/strict";
import { test } from "node:test";
import type { OvershootLimit } from "./counter-limits.ts";
import { HubWindow } from "./hub-window.ts";
import { NearLimitWatch, nearCandidatesMax, nearListedMax } from "./near-limits.ts";
import { fingerprintOf } from "./testing/fake-gateway.ts";

const day = "day/2026-11-21T00:00:00Z";
const endMs = Date.UTC(2026, 10, 22);
const nowMs = Date.UTC(2026, 10, 21, 12);

function limitOf(plan: string, per: string, quota: number, window = "day"): OvershootLimit {
  return { plan, limit: window, per, window, scope: "global", quota };
}

const limits = [
  limitOf("small", "key", 10),
  limitOf("big", "key", 100),
  limitOf("open", "ip", 50),
  limitOf("small", "key", 2, "second"),
];

function watchOf(totals: Readonly<Record<string, number>>, id = day) {
  const window = new HubWindow(id, endMs);
  const subjects = new Map<string, string>();
  for (const [subject, units] of Object.entries(totals)) {
    const { lo, hi } = fingerprintOf(subject);
    window.add(lo, hi, units, 0);
    subjects.set(`${lo} ${hi}`, subject);
  }
  return new NearLimitWatch({
    windows: new Map([[id, window]]),
    limits: () => limits,
    subjectOf: async (_, lo, hi) => subjects.get(`${lo} ${hi}`),
    planOfKey: (keyId) => (keyId.startsWith("big") ? "big" : "small"),
  });
}

test("counters are near from four fifths of their own plan's quota on, highest share first", async () => {
  const watch = watchOf({
    "key:small1": 8,
    "key:small2": 7,
    "key:small3": 12,
    "key:big1": 79,
    "key:big2": 90,
    "ip:192.0.2.1": 49,
  });
  assert.equal(watch.ask(0).atMs, 0);
  await watch.look(nowMs);
  const { counters, more, atMs } = watch.ask(0);
  assert.deepEqual(
    counters.map(({ subject, used, quota }) => [subject, used, quota]),
    [
      ["key:small3", 12, 10],
      ["ip:192.0.2.1", 49, 50],
      ["key:big2", 90, 100],
      ["key:small1", 8, 10],
    ],
  );
  assert.deepEqual([more, atMs], [0, nowMs]);
});

test("windows that are over or short are left out", async () => {
  const over = watchOf({ "key:small1": 10 });
  await over.look(endMs);
  assert.deepEqual(over.ask(0).counters, []);
  const short = watchOf({ "key:small1": 10 }, "second/2026-11-21T12:00:00Z");
  await short.look(nowMs);
  assert.deepEqual(short.ask(0).counters, []);
});

test("what is beyond the bounds is counted, not kept", async () => {
  const totals = Object.fromEntries(
    Array.from({ length: nearCandidatesMax + 5 }, (_, i) => [`key:small${i}`, 10]),
  );
  const watch = watchOf(totals);
  await watch.look(nowMs);
  const { counters, more } = watch.ask(0);
  assert.equal(counters.length, nearListedMax);
  assert.equal(more, nearCandidatesMax + 5 - nearListedMax);
});
