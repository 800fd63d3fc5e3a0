/**
 * What the lease keeper has to say: requests to the hub, marks to the journal. Both gather for a turn and go out together.
 * A request is sent again under its number until it is answered, so that it gets one lease whatever happens to it.
 */

import type { Incarnation } from "../base/words.ts";
import { type HeldLease, markStored, nextMark } from "../limits/lease-spend.ts";
import type { Clock } from "../ports/clock.ts";
import type { Journal, StoredLease } from "../ports/journal.ts";
import { type GatewayMessage, leaseRequestsMax } from "../ports/link.ts";
import { type Tended, wantOf } from "./tended-counter.ts";

/** Requests that were refused once and may be granted by another copy of theirs, at most. */
const lateMax = 1_000;

/** Wait for an answer before the same request is sent again. */
const answerMs = 1_000;

export interface OutboxParts {
  readonly journal: Pick<Journal, "incarnation" | "mark">;
  readonly clock: Clock;
  /** Undefined: there is no connection, and nothing is sent. */
  readonly send: () => ((message: GatewayMessage) => void) | undefined;
  /** Marks of this counter are on disk. */
  readonly onMarked: (tended: Tended) => void;
}

export class LeaseOutbox {
  readonly #parts: OutboxParts;
  readonly #incarnation: Incarnation;
  /** By number. */
  readonly #awaited = new Map<number, Tended>();
  readonly #late = new Map<number, Tended>();
  #asks: Tended[] = [];
  #marks: { readonly tended: Tended; readonly lease: HeldLease; readonly mark: number }[] = [];
  #requests = 0;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#incarnation = parts.journal.incarnation;
  }

  ask(tended: Tended): void {
    tended.sends = 0;
    tended.awaited = ++this.#requests;
    this.#awaited.set(tended.awaited, tended);
    this.#asks.push(tended);
  }

  /** Asks again if the answer is late. */
  remind(tended: Tended, nowMs: number): void {
    if (nowMs - tended.sentAtMs >= answerMs) this.#asks.push(tended);
  }

  remindAll(): void {
    for (const tended of this.#awaited.values()) this.#asks.push(tended);
  }

  /**
   * An answer has come: the counter that the request was for. Undefined: it has had this answer, or was never made. Of a request
   * that was sent twice, the second copy may be granted what was refused to the first.
   */
  settle(request: number, isGranted: boolean): Tended | undefined {
    const tended = this.#awaited.get(request);
    if (tended === undefined) {
      const late = isGranted ? this.#late.get(request) : undefined;
      if (late !== undefined) this.#late.delete(request);
      return late;
    }
    this.#awaited.delete(request);
    tended.awaited = 0;
    if (!isGranted && tended.sends > 1) this.#keepLate(request, tended);
    return tended;
  }

  /** No answer is waited for any more; one that comes all the same may be a grant, which has to go back. */
  forget(tended: Tended): void {
    if (!this.#awaited.delete(tended.awaited)) return;
    this.#keepLate(tended.awaited, tended);
    tended.awaited = 0;
  }

  #keepLate(request: number, tended: Tended): void {
    const [oldest] = this.#late.keys();
    if (this.#late.size >= lateMax && oldest !== undefined) this.#late.delete(oldest);
    this.#late.set(request, tended);
  }

  /** Marks that are due, unless some are on their way to the disk. */
  mark(tended: Tended): void {
    if (tended.marking > 0) return;
    for (const lease of tended.held.leases) {
      const mark = nextMark(lease, tended.needed);
      if (mark === 0) continue;
      this.#marks.push({ tended, lease, mark });
      tended.marking++;
    }
  }

  /** Sends what is to be asked and stores what is to be marked, each in as few parts as can be. */
  flush(): void {
    this.#sendAsks();
    const marks = this.#marks;
    if (marks.length === 0) return;
    this.#marks = [];
    const stored = marks.map(({ tended, lease, mark }): StoredLease => {
      const { id, lo, hi } = tended.held;
      const { request } = lease;
      return { incarnation: this.#incarnation, request, window: id, lo, hi, mark };
    });
    this.#parts.journal.mark(stored).then(
      () => {
        for (const { tended, lease, mark } of marks) {
          tended.marking--;
          markStored(lease, mark);
          this.#parts.onMarked(tended);
        }
      },
      // The journal is closed: nothing is spent any more.
      () => undefined,
    );
  }

  #sendAsks(): void {
    if (this.#asks.length === 0) return;
    const asks = new Set(this.#asks);
    this.#asks = [];
    const send = this.#parts.send();
    // `connected` asks again.
    if (send === undefined) return;
    const nowMs = this.#parts.clock.monotonicMs();
    const requests = [...asks]
      .filter(({ awaited }) => awaited !== 0)
      .map((tended) => {
        tended.sentAtMs = nowMs;
        tended.sends++;
        const { plan, limit, subject, held, awaited } = tended;
        const { id, lo, hi } = held;
        const [want, needed] = [wantOf(tended), Math.max(1, tended.needed)];
        return { request: awaited, plan, limit, subject, window: id, lo, hi, want, needed };
      });
    for (let from = 0; from < requests.length; from += leaseRequestsMax) {
      send({ kind: "lease-request", requests: requests.slice(from, from + leaseRequestsMax) });
    }
  }
}
