/** The order in which counters are written: that of their rows, so that a page is touched once. */

/** Indices fit into 21 bits beside 32 bits of fingerprint in a double. */
export const sortedColumnsMax = 2 ** 21;

/**
 * Indices of a column of fingerprints' upper halves, in the signed order of SQLite's integers. Equal upper
 * halves stay in order of index. Sorting numbers that carry their index is many times faster than comparing.
 */
export function sortedByFingerprint(hi: Uint32Array): Iterable<number> {
  if (hi.length > sortedColumnsMax) return hi.keys();
  const keys = new Float64Array(hi.length);
  for (let i = 0; i < hi.length; i++) {
    // Offset binary: the order of the signed values, kept positive.
    keys[i] = (((hi[i] as number) ^ 0x8000_0000) >>> 0) * sortedColumnsMax + i;
  }
  keys.sort();
  const order = new Uint32Array(hi.length);
  for (let i = 0; i < order.length; i++) order[i] = (keys[i] as number) % sortedColumnsMax;
  return order;
}
