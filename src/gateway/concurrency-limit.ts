/**
 * How many calls may be under way to one upstream: found from how long its answers take, without a figure from the operator.
 *
 * The answers of a short window are compared with a baseline, the latency when nothing waits. While the limit is in use, answers
 * as fast as that raise it; slower ones mean that calls queue behind us, and lower it towards what the upstream works on at a time
 * (limit × baseline ÷ latency, by Little's law). Above the limit a call is refused at once: there is no queue here, so nothing
 * can collapse, and nothing has to drain before things are well again.
 *
 * What is not in use is not kept, so that the start of an overload finds a limit near what was needed before; a burst credit
 * lets a page's worth of calls through that come at once after calm.
 *
 * An upstream may become slower for good: now and then, while the limit is in use, it is lowered for a moment so that nothing
 * queues, and the latency then is the new baseline.
 *
 * Callers without a key have the use of a part only: at the limit they are the first to be refused.
 */

/** Under way at least, however slow the answers are: with fewer there is nothing to compare. */
const limitMin = 4;
/** Kept at least while answers are fast; and room for what comes while this process pauses, which then goes on all at once. */
const limitCalm = 16;
const pauseMs = 100;
const burstMax = 32;
/** Time in which one call of the burst credit comes back. */
const burstRefillMs = 250;

/** A window ends after so many answers, but not before so many milliseconds; and after the longer time in any case. */
const windowCalls = 30;
const windowMsMin = 50;
const windowMsMax = 500;
/** Answers that are kept of one window. */
const samplesMax = 256;

/** Latency over the baseline that is taken for chance; the second in ms, for clocks and turns of the loop. */
const tolerance = 1.4;
const toleranceMs = 2;
/** A window lowers the limit to this share at most. */
const decreaseMax = 0.6;
/** How much a window raises it, where answers are about as fast as ever and where they are a little slower. */
const increaseFast = 0.25;
const increaseSlow = 0.06;
const aboutAsFast = 1.1;
/** What is not in use goes by this share a window, down to twice the most that was. */
const unusedDecay = 0.1;

/** How far the baseline follows a window. */
const followDown = 0.15;
const followUp = 0.1;

/** Between two measurements of the baseline while the limit is in use; sooner after as many decreases in a row. */
const probeEveryMs = 20_000;
const probeSoonMs = 2_000;
const decreasesMax = 4;
const probeShare = 0.5;

/** Share of the limit that callers without a key may use, and of the connections. */
export const anonymousShare = 0.8;

export class ConcurrencyLimit {
  limit = limitCalm;
  /** Calls that wait for their answer. */
  underWay = 0;
  readonly #max: number;
  readonly #samples = new Float64Array(samplesMax);
  #count = 0;
  /** Of all samples of this window together. */
  #ownMs = 0;
  #startedMs = 0;
  /** Most calls under way in this window, and whether one was refused or could have been. */
  #peak = 0;
  #isReached = false;
  #burst = burstMax;
  /** 0: nothing is known yet. */
  #baselineMs = 0;
  #decreases = 0;
  #probedMs = 0;
  /** While the baseline is being measured: the limit to go back to. */
  #beforeProbe = 0;
  #probeWindows = 0;

  /** `max`: calls that can be under way at all, sockets times targets. */
  constructor(max: number) {
    this.#max = Math.max(limitMin, max);
    this.#set(limitCalm);
  }

