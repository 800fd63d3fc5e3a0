/** Checks of what each call was told, at the moment it is told. */

import { type CallRecord, isForgotten } from "./calls.ts";
import type { Report } from "./violation.ts";

/** A disk that fails does so for less, and then everything is saved. */
const savedWithinMs = 15_000;

/** What a gateway could know when it admitted a call: asked for only where more than the quota was admitted in all. */
export interface Knowledge {
  /** Units charged by others, in the version of the totals that it says it holds; 0 if that is of a stream that is no more. */
  others(): number;
  /** How long ago an admission elsewhere must have been to be known here; undefined while faults are about. */
  readonly visibleMs: number | undefined;
  /** Units of the subject that went with disks. */
  lost(): number;
}

export class CallCheckers {
  readonly #report: Report;
  /** Secrets that a gateway has accepted, as `disks secret`. */
  readonly #known = new Set<string>();
  /** When a start of a gateway first refused a secret that the gateway had accepted before. */
  readonly #refused = new Map<string, number>();
  /** Refused by one start for so long that the revocation must be on its disk. */
  readonly #revoked = new Set<string>();

  constructor(report: Report) {
    this.#report = report;
  }

  /** A call reached the handler. */
  took(call: CallRecord, known: Knowledge): void {
    const { subject, limits, inMinute, start, isStrict } = call;
    // Of a strict limit the hub has read the quota, and others check.
    if (isStrict !== "no") return;
    const own = inMinute.own.get(start) ?? 0;
    if (own > limits.minute && !hasForgotten(call)) {
      this.#report("I15", `${subject} was admitted ${own} times by one start, of ${limits.minute}`);
    }
    const over = inMinute.kept - limits.minute;
    if (over > 0) this.#overshoot(call, { own, over, known });
  }

  replied(call: CallRecord, expected: "known" | "unknown" | "revoked"): void {
    const { exchange, subject, all, inMinute, limits, least, isStrict, target } = call;
    const { status, forwards } = exchange;
    if (forwards > 0 && status !== 200 && status !== 503 && !target.isRefunded) {
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
    const { exchange, gateway, disks, start, atMs, subject, secret } = call;
    if (secret === undefined) return;
    const name = `${disks} ${secret}`;
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
    if (used < own && !hasForgotten(call)) {
      this.#report("I1", `${subject}: told ${used} used where this start alone admitted ${own}`);
    }
    const { admitted } = inMinute;
    if (used > admitted) {
      this.#report("I17", `${subject}: told ${used} used where all admitted ${admitted}`);
    }
  }

  /**
   * Theorem 1: of what it knows a gateway admits no more than the quota. Corollary 2: it knows soon, so that what is over was
   * admitted elsewhere a moment ago, or went with a disk.
   */
  #overshoot(call: CallRecord, at: { own: number; over: number; known: Knowledge }): void {
    const { subject, limits, start, inMinute } = call;
    const { own, over, known } = at;
    if (isForgotten(call)) return;
    const others = known.others();
    if (own + others > limits.minute && !hasForgotten(call)) {
      const sum = `${own} by ${start} and ${others} by others in the version that it holds`;
      this.#report("I16", `${subject}: ${sum}, of ${limits.minute}`);
    }
    if (known.visibleMs === undefined) return;
    const sinceMs = call.atMs - known.visibleMs;
    let unseen = 0;
    for (const { atMs, gateway } of inMinute.admissions) {
      if (gateway !== call.gateway && atMs >= sinceMs) unseen++;
    }
    if (over <= unseen || over <= unseen + known.lost()) return;
    this.#report(
      "I16",
      `${subject}: ${over} over, of which others' last ${unseen} could be unseen`,
    );
  }
}

/** Charges of its start's own may be forgotten: they went with the stream, or their window had ended by an earlier time of somebody. */
function hasForgotten(call: CallRecord): boolean {
  return call.hasLost || isForgotten(call);
}
