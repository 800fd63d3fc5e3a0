/** What a process exposes to Prometheus, read by a test. */

/** Samples by their name with labels, as written: `tallygate_keys{region="sydney"}`. */
export type Samples = ReadonlyMap<string, number>;

export async function readMetrics(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Samples> {
  const response = await fetch(url, { headers });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, name, value] = /^([a-zA-Z_:][^ ]*(?:\{.*\})?) ([^ ]+)$/.exec(line) ?? [];
    if (name !== undefined) samples.set(name, Number(value));
  }
  return samples;
}

/** A histogram between two readings: how many observations were at or below each bound. */
export interface Histogram {
  readonly count: number;
  /** In rising order of the bound; the last bound is infinite. */
  readonly buckets: readonly (readonly [bound: number, count: number])[];
}

/** All children of the histogram taken together, without what `before` had. */
export function histogram(name: string, samples: Samples, before?: Samples): Histogram {
  const atBound = new Map<number, number>();
  for (const [sample, value] of samples) {
    if (!sample.startsWith(`${name}_bucket{`)) continue;
    const text = /le="([^"]+)"/.exec(sample)?.[1] ?? "";
    const bound = text === "+Inf" ? Number.POSITIVE_INFINITY : Number(text);
    const grown = value - (before?.get(sample) ?? 0);
    atBound.set(bound, (atBound.get(bound) ?? 0) + grown);
  }
  const buckets = [...atBound].sort(([a], [b]) => a - b);
  return { count: buckets.at(-1)?.[1] ?? 0, buckets };
}

/** As Prometheus' `histogram_quantile`: within a bucket, observations are taken as spread evenly. */
export function quantile({ count, buckets }: Histogram, share: number): number {
  const rank = count * share;
  let below = 0;
  let lower = 0;
  for (const [bound, upTo] of buckets) {
    if (upTo >= rank && count > 0) {
      if (bound === Number.POSITIVE_INFINITY) return lower;
      return upTo === below ? bound : lower + ((bound - lower) * (rank - below)) / (upTo - below);
    }
    below = upTo;
    lower = bound;
  }
  return 0;
}
