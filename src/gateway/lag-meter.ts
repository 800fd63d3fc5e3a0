/** Percentiles of the last minute or so, in whole milliseconds, in fixed memory. */

/** Lags above this count as this. */
const lagMaxMs = 8_191;
const generationMs = 30_000;

/** Lags that are summed up in one step when a percentile is looked for. */
const stepShift = 6;

class Generation {
  readonly counts = new Uint32Array(lagMaxMs + 1);
  readonly steps = new Uint32Array((lagMaxMs >> stepShift) + 1);

  clear(): this {
    this.counts.fill(0);
    this.steps.fill(0);
    return this;
  }
}

export class LagMeter {
  #current = new Generation();
  #previous = new Generation();
  #currentCount = 0;
  #previousCount = 0;
  #startedAtMs = 0;

  observe(lagMs: number, nowMs: number): void {
    this.#rotate(nowMs);
    const at = Math.max(0, Math.min(lagMaxMs, Math.round(lagMs)));
    const { counts, steps } = this.#current;
    counts[at] = (counts[at] as number) + 1;
    steps[at >> stepShift] = (steps[at >> stepShift] as number) + 1;
    this.#currentCount++;
  }

  /** 0 if nothing was observed. `share` is 0.5 for the median, 0.99 for p99. */
  percentile(share: number, nowMs: number): number {
    this.#rotate(nowMs);
    let left = Math.ceil((this.#currentCount + this.#previousCount) * share);
    if (left === 0) return 0;
    const { counts, steps } = this.#current;
    const { counts: olderCounts, steps: olderSteps } = this.#previous;
    let step = 0;
    for (; step < steps.length; step++) {
      const here = (steps[step] as number) + (olderSteps[step] as number);
      if (left <= here) break;
      left -= here;
    }
    for (let i = step << stepShift; i <= lagMaxMs; i++) {
      left -= (counts[i] as number) + (olderCounts[i] as number);
      if (left <= 0) return i;
    }
    return lagMaxMs;
  }

  #rotate(nowMs: number): void {
    if (nowMs - this.#startedAtMs < generationMs) return;
    const isRecent = nowMs - this.#startedAtMs < 2 * generationMs;
    const old = this.#previous;
    this.#previous = isRecent ? this.#current : new Generation();
    this.#current = old.clear();
    this.#previousCount = isRecent ? this.#currentCount : 0;
    this.#currentCount = 0;
    this.#startedAtMs = nowMs;
  }
}
