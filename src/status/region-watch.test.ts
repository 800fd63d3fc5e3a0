import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProbeOutcome, ProbeResult } from "./probe.ts";
import { type Look, RegionWatch, silentMs } from "./region-watch.ts";

const timeMs = 1_000_000;
const look: Look = { nowMs: 50_000, timeMs, heardMs: 49_900, isHeard: () => true };

function probe(atMs: number, outcome: ProbeOutcome): ProbeResult {
  return { region: "sydney", atMs: timeMs + atMs, tookMs: 20, latencyMs: 10, outcome };
}

/**
 * What each observer found last, as letters from old to new, a second apart (`+` an answer, `-` none), and how long the hub has
 * not heard of the region, against what is said of it.
 */
const table: readonly [Record<string, string>, number, string][] = [
  [{ seoul: "+", frankfurt: "+" }, 0, "up"],
  // One lost packet, and one observer's bad network.
  [{ seoul: "+-", frankfurt: "++" }, 0, "up"],
  [{ seoul: "+-" }, 0, "up"],
  [{ seoul: "---", frankfurt: "++" }, 0, "degraded partly"],
  [{ seoul: "---", frankfurt: "++", tokyo: "++" }, 0, "degraded partly"],
  [{ seoul: "+-", frankfurt: "+-" }, 0, "up"],
  [{ seoul: "+--", frankfurt: "+-" }, 0, "down unreachable"],
  [{ seoul: "+-", frankfurt: "+-", tokyo: "+-" }, 0, "down unreachable"],
  [{ seoul: "+-", frankfurt: "+-", tokyo: "++" }, 0, "up"],
  // One of two processes, or of four, is stopped; an outage that ended, and a bad line, are neither.
  [{ seoul: "+-+-++-+-+", frankfurt: "++-+--+-++" }, 0, "degraded partly"],
  [{ seoul: "+-+++-+++-+" }, 0, "degraded partly"],
  [{ seoul: "++------++", frankfurt: "+------+++" }, 0, "up"],
  [{ seoul: "++++-++++++++-++", frankfurt: "++++++++-+++++++" }, 0, "up"],
  [{ seoul: "-+-+-+++++++++++++++++++" }, 0, "up"],
  // A silent link takes the place of two failures.
  [{ seoul: "+-", frankfurt: "+-" }, silentMs, "down unreachable"],
  [{ seoul: "+-" }, silentMs, "down unreachable"],
  [{ seoul: "+---" }, 0, "down unreachable"],
  [{ seoul: "++", frankfurt: "++" }, 9_999, "up"],
  [{ seoul: "++", frankfurt: "++" }, 10_000, "degraded cut-off"],
  [{ seoul: "++", frankfurt: "+-" }, 3_000, "up"],
  // Nobody else to ask.
  [{}, 2_499, "up"],
  [{}, 2_500, "down unreachable"],
];

for (const [found, silenceMs, expected] of table) {
  const observers = Object.entries(found).map(([name, letters]) => `${name} ${letters}`);
  test(`${observers.join(", ") || "nobody"}, silent for ${silenceMs} ms: ${expected}`, () => {
    const watch = new RegionWatch();
    for (const [observer, letters] of Object.entries(found)) {
      for (const [i, letter] of [...letters].entries()) {
        watch.report(observer, probe(i * 1_000, letter === "+" ? "ok" : "slow"), look.nowMs);
      }
    }
    const { state, why } = watch.judge({ ...look, heardMs: look.nowMs - silenceMs });
    assert.equal(`${state} ${why}`.trim(), expected);
  });
}

test("an outage begins with the probe that made the majority, and ends with the last first answer", () => {
  const watch = new RegionWatch();
  for (const observer of ["seoul", "frankfurt", "tokyo"]) {
    watch.report(observer, probe(0, "ok"), look.nowMs);
  }
  watch.report("seoul", probe(1_000, "slow"), look.nowMs);
  watch.report("frankfurt", probe(1_300, "slow"), look.nowMs);
  watch.report("tokyo", probe(1_900, "slow"), look.nowMs);
  assert.equal(watch.judge(look).sinceMs, timeMs + 1_300);
  watch.report("seoul", probe(5_000, "ok"), look.nowMs);
  watch.report("frankfurt", probe(5_400, "ok"), look.nowMs);
  watch.report("tokyo", probe(5_100, "ok"), look.nowMs);
  watch.report("tokyo", probe(6_100, "ok"), look.nowMs);
  const verdict = watch.judge(look);
  assert.deepEqual([verdict.state, verdict.sinceMs], ["up", timeMs + 5_420]);
});

test("what an observer found counts for five seconds, and while the hub hears of it", () => {
  const watch = new RegionWatch();
  watch.report("seoul", probe(0, "slow"), look.nowMs);
  watch.report("seoul", probe(1_000, "slow"), look.nowMs);
  watch.report("seoul", probe(2_000, "slow"), look.nowMs);
  assert.equal(watch.judge(look).state, "down");
  assert.equal(watch.judge({ ...look, isHeard: (name) => name !== "seoul" }).state, "up");
  const later = { ...look, nowMs: look.nowMs + 5_001, heardMs: look.nowMs + 5_000 };
  assert.deepEqual([watch.isObserved(later), watch.judge(later).state], [false, "up"]);
});

test("a repeated result counts once, and a pause counts for five seconds at most", () => {
  const watch = new RegionWatch();
  const at = [0, 1_000, 1_000, 500, 3_250, 60_000];
  const weights = at.map((atMs) => watch.report("seoul", probe(atMs, "ok"), look.nowMs));
  assert.deepEqual(weights, [1_000, 1_000, 0, 0, 2_250, 5_000]);
});

test("an observer that is not asked any more is forgotten", () => {
  const watch = new RegionWatch();
  watch.report("seoul", probe(0, "slow"), look.nowMs);
  watch.forget(() => false);
  assert.equal(watch.isObserved(look), false);
});
