/**
 * Sheds calls when this process cannot keep up: its event loop comes round late again and again, with much to do each time. The
 * share that is shed rises while it does and falls afterwards; callers without a key go first, those with one once all of the
 * others are refused. Late with little to do, others have the core: refusing calls would not bring it back.
 */

/** A turn later than this is late, ms. One alone, a collection of garbage say, sheds nothing. */
export const lateMs = 50;
/** As much has to be computed in the turn after a late one, ms, for the calls to be why. */
const muchToDoMs = 25;
const lateTurnsMin = 2;
/** Later than this the process was stopped, and not busy. */
const stoppedMs = 2_000;

/** How fast the share of all calls that is shed rises and falls, per look. */
const rise = 0.1;
const fall = 0.05;
const shareMax = 0.95;

/** How far one look moves the usual lateness. */
const followLateness = 0.3;

export class LoopGuard {
  /** Of all calls, 0 to 0.95. */
  share = 0;
  /** How late a turn usually is, ms. */
  latenessMs = 0;
  #lateTurns = 0;
  /** Fractions of calls that are still to be shed, by kind of caller. */
  #anonymousDebt = 0;
  #keyedDebt = 0;

  /** How much later than asked for a timer of some 100 ms ran, and how long was computed, ms, in the turn after. */
  look(lateByMs: number, computedMs: number): void {
    if (lateByMs < stoppedMs) {
      this.latenessMs += followLateness * (Math.max(0, lateByMs) - this.latenessMs);
    }
    const isLate = lateByMs > lateMs && lateByMs < stoppedMs && computedMs > muchToDoMs;
    this.#lateTurns = isLate ? this.#lateTurns + 1 : 0;
    if (this.#lateTurns >= lateTurnsMin) this.share = Math.min(shareMax, this.share + rise);
    else if (!isLate) this.share = Math.max(0, this.share - fall);
  }

  /** Whether this call is one of those to be shed: they are spread evenly. */
  sheds(isAnonymous: boolean): boolean {
    if (this.share === 0) return false;
    // Half of the way up all anonymous callers are gone; the other half is for the others.
    if (isAnonymous) {
      this.#anonymousDebt += Math.min(1, 2 * this.share);
      if (this.#anonymousDebt < 1) return false;
      this.#anonymousDebt -= 1;
      return true;
    }
    this.#keyedDebt += Math.max(0, 2 * this.share - 1);
    if (this.#keyedDebt < 1) return false;
    this.#keyedDebt -= 1;
    return true;
  }
}
