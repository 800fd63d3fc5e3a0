/**
 * T14 (b): half an hour that is like a day. Totals are exact per key and window; memory and files do not grow.
 *
 * Memory is what a process has resident right after all that is dead was collected: heaps, code, SQLite's caches and whatever
 * malloc keeps. It is watched in the last two fifths, twelve minutes, with faults going on; see `watchFromShare` for why not before.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { runDay } from "../support/day-run.ts";
import type { Trend } from "../support/process-watch.ts";
import { fakeTime } from "../support/wrong-clocks.ts";

const lengthMs = 1_800_000;
/** T14. */
const megabytesPer10MinutesMax = 1;

const library = await fakeTime();
const skip = "why" in library && library.why;

test("a day at 1:48, with faults and the end of a month in its middle", { skip }, async (t) => {
  const path = "path" in library ? library.path : "";
  let trends: readonly Trend[] = [];
  let said = "";
  const settledMs = await runDay(lengthMs, path, (figures) => {
    const { sent, acked, unknown, badCalls, statuses } = figures.load;
    t.diagnostic(`answers: ${JSON.stringify([...statuses])}, ${badCalls} bad clients`);
    trends = figures.trends;
    for (const trend of trends) t.diagnostic(textOf(trend));
    said = `${sent} calls, ${figures.faults} faults, ${acked} charged for certain and ${unknown} perhaps`;
  });
  const settled = `equal everywhere after ${Math.round(settledMs)} ms`;
  const worst = Math.max(...trends.map(({ megabytesPer10Minutes }) => megabytesPer10Minutes));
  t.diagnostic(
    `figure: ${said}: exact per key and window, ${settled}; memory of a process grew by ${worst.toFixed(2)} MB in 10 minutes at most`,
  );
  for (const { name, filesFirst, filesLast } of trends) {
    assert.ok(filesLast <= filesFirst + 2, `open files of ${name}`);
  }
  for (const { name, megabytesPer10Minutes } of trends) {
    assert.ok(megabytesPer10Minutes <= megabytesPer10MinutesMax, `memory of ${name}`);
  }
});

function textOf(trend: Trend): string {
  const { name, megabytes, megabytesPer10Minutes, heap, external, samples } = trend;
  const texts = (values: readonly number[]): string[] => values.map((value) => value.toFixed(1));
  return [
    `${name}: ${texts(megabytes).join(", ")} MB, ${megabytesPer10Minutes.toFixed(2)} MB per 10 minutes`,
    `heap ${texts(heap).join(" → ")}`,
    `external ${texts(external).join(" → ")}`,
    `${samples} samples`,
    `${trend.filesFirst} → ${trend.filesLast} files`,
  ].join(", ");
}
