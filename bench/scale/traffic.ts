/** Who calls where: regions with their distance from the hub, and callers drawn by one of two distributions. */

import type { SeededRandom } from "../../src/base/random.ts";

export interface ScaleRegion {
  readonly name: string;
  /** One way to the hub in Virginia, ms. */
  readonly delayMs: number;
}

/**
 * Half of the round trip between the AWS region and us-east-1, rounded to 5 ms: of the order that CloudPing (cloudping.co) publishes as
 * medians. Taken as given, not measured here.
 */
export const regions: readonly ScaleRegion[] = [
  { name: "us-east-1", delayMs: 1 },
  { name: "ca-central-1", delayMs: 10 },
  { name: "us-west-2", delayMs: 30 },
  { name: "eu-west-1", delayMs: 35 },
  { name: "eu-central-1", delayMs: 45 },
  { name: "sa-east-1", delayMs: 60 },
  { name: "ap-northeast-1", delayMs: 75 },
  { name: "ap-south-1", delayMs: 95 },
  { name: "ap-southeast-2", delayMs: 100 },
  { name: "ap-southeast-1", delayMs: 110 },
];

export type Distribution = "uniform" | "zipf";

/** Share of a caller's calls that arrive in its home region; the rest is spread over the others evenly. An assumption. */
export const homeShare = 0.9;

/** Zipf of exponent 1 by its continuous inverse: P(rank ≤ k) = ln(k + 1) / ln(n + 1). */
export function drawRank(
  distribution: Distribution,
  callers: number,
  random: SeededRandom,
): number {
  const u = random.next();
  const rank = distribution === "uniform" ? u * callers : (callers + 1) ** u - 1;
  return Math.min(callers - 1, Math.floor(rank));
}

/** Share of all calls that the caller of this rank makes. */
export function shareOf(distribution: Distribution, callers: number, rank: number): number {
  if (distribution === "uniform") return 1 / callers;
  return Math.log((rank + 2) / (rank + 1)) / Math.log(callers + 1);
}

/** A caller of this rank that calls in `region` now: ranks are dealt to home regions in turn. */
export function callerIn(
  region: number,
  rank: number,
  callers: number,
  random: SeededRandom,
): number {
  const away = random.next() >= homeShare;
  const other = away ? Math.floor(random.next() * (regions.length - 1)) + 1 : 0;
  const home = (region + other) % regions.length;
  return Math.min(callers - 1, rank - (rank % regions.length) + home);
}

/**
 * What a node holds and is sent that follows only the counters that its own calls touched in the last `keepSeconds`: expected counters,
 * and the share of all counter updates that concern them. Summed over ranks, in steps that grow with the rank.
 */
export function interestOf(options: {
  readonly distribution: Distribution;
  readonly callers: number;
  readonly callsPerSecond: number;
  readonly keepSeconds: number;
}): { readonly counters: number; readonly share: number } {
  const { distribution, callers, callsPerSecond, keepSeconds } = options;
  const awayShare = (1 - homeShare) / (regions.length - 1);
  let counters = 0;
  let share = 0;
  for (let rank = 0; rank < callers; ) {
    const ranks = Math.min(callers - rank, Math.max(1, Math.floor(rank / 100)));
    const part = shareOf(distribution, callers, rank + Math.floor(ranks / 2));
    const expected = part * callsPerSecond * keepSeconds;
    const atHome = 1 - Math.exp(-expected * homeShare);
    const elsewhere = 1 - Math.exp(-expected * awayShare);
    const seen = (atHome + (regions.length - 1) * elsewhere) / regions.length;
    counters += ranks * seen;
    share += ranks * part * seen;
    rank += ranks;
  }
  return { counters, share };
}
