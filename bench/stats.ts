/** Medians and bootstrap intervals of ratios (performance method: the ratio within a round). */

import { type SeededRandom, seededRandom } from "../src/base/random.ts";

export interface Interval {
  readonly median: number;
  /** 95 % interval of the median; equal to it with a single value. */
  readonly low: number;
  readonly high: number;
}

/** Resamples: the ends of the interval are then stable to about a percent of its width. */
const resamples = 2_000;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function resample(values: readonly number[], random: SeededRandom): number[] {
  return values.map(() => values[random.below(values.length)] ?? Number.NaN);
}

/** Percentile bootstrap of the median (Efron), seeded: the same rounds give the same interval. */
export function medianInterval(values: readonly number[]): Interval {
  const random = seededRandom(1);
  const medians = Array.from({ length: resamples }, () => median(resample(values, random)));
  medians.sort((a, b) => a - b);
  const at = (share: number): number => medians[Math.floor(share * (resamples - 1))] ?? Number.NaN;
  return { median: median(values), low: at(0.025), high: at(0.975) };
}
