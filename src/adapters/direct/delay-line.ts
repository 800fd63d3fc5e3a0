/** Runs what is pushed `delayMs` later, in order: the distance between a region and the hub, for `dev --latency`. */

export class DelayLine {
  readonly #delayMs: number;
  #waiting: { readonly dueMs: number; readonly bytes: number; readonly run: () => void }[] = [];
  /** Of what waits. */
  bytes = 0;

  /** 0: `push` runs at once. */
  constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  push(bytes: number, run: () => void): void {
    if (this.#delayMs === 0) {
      run();
      return;
    }
    this.bytes += bytes;
    this.#waiting.push({ dueMs: performance.now() + this.#delayMs, bytes, run });
    if (this.#waiting.length === 1) this.#waitForFirst();
  }

  /** Forgets what waits. */
  clear(): void {
    this.#waiting = [];
    this.bytes = 0;
  }

  #waitForFirst(): void {
    const first = this.#waiting[0];
    if (first === undefined) return;
    setTimeout(() => this.#runDue(), Math.max(0, first.dueMs - performance.now())).unref();
  }

  #runDue(): void {
    // Timers of Node may fire up to a millisecond early.
    const nowMs = performance.now() + 1;
    const waiting = this.#waiting;
    let ran = 0;
    while (ran < waiting.length) {
      const item = waiting[ran] as (typeof waiting)[number];
      if (item.dueMs > nowMs) break;
      ran++;
      this.bytes -= item.bytes;
      item.run();
      // Cleared meanwhile.
      if (this.#waiting !== waiting) return;
    }
    waiting.splice(0, ran);
    this.#waitForFirst();
  }
}
