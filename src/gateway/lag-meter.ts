/** Percentiles of the last minute or so, in whole milliseconds, in fixed memory. */

/** Lags above this count as this. */
const lagMaxMs = 8_191;
const generationMs = 30_000;

export class LagMeter {
  #current = new Uint32Array(lagMaxMs + 1);
  #previous = new Uint32Array(lagMaxMs + 1);
  #currentCount = 0;
  #previousCount = 0;
  #startedAtMs = 0;

  observe(lagMs: number, nowMs: number): void {
    this.#rotate(nowMs);
    const at = Math.max(0, Math.min(lagMaxMs, Math.round(lagMs)));
    this.#current[at] = (this.#current[at] as number) + 1;
    this.#currentCount++;
  }

  /** 0 if nothing was observed. `share` is 0.5 for the median, 0.99 for p99. */
  percentile(share: number, nowMs: number): number {
    this.#rotate(nowMs);
    let left = Math.ceil((this.#currentCount + this.#previousCount) * share);
    if (left === 0) return 0;
    for (let i = 0; i <= lagMaxMs; i++) {
      left -= (this.#current[i] as number) + (this.#previous[i] as number);
      if (left <= 0) return i;
    }
    return lagMaxMs;
  }

  #rotate(nowMs: number): void {
    if (nowMs - this.#startedAtMs < generationMs) return;
    const isRecent = nowMs - this.#startedAtMs < 2 * generationMs;
    const old = this.#previous;
    this.#previous = isRecent ? this.#current : new Uint32Array(lagMaxMs + 1);
    this.#current = old.fill(0);
    this.#previousCount = isRecent ? this.#currentCount : 0;
    this.#currentCount = 0;
    this.#startedAtMs = nowMs;
  }
}
