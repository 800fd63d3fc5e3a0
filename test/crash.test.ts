/**
 * `kill -9` of a gateway, of the hub, of everything at once, under load, in both durability modes: nothing that was
 * answered is lost, nothing is counted twice. Issue row 8.
 */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CrashCluster, describeRound, type Victim } from "./support/crash-run.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";

/** Kills of each kind. */
const kills: Readonly<Record<Victim, number>> = isLong
  ? { gateway: 20, hub: 10, everything: 3 }
  : { gateway: 3, hub: 2, everything: 1 };

const servesAgainMsMax = 2_000;

for (const durability of ["os", "disk"] as const) {
  describe(`durability ${durability}`, () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    let crash: CrashCluster;

    before(async () => {
      crash = await CrashCluster.start(durability, seed);
    });

    after(() => crash.stop());

    for (const victim of ["gateway", "hub", "everything"] as const) {
      test(`kill -9 of ${victim} under load loses nothing and doubles nothing`, async (t) => {
        const round = await crash.round(victim, kills[victim]);
        t.diagnostic(`${durability}, seed ${seed}: ${describeRound(round)}`);
        assert.equal(round.failedElsewhere, 0, "gateways that were not killed fail no call");
        for (const ms of round.servedAfterMs) assert.ok(ms <= servesAgainMsMax, `${ms} ms`);
      });
    }
  });
}
