/**
 * How long probes took, as counts in buckets that grow by a tenth: 1 ms to beyond 10 s in 98 of them. What is read from it
 * is at most a tenth off, sums of histograms are histograms of sums, and an hour of a region is 392 bytes however many probes.
 */

export const latencyBuckets = 98;

const growth = 1.1;
const logGrowth = Math.log(growth);

/** Counts by bucket; the first is up to 1 ms, the last takes all that is longer. */
export type LatencyHistogram = Uint32Array<ArrayBuffer>;

export function emptyHistogram(): LatencyHistogram {
  return new Uint32Array(latencyBuckets);
}

export function noteLatency(histogram: LatencyHistogram, latencyMs: number): void {
  const bucket = latencyMs <= 1 ? 0 : Math.ceil(Math.log(latencyMs) / logGrowth);
  const at = Math.min(bucket, latencyBuckets - 1);
  histogram[at] = (histogram[at] as number) + 1;
}

export function addHistogram(to: LatencyHistogram, from: LatencyHistogram): void {
  for (let i = 0; i < latencyBuckets; i++) to[i] = (to[i] as number) + (from[i] as number);
}

/** The quantile (0 to 1), as if what is in its bucket lay evenly there, ms with one digit; undefined: nothing was counted. */
export function quantileMs(histogram: LatencyHistogram, quantile: number): number | undefined {
  const all = histogram.reduce((sum, count) => sum + count, 0);
  if (all === 0) return undefined;
  const rank = Math.max(1, Math.ceil(all * quantile));
  let before = 0;
  let bucket = 0;
  while (before + (histogram[bucket] as number) < rank) before += histogram[bucket++] as number;
  const within = (rank - before - 0.5) / (histogram[bucket] as number);
  const ms = bucket === 0 ? within : growth ** (bucket - 1 + within);
  return Math.round(ms * 10) / 10;
}
