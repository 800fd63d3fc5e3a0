/**
 * Metrics, shaped so that the path of a request only adds to numbers: resolve children once, keep
 * them, add to them. No label ever holds a key, an address or another unbounded value.
 */

export interface MetricSpec {
  /** With prefix and unit: `tallygate_view_age_seconds`. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

export interface CounterChild {
  add(amount: number): void;
}

export interface HistogramChild {
  observe(value: number): void;
  /** Observations by bucket, what is above them all last; a view that moves. Absent where nothing is kept. */
  readonly counts?: ArrayLike<number>;
}

export interface GaugeChild {
  set(value: number): void;
}

export interface Family<Child> {
  /** Values in the order of the spec's labels. */
  child(...labels: readonly string[]): Child;
}

export interface Metrics {
  counter(spec: MetricSpec): Family<CounterChild>;
  histogram(spec: MetricSpec & { readonly buckets: readonly number[] }): Family<HistogramChild>;
  gauge(spec: MetricSpec): Family<GaugeChild>;
  /** Runs `collect` before each exposition, for values that are cheaper to read than to keep. */
  onCollect(collect: () => void): void;
  /** The Prometheus text exposition. */
  expose(): Promise<string>;
}
