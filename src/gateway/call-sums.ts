/**
 * What a gateway tells of its calls with every heartbeat: how many ended in which way since its start, and the time that it
 * added of late. Filled from the sums that the pipeline hands over once a second; nothing here is on the path of a request.
 */

import { type CallOutcome, callOutcomes } from "../ports/link.ts";

/** Quantiles are of the calls of the last one to two of these. */
const generationMs = 30_000;

/** Counts of a histogram, by bucket, since the start; what is above the highest bound last. */
interface BucketCounts {
  readonly counts: ArrayLike<number>;
  /** Upper bounds, seconds, ascending; one fewer than counts. */
  readonly bounds: readonly number[];
}

export class CallSums {
  /** Since the start, in the order of `callOutcomes`. */
  readonly outcomes: number[] = callOutcomes.map(() => 0);
  /** When these were handed over, node time; 0: never. */
  atMs = 0;
  overheadP50Ms = 0;
  overheadP99Ms = 0;
  /** Counts at the beginning of the generation before the present one, and of the present one. */
  #before: Float64Array | undefined;
  #begun: Float64Array | undefined;
  #begunMs = 0;

  /** `outcome` as in the metrics: `limited:<limit>` counts as `limited`. */
  add(outcome: string, calls: number): void {
    const name = outcome.startsWith("limited:") ? "limited" : outcome;
    const at = callOutcomes.indexOf(name as CallOutcome);
    if (at >= 0) this.outcomes[at] = (this.outcomes[at] as number) + calls;
  }

  /** All that ended until now was added. */
  observed(nowMs: number, overhead: BucketCounts | undefined): void {
    this.atMs = nowMs;
    if (overhead === undefined) return;
    const now = Float64Array.from(overhead.counts);
    this.#begun ??= now;
    if (nowMs - this.#begunMs >= generationMs) {
      this.#before = this.#begun;
      this.#begun = now;
      this.#begunMs = nowMs;
    }
    const since = this.#before ?? this.#begun;
    const recent = now.map((count, i) => count - (since[i] ?? 0));
    this.overheadP50Ms = quantile(recent, overhead.bounds, 0.5) * 1_000;
    this.overheadP99Ms = quantile(recent, overhead.bounds, 0.99) * 1_000;
  }
}

/** Straight within a bucket, as Prometheus does it; the highest bound for what is above it. 0 without any. */
export function quantile(
  counts: ArrayLike<number>,
  bounds: readonly number[],
  share: number,
): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i] as number;
  if (total <= 0) return 0;
  let left = total * share;
  for (let i = 0; i < bounds.length; i++) {
    const here = counts[i] as number;
    const from = i === 0 ? 0 : (bounds[i - 1] as number);
    const to = bounds[i] as number;
    if (left <= here && here > 0) return from + ((to - from) * left) / here;
    left -= here;
  }
  return bounds.at(-1) ?? 0;
}
