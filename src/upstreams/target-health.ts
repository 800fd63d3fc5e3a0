/**
 * What the gateway thinks of one target, from the calls that it forwards there and from checks of its own.
 *
 *     in service ──failures in a row, or mostly errors──> ejected ──time is up──> on trial
 *         ^                                                  ^                        │
 *         └── slow start <── answered ───────────────────────┼── failed, for longer ──┘
 *
 * An ejection lasts twice as long as the one before, up to a bound, unless the target has been in service for a while
 * since. On trial it gets one call at a time. Apart from that a target is down while its checks fail.
 * Times are of a monotonic clock. Source: Envoy's outlier detection; nginx's slow_start.
 */

import { SlidingCount } from "./sliding-count.ts";

export interface HealthRules {
  /** Failures in a row that eject. */
  readonly failuresMax: number;
  /** Share of replies with 5xx, 0 to 1, above which a target is mostly errors. */
  readonly errorShareMax: number;
  /** The first ejection, ms. */
  readonly ejectMs: number;
  /** The longest ejection, ms. */
  readonly ejectMaxMs: number;
  /** Milliseconds until a target that came back gets its whole share again; 0: at once. */
  readonly slowStartMs: number;
  /** Failed checks in a row that take a target down, and passed ones that bring it back. */
  readonly checksFailedMax: number;
  readonly checksPassedMin: number;
}

/** In service, on trial (one call at a time), or neither. */
export type Standing = "in" | "trial" | "out";

/** Share of its weight that a target begins with when it comes back, and that it has on trial. */
export const firstShare = 0.1;

/** A service this long makes earlier ejections forgotten. */
export const forgetAfterMs = 60_000;

/** Replies within ten seconds below which their share of errors says nothing. */
export const repliesForShareMin = 20;
const shareBuckets = 10;

/** Doublings of an ejection; more would overflow nothing, but say nothing either. */
const doublingsMax = 16;

export class TargetHealth {
  readonly #rules: HealthRules;
  readonly #replies = new SlidingCount();
  readonly #errors = new SlidingCount();
  #failures = 0;
  /** It came back, and no whole reply has come since: the first failure ejects it again. */
  #isUnproven = false;
  #ejections = 0;
  /** Ejected until then, and on trial after; 0: not ejected. */
  #ejectedUntilMs = 0;
  #trialCalls = 0;
  /** When it came back; slow start counts from here. */
  #backSinceMs = Number.NEGATIVE_INFINITY;
  #checksFailed = 0;
  #checksPassed = 0;
  #isDown = false;

  constructor(rules: HealthRules) {
    this.#rules = rules;
  }

  standing(nowMs: number): Standing {
    if (this.#isDown) return "out";
    if (this.#ejectedUntilMs === 0) return "in";
    return nowMs < this.#ejectedUntilMs || this.#trialCalls > 0 ? "out" : "trial";
  }

  /** Of the target's weight, `firstShare` to 1. */
  share(nowMs: number): number {
    if (this.#ejectedUntilMs !== 0) return firstShare;
    const { slowStartMs } = this.#rules;
    const sinceMs = nowMs - this.#backSinceMs;
    if (sinceMs >= slowStartMs) return 1;
    return firstShare + (1 - firstShare) * (sinceMs / slowStartMs);
  }

  /** Milliseconds until the target may be tried again; 0: now. Undefined: when its checks pass, or its trial is over. */
  waitMs(nowMs: number): number | undefined {
    if (this.#isDown || this.#trialCalls > 0) return undefined;
    return Math.max(0, this.#ejectedUntilMs - nowMs);
  }

  /** A call goes there. True: it is the trial, and `trialEnded` follows, after what it brought. */
  began(): boolean {
    if (this.#ejectedUntilMs === 0) return false;
    this.#trialCalls++;
    return true;
  }

  trialEnded(): void {
    this.#trialCalls--;
  }

  /** A reply's head came: the target answers, if only with an error. */
  answered(isError: boolean, nowMs: number): void {
    if (this.#ejectedUntilMs !== 0 && nowMs >= this.#ejectedUntilMs) this.#comeBack(nowMs);
    this.#replies.add(1, nowMs);
    if (isError) this.#errors.add(1, nowMs);
  }

  /** A whole reply came. */
  succeeded(): void {
    this.#failures = 0;
    this.#isUnproven = false;
  }

  /** No connection, no reply in time, a broken one, or one that says that the target cannot answer now. True: ejected. */
  failed(nowMs: number): boolean {
    this.#failures++;
    if (this.#ejectedUntilMs > nowMs) return false;
    const isOnTrial = this.#ejectedUntilMs !== 0 || this.#isUnproven;
    if (!isOnTrial && this.#failures < this.#rules.failuresMax) return false;
    this.eject(nowMs);
    return true;
  }

  /** Whether most replies of the last seconds were errors. */
  isMostlyErrors(nowMs: number): boolean {
    const replies = this.#replies.sum(shareBuckets, nowMs);
    if (replies < repliesForShareMin) return false;
    return this.#errors.sum(shareBuckets, nowMs) / replies > this.#rules.errorShareMax;
  }

  eject(nowMs: number): void {
    if (nowMs - this.#backSinceMs > forgetAfterMs && this.#ejectedUntilMs === 0)
      this.#ejections = 0;
    const { ejectMs, ejectMaxMs } = this.#rules;
    const lengthMs = ejectMs * 2 ** Math.min(this.#ejections, doublingsMax);
    this.#ejections++;
    this.#ejectedUntilMs = nowMs + Math.min(ejectMaxMs, lengthMs);
    this.#forgetReplies();
  }

  /** A check of the gateway's own passed or failed. True: the target went down or came up by it. */
  checked(hasPassed: boolean, nowMs: number): boolean {
    this.#checksPassed = hasPassed ? this.#checksPassed + 1 : 0;
    this.#checksFailed = hasPassed ? 0 : this.#checksFailed + 1;
    const { checksFailedMax, checksPassedMin } = this.#rules;
    if (!this.#isDown && this.#checksFailed >= checksFailedMax) {
      this.#isDown = true;
      return true;
    }
    if (!this.#isDown || this.#checksPassed < checksPassedMin) return false;
    this.#isDown = false;
    if (this.#ejectedUntilMs === 0) this.#comeBack(nowMs);
    return true;
  }

  #comeBack(nowMs: number): void {
    this.#ejectedUntilMs = 0;
    this.#backSinceMs = nowMs;
    this.#failures = 0;
    this.#isUnproven = true;
    this.#forgetReplies();
  }

  #forgetReplies(): void {
    this.#replies.clear();
    this.#errors.clear();
  }
}
