/** Checks of what each call was told, at the moment it is told. */

import type { CallRecord } from "./calls.ts";
import type { Report } from "./violation.ts";

/** A disk that fails does so for less, and then everything is saved. */
const savedWithinMs = 15_000;

const minuteMs = 60_000;

export class CallCheckers {
  readonly #report: Report;
  /** Secrets that a gateway has accepted, as `producer secret`. */
  readonly #known = new Set<string>();
  /** When a start of a gateway first refused a secret that the gateway had accepted before. */
  readonly #refused = new Map<string, number>();
  /** Refused by one start for so long that the revocation must be on its disk. */
  readonly #revoked = new Set<string>();

  constructor(report: Report) {
    this.#report = report;
  }

  /**
   * A call reached the handler. `visibleMs`: how long ago an admission elsewhere must have been for this gateway
   * to know of it; undefined while faults are about.
   */
  took(call: CallRecord, visibleMs: number | undefined): void {
    const { subject, limits, inMinute, start, isStrict } = call;
    // Of a strict limit the hub has read the quota, and others check.
    if (isStrict !== "no") return;
    const own = inMinute.own.get(start) ?? 0;
    if (own > limits.minute && !isReopened(call)) {
      this.#report("I15", `${subject} was admitted ${own} times by one start, of ${limits.minute}`);
    }
    if (visibleMs !== undefined) this.#overshoot(call, visibleMs);
  }

  replied(call: CallRecord, expected: "known" | "unknown" | "revoked"): void {
    const { exchange, subject, all, inMinute, limits, least, isStrict } = call;
    const { status, forwards } = exchange;
    if (forwards > 0 && status !== 200 && status !== 503) {
      this.#report("I19", `a call answered ${status} was forwarded`);
    }
    if (expected === "unknown" && status !== 401 && status !== 503) {
      this.#report("I28", `an unknown key was answered ${status}`);
    }
    this.#revocation(call, expected);
    // Of a strict limit a crash may have used up what was never spent.
    if (status !== 429 || isStrict !== "no") return;
    const { admitted } = inMinute;
    if (admitted + 1 > least || all.admitted + 1 > limits.day) return;
    this.#report("I17", `${subject} was refused at ${admitted} of ${least} in the minute`);
  }

  /** Who has refused a secret, and had the time to save why, refuses it for ever. */
  #revocation(call: CallRecord, expected: "known" | "unknown" | "revoked"): void {
    const { exchange, gateway, producer, start, atMs, subject, secret } = call;
    if (secret === undefined) return;
    const name = `${producer} ${secret}`;
    if (exchange.status === 200) {
      this.#known.add(name);
      if (expected !== "revoked" || !this.#revoked.has(name)) return;
      this.#report("I25", `${subject} is accepted by ${gateway}, which had refused it as revoked`);
    }
    if (exchange.status !== 401 || expected !== "revoked" || !this.#known.has(name)) return;
    const first = this.#refused.get(`${name} ${start}`);
    if (first === undefined) this.#refused.set(`${name} ${start}`, atMs);
    else if (atMs - first >= savedWithinMs) this.#revoked.add(name);
  }

  /** What `/-/usage` says that a subject has used in this minute, between what is known at least and at most. */
  told(call: CallRecord, used: number): void {
    const { subject, start, inMinute } = call;
    const own = inMinute.own.get(start) ?? 0;
    if (used < own && !isReopened(call)) {
      this.#report("I1", `${subject}: told ${used} used where this start alone admitted ${own}`);
    }
    const { admitted } = inMinute;
    if (used > admitted) {
      this.#report("I17", `${subject}: told ${used} used where all admitted ${admitted}`);
    }
  }

  /** Theorem 1: over the quota by no more than others admitted since this gateway could know. */
  #overshoot(call: CallRecord, visibleMs: number): void {
    const { admitted, admissions } = call.inMinute;
    const over = admitted - call.limits.minute;
    if (over <= 0 || endMs(call) <= call.forgottenMs) return;
    let unseen = 0;
    for (const { atMs, gateway } of admissions) {
      if (gateway !== call.gateway && atMs >= call.atMs - visibleMs) unseen++;
    }
    if (over > unseen) {
      this.#report(
        "I16",
        `${call.subject}: ${over} over, of which others' last ${unseen} could be unseen`,
      );
    }
  }
}

function endMs({ inMinute }: CallRecord): number {
  return inMinute.startMs + minuteMs;
}

/** This start's time was ahead and has been put right: the window had ended, and what was known of it was forgotten. */
function isReopened(call: CallRecord): boolean {
  return endMs(call) <= call.ownForgottenMs;
}
