/** Collects what `verify` finds to differ: the first ones in full, all of them counted. */

import type { WindowId } from "../base/words.ts";
import type { VerifyDifference } from "./hub-api.ts";
import type { HubWindow } from "./hub-window.ts";

/** Differences named, at most. */
export const differencesMax = 1_000;

export interface CounterDifference {
  readonly where: string;
  readonly window: WindowId;
  readonly lo: number;
  readonly hi: number;
  readonly expected: number;
  readonly found: number;
}

/** The text of a counter's subject; undefined if it is not known. */
export type SubjectOf = (window: WindowId, lo: number, hi: number) => Promise<string | undefined>;

export class Differences {
  readonly #counters: CounterDifference[] = [];
  readonly #others: VerifyDifference[] = [];
  count = 0;

  counter(difference: CounterDifference): void {
    this.count++;
    if (this.#counters.length < differencesMax) this.#counters.push(difference);
  }

  other(difference: VerifyDifference): void {
    this.count++;
    if (this.#others.length < differencesMax) this.#others.push(difference);
  }

  async named(subjectOf: SubjectOf): Promise<VerifyDifference[]> {
    const named: VerifyDifference[] = [...this.#others];
    for (const { where, window, lo, hi, expected, found } of this.#counters) {
      if (named.length >= differencesMax) break;
      const subject = (await subjectOf(window, lo, hi)) ?? fingerprintText(lo, hi);
      named.push({ where, window, subject, expected, found });
    }
    return named;
  }
}

/** For a counter of which no text is known. */
export function fingerprintText(lo: number, hi: number): string {
  const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
  return hex(hi) + hex(lo);
}

/** Sums of one counter. */
export interface CounterSums {
  readonly charged: number;
  readonly refunded: number;
}

export const noSums: CounterSums = { charged: 0, refunded: 0 };

export function sumsIn(window: HubWindow | undefined, lo: number, hi: number): CounterSums {
  if (window === undefined) return noSums;
  return { charged: window.charged(lo, hi), refunded: window.refunded(lo, hi) };
}

/**
 * The two figures to show: net totals, or, where they agree by chance, what was charged. Undefined: no difference.
 */
export function figures(
  expected: CounterSums,
  found: CounterSums,
): { expected: number; found: number } | undefined {
  if (expected.charged === found.charged && expected.refunded === found.refunded) return undefined;
  const [a, b] = [expected.charged - expected.refunded, found.charged - found.refunded];
  return a === b ? { expected: expected.charged, found: found.charged } : { expected: a, found: b };
}
