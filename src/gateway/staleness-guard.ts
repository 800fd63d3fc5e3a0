/**
 * How long a gateway may have been deciding without the others: what a limit's `staleness` is held against. The longer of two
 * ages, both by the monotonic clock: of the oldest own charge that no view covers, and since the heartbeat was sent that the newest view echoes.
 * Together they bound the overshoot under any partition: reliability theorem 2 needs both, since a node that hears the hub but is
 * not heard by it would go on charging what nobody sees.
 *
 * Pure: both clocks are arguments. What a call gets that is refused is the pipeline's to say.
 */

import type { EpochMs } from "../base/words.ts";
import type { UncoveredAge } from "./own-age.ts";

export class StalenessGuard {
  #echoSentAtMs: number | undefined;
  /** Node time − monotonic time when it was last looked at. */
  #offsetMs = Number.NEGATIVE_INFINITY;
  /** How far node time was set back, and the node time up to which charges may carry a stamp from before that. */
  #setBackMs = 0;
  #setBackUntilMs: EpochMs = 0;

  /** The view follows the hub, and the hub answered the heartbeat that was sent at this monotonic time. */
  echoed(sentAtMs: number): void {
    if (this.#echoSentAtMs === undefined || sentAtMs > this.#echoSentAtMs) {
      this.#echoSentAtMs = sentAtMs;
    }
  }

  /** Infinite before the first echo, and while the age of some charges is not known. */
  cutOffMs(nowMs: EpochMs, monotonicMs: number, own: UncoveredAge): number {
    const { oldestChargeAtMs } = own;
    this.#follow(nowMs, monotonicMs, oldestChargeAtMs);
    if (this.#echoSentAtMs === undefined || own.isAgeUnknown) return Number.POSITIVE_INFINITY;
    const sinceEcho = monotonicMs - this.#echoSentAtMs;
    if (oldestChargeAtMs === 0) return sinceEcho;
    return Math.max(sinceEcho, nowMs - oldestChargeAtMs + this.#setBackMs);
  }

  /**
   * Charges are stamped with node time, which follows the hub's. Where that was set back, an age by stamps alone would be too
   * short: it is lengthened by as much, until the oldest charge was made after it. Set forward, ages come out too long, which is safe.
   */
  #follow(nowMs: EpochMs, monotonicMs: number, oldestChargeAtMs: EpochMs): void {
    const offsetMs = nowMs - monotonicMs;
    const backMs = this.#offsetMs - offsetMs;
    if (backMs > 0) {
      this.#setBackMs += backMs;
      this.#setBackUntilMs = Math.max(this.#setBackUntilMs, monotonicMs + this.#offsetMs);
    } else if (oldestChargeAtMs === 0 || oldestChargeAtMs > this.#setBackUntilMs) {
      this.#setBackMs = 0;
    }
    this.#offsetMs = offsetMs;
  }
}
