/** Faults of the hub, and what its operator does to it. */

import { runCopy, takeOver } from "./second-hub.ts";
import { breakDisk, crashBetween, type Strike, type Strikes } from "./strike.ts";

/** What a machine's clock is wrong by when somebody sets it: mostly a little. */
const clockJumpsMs = [2_000, 20_000, 200_000, 1_800_000] as const;

export const hubFaults: Strikes<
  | "hubCrash"
  | "streamFails"
  | "ledgerFails"
  | "hubPause"
  | "hubStall"
  | "hubClock"
  | "backup"
  | "hubRestored"
  | "streamCut"
  | "streamReplaced"
  | "hubTakenOver"
  | "hubCopied"
> = {
  hubCrash: (strike) => {
    const { cluster, after } = strike;
    crashBetween(strike, cluster.hub.disks, () => {
      cluster.hub.crash();
      after(20_000, () => cluster.startHub());
    });
  },
  streamFails: (strike) => breakDisk(strike, strike.cluster.hub.streamDisk),
  ledgerFails: (strike) => breakDisk(strike, strike.cluster.hub.ledgerDisk),
  hubPause: ({ cluster: { world, hub } }) => hub.host?.pause(world.between(1, 8_000)),
  hubStall: ({ cluster: { world, hub } }) => hub.host?.stall(world.between(10, 2_000)),
  // Its time follows by slewing alone; the next start goes by the clock.
  hubClock: ({ cluster, after }) => {
    const { world, hub } = cluster;
    // While it starts nobody knows by which of the two times it goes.
    if (hub.host !== undefined && hub.hub === undefined) return;
    const byMs = clockJumpsMs[world.random.below(clockJumpsMs.length)] as number;
    hub.clock.skewMs += world.between(-byMs, byMs);
    if (world.chance(0.5)) return;
    hub.crash();
    after(5_000, () => cluster.startHub());
  },
  backup: ({ cluster: { hub } }) => void hub.backUp().catch(() => undefined),
  hubRestored: ({ cluster, after }) => {
    void cluster.restoreHub();
    after(20_000, () => cluster.startHub());
  },
  streamCut: (strike) => loseRecords(strike, () => strike.cluster.cuts.cut()),
  streamReplaced: (strike) => loseRecords(strike, () => strike.cluster.cuts.replace()),
  hubTakenOver: ({ cluster }) => takeOver(cluster),
  hubCopied: ({ cluster }) => runCopy(cluster),
};

function loseRecords({ cluster, after }: Strike, lose: () => void): void {
  const { world, hub } = cluster;
  hub.crash();
  // What the crash has let through is stored by then.
  world.schedule(0, undefined, () => {
    if (hub.host === undefined && !hub.isRestoring) lose();
  });
  after(3_000, () => cluster.startHub());
}
