import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  addHistogram,
  emptyHistogram,
  latencyBuckets,
  noteLatency,
  quantileMs,
} from "./latency-histogram.ts";
import type { ProbeResult } from "./probe.ts";
import { dayMs, historyDays, historyHours, hourMs, ProbeHistory } from "./probe-history.ts";

const noon = Date.UTC(2026, 10, 21, 12);

function probe(atMs: number, change: Partial<ProbeResult> = {}): ProbeResult {
  return { region: "sydney", atMs, tookMs: 20, latencyMs: 100, outcome: "ok", ...change };
}

test("a quantile is at most a tenth off, from 1 ms to 10 s", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 1, max: 10_000, noNaN: true }), { minLength: 1 }),
      (all) => {
        const histogram = emptyHistogram();
        for (const ms of all) noteLatency(histogram, ms);
        const sorted = all.toSorted((a, b) => a - b);
        for (const quantile of [0.5, 0.95]) {
          const exact = sorted[Math.ceil(sorted.length * quantile) - 1] as number;
          const found = quantileMs(histogram, quantile) as number;
          assert.ok(Math.abs(found - exact) <= exact * 0.1 + 0.6, `${found} for ${exact}`);
        }
      },
    ),
  );
});

test("histograms add up, take any latency, and know nothing when empty", () => {
  const [one, other] = [emptyHistogram(), emptyHistogram()];
  for (const ms of [0, 0.2, 1]) noteLatency(one, ms);
  for (const ms of [1e9, Number.POSITIVE_INFINITY]) noteLatency(other, ms);
  addHistogram(one, other);
  assert.deepEqual([one[0], one[latencyBuckets - 1]], [3, 2]);
  assert.equal(quantileMs(emptyHistogram(), 0.5), undefined);
});

test("availability is a share of time, by hour and by day", () => {
  const history = new ProbeHistory("sydney");
  history.note(probe(noon - hourMs), 3_000);
  history.note(probe(noon, { outcome: "slow" }), 1_000);
  history.note(probe(noon + 1_000), 1_000);
  const hours = history.hours(noon);
  assert.equal(hours.length, historyHours);
  assert.deepEqual(
    hours.slice(-3).map(({ availability }) => availability),
    [undefined, 1, 0.5],
  );
  const days = history.days(noon);
  assert.equal(days.length, historyDays);
  assert.equal(days.at(-1)?.availability, 0.8);
  assert.equal(history.whole().availability, 0.8);
});

test("what is taken to be saved comes again only when it changed, or could not be saved", () => {
  const history = new ProbeHistory("sydney");
  history.note(probe(noon), 1_000);
  const taken = history.takeUnsaved();
  assert.deepEqual(
    taken.map(({ region, hourMs: at, okMs, probes }) => [region, at, okMs, probes]),
    [["sydney", noon, 1_000, 1]],
  );
  assert.deepEqual(history.takeUnsaved(), []);
  history.note(probe(noon + 1), 500);
  assert.equal(taken[0]?.okMs, 1_000);
  history.giveBack(taken);
  assert.equal(history.takeUnsaved()[0]?.okMs, 1_500);
});

test("hours that were saved come back as days; what is older than they reach is dropped", () => {
  const history = new ProbeHistory("sydney");
  history.note(probe(noon), 1_000);
  const [hour] = history.takeUnsaved();
  assert.ok(hour !== undefined);
  const later = noon + 80 * dayMs;
  const restored = new ProbeHistory("sydney");
  restored.load(hour, later);
  assert.equal(restored.days(later)[9]?.availability, 1);
  assert.deepEqual(
    new Set(restored.hours(later).map((one) => one.availability)),
    new Set([undefined]),
  );
  restored.forget(noon + 90 * dayMs);
  assert.equal(restored.whole().availability, undefined);
});

test("where nobody could probe, the hub's link stands for it, without a latency", () => {
  const history = new ProbeHistory("sydney");
  history.noteHeard(noon, { isUp: true, forMs: 750 });
  history.noteHeard(noon, { isUp: false, forMs: 250 });
  assert.deepEqual(history.whole(), { availability: 0.75, p50Ms: undefined, p95Ms: undefined });
});
