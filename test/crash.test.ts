/**
 * `kill -9` of a gateway, of the hub, of everything at once, under load, in both durability modes: nothing that was
 * answered is lost, nothing is counted twice. Issue row 8.
 */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  CrashCluster,
  describeRound,
  fullKills,
  servesAgainMsMax,
  type Victim,
} from "./support/crash-run.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";
const kills: Readonly<Record<Victim, number>> = isLong
  ? fullKills
  : { gateway: 2, hub: 1, everything: 1 };

for (const durability of ["os", "disk"] as const) {
  describe(`durability ${durability}`, () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    let crash: CrashCluster | undefined;

    before(async () => {
      crash = await CrashCluster.start(durability, seed);
    });

    after(() => crash?.stop());

    for (const victim of ["gateway", "hub", "everything"] as const) {
      test(`kill -9 of ${victim} under load loses nothing and doubles nothing`, async (t) => {
        assert.ok(crash);
        const round = await crash.round(victim, kills[victim]);
        t.diagnostic(`${durability}, seed ${seed}: ${describeRound(round)}`);
        assert.equal(round.failedElsewhere, 0, "gateways that were not killed fail no call");
        // A start needs a core for half a second: on a busy machine it says nothing.
        if (isLong) assert.ok(round.served.every(({ ms }) => ms <= servesAgainMsMax));
      });
    }
  });
}
