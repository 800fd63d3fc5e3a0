/** How much there was of something within the last seconds, in whole buckets. */

const bucketMs = 1_000;

/** How far back can be looked. */
const bucketCount = 16;

export class SlidingCount {
  readonly #sums = new Float64Array(bucketCount);
  /** Number of the newest bucket since the clock's start. */
  #newest = 0;

  add(amount: number, nowMs: number): void {
    const slot = this.#advance(nowMs) % bucketCount;
    this.#sums[slot] = (this.#sums[slot] as number) + amount;
  }

  /**
   * Sum of the present bucket and the `buckets` - 1 before it: of at least the last `buckets` - 1 seconds and at
   * most the last `buckets`.
   */
  sum(buckets: number, nowMs: number): number {
    const newest = this.#advance(nowMs);
    let sum = 0;
    for (let i = 0; i < buckets && i <= newest; i++) {
      sum += this.#sums[(newest - i) % bucketCount] as number;
    }
    return sum;
  }

  clear(): void {
    this.#sums.fill(0);
  }

  #advance(nowMs: number): number {
    const bucket = Math.max(0, Math.floor(nowMs / bucketMs));
    for (let i = 0; this.#newest < bucket && i < bucketCount; i++) {
      this.#newest = Math.max(this.#newest + 1, bucket - bucketCount + 1);
      this.#sums[this.#newest % bucketCount] = 0;
    }
    return this.#newest;
  }
}
