/**
 * Without the hub every gateway goes on, a restarted one too; afterwards the totals are exact, even where the hub came
 * back from an old backup. Issue row 9.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Fleet } from "./support/fleet.ts";
import {
  describeHubAway,
  describeRestore,
  fullPhaseMs,
  fullTimes,
  p99RatioMax,
  runHubAway,
  runRestore,
  startFleet,
} from "./support/hub-away-run.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";
const times = isLong ? fullTimes : { beforeMs: 1_000, awayMs: 4_500, afterMs: 1_000 };

let fleet: Fleet;

before(async () => {
  fleet = await startFleet();
});

after(() => fleet?.stop());

for (const away of ["frozen", "killed"] as const) {
  test(`the hub ${away}: nobody notices, and afterwards every call is counted once`, async (t) => {
    const result = await runHubAway(fleet, away, times);
    t.diagnostic(describeHubAway(result));
    const { failed, p99BeforeMs, p99AwayMs } = result;
    assert.equal(failed, 0, "no call fails at the gateways that were not restarted");
    // Two busy cores are too noisy for latencies of a few seconds.
    if (isLong) assert.ok(p99AwayMs <= p99RatioMax * p99BeforeMs, "latency without the hub");
  });
}

const ends = isLong ? (["SIGKILL", "SIGTERM"] as const) : (["SIGKILL"] as const);
for (const end of ends) {
  test(`a hub ended by ${end} and restored from a backup counts what came after it, too`, async (t) => {
    const result = await runRestore(fleet, end, isLong ? fullPhaseMs : 1_000);
    t.diagnostic(describeRestore(result));
    assert.equal(result.failed, 0, "no call fails at the gateways that were not restarted");
  });
}
