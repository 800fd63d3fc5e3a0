/** How long a process that died waits before it is started again. Pure. */

/**
 * Never at once: a Ctrl-C reaches the children of a terminal before it reaches us, and what they do
 * then is not a crash.
 */
const delayMsMin = 50;

/** `dev` promises a start within a second, however often a process dies. */
export const delayMsMax = 800;

/** A process that has run this long died of something new. */
const healthyMsMin = 5_000;

/** Milliseconds to wait before the start after the death number `deaths` (1, 2, …) in a row. */
export function restartDelayMs(deaths: number): number {
  return Math.min(delayMsMin * 2 ** Math.min(deaths - 1, 10), delayMsMax);
}

/** Deaths in a row, with one more after a run of `ranMs`. */
export function countDeath(deathsBefore: number, ranMs: number): number {
  return ranMs >= healthyMsMin ? 1 : deathsBefore + 1;
}
