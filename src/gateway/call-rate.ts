/** Calls a second of this process, measured over a second or so. */

const windowMs = 1_000;

export class CallRate {
  #calls = 0;
  #atMs = 0;
  perSecond = 0;

  /** `calls`: all since the start. Once a tick. */
  tick(calls: number, nowMs: number): void {
    const elapsedMs = nowMs - this.#atMs;
    if (elapsedMs < windowMs) return;
    this.perSecond = Math.round(((calls - this.#calls) * 1_000) / elapsedMs);
    this.#calls = calls;
    this.#atMs = nowMs;
  }
}
