/**
 * Without the hub every gateway goes on, a restarted one too; afterwards the totals are exact, even where the hub came
 * back from an old backup. Issue row 9.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Fleet } from "./support/fleet.ts";
import { runHubAway, runRestore, startFleet } from "./support/hub-away-run.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";

const times = isLong
  ? { beforeMs: 30_000, awayMs: 60_000, afterMs: 3_000 }
  : { beforeMs: 1_000, awayMs: 4_500, afterMs: 1_000 };

/** Of the latencies before; two busy cores are too noisy for it in a few seconds, so only the long form asserts it. */
const p99RatioMax = 1.5;

let fleet: Fleet;

before(async () => {
  fleet = await startFleet();
});

after(() => fleet.stop());

for (const away of ["frozen", "killed"] as const) {
  test(`the hub ${away}: nobody notices, and afterwards every call is counted once`, async (t) => {
    const result = await runHubAway(fleet, away, times);
    const { counted, failed, p99BeforeMs, p99AwayMs, restartedServesMs } = result;
    t.diagnostic(
      `p99 ${p99BeforeMs.toFixed(1)} ms before, ${p99AwayMs.toFixed(1)} ms without the hub; ` +
        `${failed} failed; the restarted gateway served after ${Math.round(restartedServesMs)} ms; ` +
        `${counted.total} counted, ${counted.acked} answered, ${counted.unknown} unknown`,
    );
    assert.equal(failed, 0, "no call fails at the gateways that were not restarted");
    if (isLong) assert.ok(p99AwayMs <= p99RatioMax * p99BeforeMs);
  });
}

for (const end of ["SIGKILL", "SIGTERM"] as const) {
  test(`a hub ended by ${end} and restored from a backup counts what came after it, too`, async (t) => {
    const { counted, ackedAtBackup, failed } = await runRestore(
      fleet,
      end,
      isLong ? 10_000 : 1_000,
    );
    t.diagnostic(
      `${ackedAtBackup} answered at the backup; ${counted.total} counted, ${counted.acked} answered, ` +
        `${counted.unknown} unknown, equal everywhere after ${Math.round(counted.settledMs)} ms`,
    );
    assert.equal(failed, 0, "no call fails at the gateways that were not restarted");
  });
}
