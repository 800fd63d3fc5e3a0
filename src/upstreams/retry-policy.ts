/**
 * Whether a call may be tried again after a try has failed, and why not. Never after its reply began: the caller of
 * this sees to that.
 */

/** Tries of one call in all, whatever they are sent to. */
export const triesMax = 3;

/** Bytes of a body that is kept to be sent again, at most. */
export const replayedBodyMaxBytes = 16 * 1_024;

/** RFC 9110, 9.2.2; TRACE is never forwarded. */
const idempotentMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

export function isIdempotent(method: string): boolean {
  return idempotentMethods.has(method);
}

/** Replies that say that the target cannot answer now; others are the upstream's answer. */
export function saysUnavailable(status: number): boolean {
  return status >= 502 && status <= 504;
}

export interface TryFacts {
  readonly method: string;
  /** Tries so far, the failed one included. */
  readonly tries: number;
  /** Configured for the upstream: 1 to `triesMax`. */
  readonly triesAllowed: number;
  /** A byte of the failed try may have reached the target. */
  readonly isAttempted: boolean;
  /** There is no body, or all that was read of it is kept, or none of it was read. */
  readonly isBodyWhole: boolean;
}

/** `free`: nothing was sent, so the budget is not touched. `budget`: if the budget has one left. */
export type RetryVerdict = "free" | "budget" | "no";

export function mayRetry(facts: TryFacts): RetryVerdict {
  if (facts.tries >= Math.min(facts.triesAllowed, triesMax) || !facts.isBodyWhole) return "no";
  if (!facts.isAttempted) return "free";
  return isIdempotent(facts.method) ? "budget" : "no";
}
