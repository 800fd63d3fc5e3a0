/**
 * A gateway's time: the hub's, estimated from heartbeats, plus its own monotonic time since. The wall clock counts only
 * until the first contact, and only if it is not behind what an earlier start last heard of the hub. Never goes back by itself, so that a window never opens twice.
 *
 * A heartbeat sent at s and answered at r with hub time h says that h lies between s and r: the estimate is h at the
 * middle, wrong by at most half the round trip. The sample with the shortest round trip of the last minute is kept; those
 * above 2 s say too little and are dropped.
 */

import type { EpochMs } from "../base/words.ts";
import type { Clock } from "../ports/clock.ts";

/** Samples with a longer round trip are not used. */
export const roundTripMaxMs = 2_000;

/** How long a sample stays the best one: drift of 100 ppm makes 6 ms in that time. */
const sampleLifeMs = 60_000;

/**
 * Corrections backwards up to this are waited out (time stands still for as long); larger ones, which only a wrong wall
 * clock before the first contact makes, are stepped.
 */
const waitedOutMaxMs = 2_000;

export interface TimeSample {
  readonly sentAtMs: number;
  readonly receivedAtMs: number;
  readonly hubTimeMs: EpochMs;
}

export class NodeTime {
  readonly #clock: Clock;
  /** Hub time = monotonic time + offset. */
  #offsetMs: number;
  #lastMs: EpochMs = 0;
  #best: { roundTripMs: number; atMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offsetMs = clock.wallMs() - clock.monotonicMs();
  }

  /** True once the hub's time is known. */
  get isDisciplined(): boolean {
    return this.#best !== undefined;
  }

  /** Round trip of the sample in use, ms; 0 before the first. */
  get roundTripMs(): number {
    return this.#best?.roundTripMs ?? 0;
  }

  nowMs(): EpochMs {
    const now = this.#clock.monotonicMs() + this.#offsetMs;
    if (now > this.#lastMs) this.#lastMs = now;
    return this.#lastMs;
  }

  /**
   * A time that has passed for certain: the present once the hub's time is known, 0 before. What is dropped because it has
   * ended goes by this: a wall clock that is ahead would take away windows that go on, and the own charges in them.
   */
  certainMs(): EpochMs {
    return this.isDisciplined ? this.nowMs() : 0;
  }

  /**
   * Before the first contact: a time of the hub's that has passed already, as an earlier start heard it. A wall clock that is behind it
   * is wrong, and would begin windows anew that are over, or used up.
   */
  notBefore(hubTimeMs: EpochMs): void {
    if (this.isDisciplined) return;
    this.#offsetMs = Math.max(this.#offsetMs, hubTimeMs - this.#clock.monotonicMs());
  }

  /** Another start of the hub has another clock: what earlier ones said is not held against its first sample. */
  forgetSample(): void {
    if (this.#best !== undefined) this.#best.atMs = Number.NEGATIVE_INFINITY;
  }

  /** Takes a sample; returns how far time was corrected, ms, or undefined if the sample was not used. */
  sample(sample: TimeSample): number | undefined {
    const roundTripMs = sample.receivedAtMs - sample.sentAtMs;
    if (!(roundTripMs >= 0 && roundTripMs <= roundTripMaxMs)) return undefined;
    const best = this.#best;
    const isStale = best !== undefined && sample.receivedAtMs - best.atMs > sampleLifeMs;
    if (best !== undefined && !isStale && roundTripMs > best.roundTripMs) return undefined;
    this.#best = { roundTripMs, atMs: sample.receivedAtMs };
    const offset = sample.hubTimeMs - (sample.sentAtMs + sample.receivedAtMs) / 2;
    const correction = offset - this.#offsetMs;
    this.#offsetMs = offset;
    if (correction < -waitedOutMaxMs) this.#lastMs = 0;
    return correction;
  }
}
