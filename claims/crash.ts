import {
  CrashCluster,
  type CrashRound,
  describeRound,
  fullKills,
  servesAgainMsMax,
} from "../test/support/crash-run.ts";
import type { Claim, Measurement } from "./claim.ts";

/** Chooses victims and moments; the same ones at every measurement. */
const seed = 8;

/** A round fails by itself where anything is lost, doubled or differs. */
async function measure(): Promise<Measurement> {
  const rounds: CrashRound[] = [];
  for (const durability of ["os", "disk"] as const) {
    const crash = await CrashCluster.start(durability, seed);
    try {
      for (const victim of ["gateway", "hub", "everything"] as const) {
        const round = await crash.round(victim, fullKills[victim]);
        process.stderr.write(`${durability}: ${describeRound(round)}\n`);
        rounds.push(round);
      }
    } finally {
      await crash.stop();
    }
  }
  const sum = (of: (round: CrashRound) => number): number =>
    rounds.reduce((total, round) => total + of(round), 0);
  const kills = sum((round) => round.kills);
  const counted = sum((round) => round.counted.total);
  const over = sum((round) => round.counted.over);
  const unknown = sum((round) => round.counted.unknown);
  const failed = sum((round) => round.failedElsewhere);
  const servedMs = Math.round(
    Math.max(...rounds.flatMap((round) => round.served.map(({ ms }) => ms))),
  );
  return {
    figure: `${counted} calls, ${kills} kills: under-count 0, over-count ${over} of ${unknown} in flight; ${failed} failed elsewhere; served again after ${servedMs} ms at most`,
    met: failed === 0 && servedMs <= servesAgainMsMax,
    details: { rounds },
  };
}

export const claim: Claim = {
  id: "8-crash",
  sentence:
    "`kill -9` at 500 calls/s of a random gateway, 20 times, of the hub, 10 times, and of everything at once, 3 times, in both durability modes, loses and doubles no count; totals are equal everywhere at rest",
  bar: "under-count 0, over-count ≤ calls in flight at the kills, a gateway serves again ≤ 2 s after its start",
  minutesMax: 15,
  measure,
};
