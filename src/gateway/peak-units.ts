/** The most units that this process charged between two ticks, over the last minute or so: a burst shows, where a mean would hide it. */

const generationMs = 30_000;

export class PeakUnits {
  #before = 0;
  #current = 0;
  #previous = 0;
  #startedAtMs = 0;

  /** `chargedUnits`: all that were ever charged; refunds take nothing off. Once a tick. */
  tick(chargedUnits: number, nowMs: number): void {
    if (nowMs - this.#startedAtMs >= generationMs) {
      this.#previous = nowMs - this.#startedAtMs < 2 * generationMs ? this.#current : 0;
      this.#current = 0;
      this.#startedAtMs = nowMs;
    }
    this.#current = Math.max(this.#current, chargedUnits - this.#before);
    this.#before = chargedUnits;
  }

  get units(): number {
    return Math.max(this.#current, this.#previous);
  }
}
