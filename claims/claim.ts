/**
 * What a claim is: one figure that the project states, with the bar it must meet and the program
 * that measures it. One claim a file in this folder; `npm run claims` runs them.
 */

export interface Measurement {
  /** With its unit, as documents quote it: `1 min 52 s`. */
  readonly figure: string;
  readonly met: boolean;
  /** Anything that helps to understand the figure; printed, not kept. */
  readonly details?: unknown;
}

interface ClaimBase {
  /** Row of the table, a dash, a word: `8-kill-gateway`. Unique, and stays. */
  readonly id: string;
  /** What is claimed, one sentence. */
  readonly sentence: string;
  /** What the figure must be: `≤ 6 min`. */
  readonly bar: string;
  /** Longest run; then it is stopped and counts as not met. */
  readonly minutesMax: number;
}

/**
 * Either a `command`, run with Node in the fresh clone, whose last line is a `Measurement` as JSON;
 * or a function that measures. A command that fails or prints no such line is not met.
 */
export type Claim = ClaimBase &
  ({ readonly command: readonly string[] } | { readonly measure: () => Promise<Measurement> });
