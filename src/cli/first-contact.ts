/**
 * What a starting gateway waits for before it listens: the hub's time. Until that is known the gateway goes by its own wall
 * clock, and one that is ahead would charge calls to windows that have not begun.
 *
 * Left to others: the hub that is away. Then the wall clock is all there is, and the gateway serves with it.
 */

import { setTimeout as sleep } from "node:timers/promises";

/** Longest wait: several round trips to the other side of the world, and less than a start may take. */
export const firstContactMsMax = 1_000;

/** The hub's answer is due within milliseconds where it is near. */
const lookMs = 5;

interface Contact {
  /** The hub's time is known. */
  readonly isMade: () => boolean;
  /** The first attempt to reach the hub has failed. */
  readonly hasFailed: () => boolean;
}

/** Resolves when either holds, or after `withinMs`. */
export async function firstContact(
  { isMade, hasFailed }: Contact,
  withinMs = firstContactMsMax,
): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!isMade() && !hasFailed() && performance.now() < endMs) await sleep(lookMs);
}
