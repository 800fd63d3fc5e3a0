/** T14 (b): half an hour that is like a day. Totals are exact per key and window; memory and files do not grow. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { runDay } from "../support/day-run.ts";
import { fakeTime } from "../support/wrong-clocks.ts";

const lengthMs = 1_800_000;
/** T14. */
const megabytesPer10MinutesMax = 1;

const library = await fakeTime();
const skip = "why" in library && library.why;

test("a day at 1:48, with faults and the end of a month in its middle", { skip }, async (t) => {
  const path = "path" in library ? library.path : "";
  const { load, trends, faults, settledMs } = await runDay(lengthMs, path);
  const { sent, acked, unknown, badCalls, statuses } = load;
  t.diagnostic(`answers: ${JSON.stringify([...statuses])}, ${badCalls} bad clients`);
  for (const { name, megabytes, megabytesPer10Minutes, filesFirst, filesLast } of trends) {
    const slope = megabytesPer10Minutes.toFixed(2);
    const memory = `${megabytes.join(", ")} MB, ${slope} MB per 10 minutes`;
    t.diagnostic(`${name}: ${memory}, ${filesFirst} → ${filesLast} files`);
  }
  t.diagnostic(
    `figure: ${sent} calls, ${faults} faults, ${acked} charged for certain and ${unknown} perhaps: exact ` +
      `per key and window, equal everywhere after ${Math.round(settledMs)} ms`,
  );
  for (const { name, filesFirst, filesLast } of trends) {
    assert.ok(filesLast <= filesFirst + 2, `open files of ${name}`);
  }
  for (const { name, megabytesPer10Minutes } of trends) {
    assert.ok(megabytesPer10Minutes <= megabytesPer10MinutesMax, `memory of ${name}`);
  }
});
