/** Time and randomness under a test's control. */

import { seededRandom } from "../../base/random.ts";
import type { Clock, Random, Timer, Timers } from "../../ports/clock.ts";

interface Scheduled {
  atMs: number;
  readonly order: number;
  readonly everyMs: number | undefined;
  readonly run: () => void;
}

/** Timers run when `advance` reaches them; `atTurnEnd` runs at the end of the real turn. */
export class FakeTime implements Clock, Timers {
  #nowMs = 0;
  #order = 0;
  readonly #scheduled = new Set<Scheduled>();
  /** Added to the wall clock: somebody set it. */
  wallOffsetMs = Date.UTC(2026, 10, 21, 12);

  wallMs(): number {
    return this.wallOffsetMs + this.#nowMs;
  }

  threadCpuMs(): number {
    return 0;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(ms: number, run: () => void): Timer {
    return this.#schedule(ms, run, undefined);
  }

  every(ms: number, run: () => void): Timer {
    return this.#schedule(ms, run, ms);
  }

  atTurnEnd(run: () => void): void {
    setImmediate(run);
  }

  /** Time passes, and no timer ran meanwhile: a machine that slept. */
  skip(ms: number): void {
    this.#nowMs += ms;
  }

  /** Runs what falls due within `ms`, in order, with turns of the event loop between. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      const next = [...this.#scheduled]
        .filter(({ atMs }) => atMs <= untilMs)
        .sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
      if (next === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      if (next.everyMs === undefined) this.#scheduled.delete(next);
      else next.atMs = this.#nowMs + next.everyMs;
      next.run();
      await settle();
    }
    this.#nowMs = untilMs;
  }

  #schedule(ms: number, run: () => void, everyMs: number | undefined): Timer {
    const one = { atMs: this.#nowMs + ms, order: this.#order++, everyMs, run };
    this.#scheduled.add(one);
    return { cancel: () => void this.#scheduled.delete(one) };
  }
}

/** Lets everything that waits for a turn or a promise go on. */
export async function settle(turns = 4): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

export function fakeRandom(seed = 1): Random {
  const numbers = seededRandom(seed);
  const bytes = (count: number): Uint8Array =>
    Uint8Array.from({ length: count }, () => numbers.below(256));
  return {
    bytes,
    hex: (count) => Buffer.from(bytes(count)).toString("hex"),
    fraction: () => numbers.next(),
  };
}