  /** Whether a call could begin now. */
  allows(isAnonymous: boolean): boolean {
    if (this.#isBelow(isAnonymous)) return true;
    this.#isReached = true;
    return this.#burst >= 1 && this.#beforeProbe === 0 && this.underWay < this.#max;
  }

  /** Whether a call may go; it has to `end` or `leave` then. */
  begin(isAnonymous: boolean): boolean {
    if (!this.allows(isAnonymous)) return false;
    if (!this.#isBelow(isAnonymous)) this.#burst--;
    this.enter();
    return true;
  }

  /** A call begins to wait whatever the limit: it was sent before, and its body came later. It has to `end` or `leave` as well. */
  enter(): void {
    this.underWay++;
    if (this.underWay > this.#peak) this.#peak = this.underWay;
  }

  /** A call's end tells nothing of the upstream: the client left, nothing was sent. */
  leave(): void {
    this.underWay--;
  }

  /** `latencyMs`: to the reply's head; `ownMs`: as much of it may be this process's own doing. */
  end(latencyMs: number, nowMs: number, ownMs = 0): void {
    this.underWay--;
    if (this.#count === 0 && this.#startedMs === 0) this.#startedMs = nowMs;
    if (this.#count < samplesMax) {
      this.#samples[this.#count++] = latencyMs;
      this.#ownMs += ownMs;
    }
    const ageMs = nowMs - this.#startedMs;
    if ((this.#count >= windowCalls && ageMs >= windowMsMin) || ageMs >= windowMsMax) {
      this.#closeWindow(nowMs, ageMs);
    }
  }

  #isBelow(isAnonymous: boolean): boolean {
    const room = isAnonymous ? this.limit * anonymousShare : this.limit;
    return this.underWay < Math.floor(room);
  }

  #closeWindow(nowMs: number, ageMs: number): void {
    const sorted = this.#samples.subarray(0, this.#count).sort();
    const median = sorted[this.#count >> 1] as number;
    const { peak, isReached } = { peak: this.#peak, isReached: this.#isReached };
    const count = this.#count;
    const ownMs = this.#ownMs / count;
    this.#count = 0;
    this.#ownMs = 0;
    this.#startedMs = nowMs;
    this.#peak = this.underWay;
    this.#isReached = false;
    if (this.#beforeProbe > 0) this.#probe(median, nowMs);
    else if (isReached) this.#inUse(median, { ownMs, nowMs });
    else this.#calm(median, { peak, ageMs, perMs: count / ageMs });
  }

  /** The limit was not reached: answers are as they are whatever it is. */
  #calm(
    medianMs: number,
    { peak, ageMs, perMs }: { peak: number; ageMs: number; perMs: number },
  ): void {
    this.#decreases = 0;
    this.#burst = Math.min(burstMax, this.#burst + ageMs / burstRefillMs);
    const follow = medianMs < this.#baselineMs ? followDown : followUp;
    const isFirst = this.#baselineMs === 0;
    this.#baselineMs = isFirst
      ? medianMs
      : this.#baselineMs + follow * (medianMs - this.#baselineMs);
    const used = Math.max(limitCalm, 2 * peak, perMs * pauseMs);
    if (this.limit > used) this.#set(Math.max(used, this.limit * (1 - unusedDecay)));
    else this.#set(Math.min(used, this.limit * (1 + increaseFast)));
  }

  /**
   * What is this process's own doing lowers nothing. The baseline takes answers as they come, though: how much of them that is
   * is a guess, and with too low a baseline all answers would seem slow once the process is itself again.
   */
  #inUse(medianMs: number, { ownMs, nowMs }: { ownMs: number; nowMs: number }): void {
    const isFirst = this.#baselineMs === 0;
    if (isFirst || medianMs < this.#baselineMs) {
      const from = isFirst ? medianMs : this.#baselineMs;
      this.#baselineMs = from + followDown * (medianMs - from);
    }
    const baseline = this.#baselineMs;
    const expectedMs = baseline * tolerance + toleranceMs;
    if (this.#probedMs === 0) this.#probedMs = nowMs;
    const sinceProbeMs = nowMs - this.#probedMs;
    const isStuck = this.#decreases >= decreasesMax && sinceProbeMs >= probeSoonMs;
    if (sinceProbeMs >= probeEveryMs || isStuck) return this.#beginProbe();
    const theirMs = medianMs - ownMs;
    if (theirMs > expectedMs) {
      this.#decreases++;
      this.#burst = 0;
      this.#set(this.limit * Math.max(decreaseMax, expectedMs / theirMs));
    } else {
      this.#decreases = 0;
      const isFast = medianMs <= baseline * aboutAsFast;
      this.#set(this.limit + Math.max(1, this.limit * (isFast ? increaseFast : increaseSlow)));
    }
  }

  #beginProbe(): void {
    this.#beforeProbe = this.limit;
    this.#probeWindows = 0;
    this.#set(this.limit * probeShare);
  }

  #probe(medianMs: number, nowMs: number): void {
    // The first window still holds calls that had queued before it.
    if (++this.#probeWindows < 2) return;
    this.#baselineMs = medianMs;
    this.#probedMs = nowMs;
    this.#decreases = 0;
    this.#set(this.#beforeProbe);
    this.#beforeProbe = 0;
  }

  #set(limit: number): void {
    this.limit = Math.min(this.#max, Math.max(limitMin, limit));
  }
}
