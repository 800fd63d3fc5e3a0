/**
 * The hub's time: its wall clock at the start plus monotonic time, so that a wall clock that is set does not move
 * windows. It follows the wall clock by slewing, half a millisecond per second at most, and never goes back.
 */

import type { EpochMs } from "../base/words.ts";
import type { Clock } from "../ports/clock.ts";

/** NTP's own limit (RFC 5905, and adjtime of every Unix). A second of error is gone after 33 minutes. */
export const slewRateMax = 500e-6;

/** A difference above this is not drift: somebody set the clock. */
export const jumpMs = 2_000;

export class HubTime {
  readonly #clock: Clock;
  #baseMs: EpochMs;
  #baseMonotonicMs: number;
  #offsetMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#baseMs = clock.wallMs();
    this.#baseMonotonicMs = clock.monotonicMs();
  }

  nowMs(): EpochMs {
    return this.#baseMs + (this.#clock.monotonicMs() - this.#baseMonotonicMs);
  }

  /** Moves towards the wall clock, as far as the time since the last call allows. Call every second or so. */
  slew(): void {
    const nowMs = this.nowMs();
    const elapsedMs = nowMs - this.#baseMs;
    this.#offsetMs = this.#clock.wallMs() - nowMs;
    const stepMax = elapsedMs * slewRateMax;
    this.#baseMonotonicMs += elapsedMs;
    this.#baseMs = nowMs + Math.min(stepMax, Math.max(-stepMax, this.#offsetMs));
  }

  /** A sentence for the operator while wall clock and hub time disagree; undefined if they do not. */
  warning(): string | undefined {
    if (Math.abs(this.#offsetMs) <= jumpMs) return undefined;
    const seconds = (this.#offsetMs / 1_000).toFixed(1);
    return `the wall clock is ${seconds} s away from the hub's time, which follows it only slowly; restart the hub if the wall clock is right`;
  }
}
