/**
 * Places: what part of the counter table a fingerprint's high half belongs to, in [0, 1). Places
 * are dense at one end, so that of two equal stretches one may receive twice as many counters; why
 * that is wanted is said in `counter-table.ts`.
 */

const high = 0x1_0000_0000;

/**
 * x(1.3465 - 0.3465x), close to log2(1 + x), under which the sizes of equal stretches are spread
 * evenly (by their logarithm) from one size to twice that. Any rising function would be correct.
 */
export function placeOf(hi: number): number {
  const x = hi / high;
  return x * (1.3465 - 0.3465 * x);
}

/** The smallest high half whose place is `place` or more. */
export function firstFingerprintAt(place: number): number {
  let below = 0;
  let above = high;
  while (below < above) {
    const middle = Math.floor((below + above) / 2);
    if (placeOf(middle) < place) below = middle + 1;
    else above = middle;
  }
  return above;
}
