/**
 * Asks producers again for batches that the fold misses. A gap may be mere reordering, so it is asked for when it is
 * still there at the next look, and then once per `askAgainMs`.
 */

import type { ProducerKey, Seq } from "../base/words.ts";
import type { Gap } from "../metering/fold.ts";

/** Between looks. */
export const gapLookMs = 200;

/** What was asked for takes a round trip of up to some 300 ms, and then the stream's sync. */
const askAgainMs = 2_000;

interface Watched {
  readonly from: Seq;
  /** Negative infinity: seen once, not asked for. */
  askedAtMs: number;
}

export class GapWatch {
  #watched = new Map<ProducerKey, Watched>();

  /** The gaps to ask for now. `nowMs`: monotonic. */
  look(gaps: readonly Gap[], nowMs: number): Gap[] {
    const next = new Map<ProducerKey, Watched>();
    const due: Gap[] = [];
    for (const gap of gaps) {
      const known = this.#watched.get(gap.producer);
      if (known === undefined || known.from !== gap.from) {
        next.set(gap.producer, { from: gap.from, askedAtMs: Number.NEGATIVE_INFINITY });
        continue;
      }
      next.set(gap.producer, known);
      if (nowMs - known.askedAtMs < askAgainMs) continue;
      known.askedAtMs = nowMs;
      due.push(gap);
    }
    this.#watched = next;
    return due;
  }

  /** A producer came back: what it was asked for before went with its connection. */
  forget(producer: ProducerKey): void {
    const known = this.#watched.get(producer);
    if (known !== undefined) known.askedAtMs = Number.NEGATIVE_INFINITY;
  }
}
