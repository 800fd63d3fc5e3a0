import {
  CrashCluster,
  type CrashRound,
  describeRound,
  servesAgainMsMax,
  type Victim,
} from "../test/support/crash-run.ts";
import type { Claim, Measurement } from "./claim.ts";

/** Chooses victims and moments; the same ones at every measurement. */
const seed = 6;

/** In each durability mode. */
const kills: readonly (readonly [victim: Victim, kills: number])[] = [
  ["gateway", 100],
  ["hub", 50],
  ["everything", 10],
];

/** A round fails by itself where anything is lost, doubled or differs. */
async function measure(): Promise<Measurement> {
  const done: CrashRound[] = [];
  for (const durability of ["os", "disk"] as const) {
    const crash = await CrashCluster.start(durability, seed);
    try {
      for (const [victim, count] of kills) {
        const round = await crash.round(victim, count);
        process.stderr.write(`${durability}: ${describeRound(round)}\n`);
        done.push(round);
      }
    } finally {
      await crash.stop();
    }
  }
  const sum = (of: (round: CrashRound) => number): number =>
    done.reduce((total, round) => total + of(round), 0);
  const killed = (victim: Victim): number =>
    sum((round) => (round.victim === victim ? round.kills : 0));
  const over = sum((round) => round.counted.over);
  const unknown = sum((round) => round.counted.unknown);
  const failed = sum((round) => round.failedElsewhere);
  const servedMs = Math.round(
    Math.max(...done.flatMap((round) => round.served.map(({ ms }) => ms))),
  );
  return {
    figure:
      `${killed("gateway")} kills of a gateway, ${killed("hub")} of the hub, ${killed("everything")} of everything, ` +
      `${sum((round) => round.counted.total)} calls: under-count 0, over-count ${over} of ${unknown} in flight; ` +
      `${failed} failed elsewhere; served again after ${servedMs} ms at most`,
    met: failed === 0 && servedMs <= servesAgainMsMax,
    details: { rounds: done.map(({ served, ...round }) => ({ ...round, starts: served.length })) },
  };
}

export const claim: Claim = {
  id: "kills",
  sentence:
    "200 times `kill -9` of a random gateway at 500 calls/s, 100 times of the hub and 20 times of everything at once, half of them in each durability mode, lose and double no count; totals are equal everywhere at rest",
  bar: "under-count 0, over-count ≤ calls in flight at the kills, 0 calls failed at gateways that ran, a gateway serves again ≤ 2 s after its start",
  minutesMax: 45,
  measure,
};
