/**
 * A 64-bit digest of a set of totals that can be kept up to date one change at a time: the sum,
 * modulo 2^32 in each of two lanes, of a mix of (fingerprint, total) over all counters whose total
 * is not 0. Order does not matter, so that two processes which reached the same totals by different
 * ways hold the same digest. Against faults, not against forgers.
 *
 * Digests are compared between processes: a change of the mix is a change of the protocol.
 */

export class TotalsDigest {
  /** Both lanes as signed 32-bit integers. */
  lo = 0;
  hi = 0;

  add(lo: number, hi: number, total: number): void {
    mix(lo, hi, total);
    this.lo = (this.lo + mixedLo) | 0;
    this.hi = (this.hi + mixedHi) | 0;
  }

  remove(lo: number, hi: number, total: number): void {
    mix(lo, hi, total);
    this.lo = (this.lo - mixedLo) | 0;
    this.hi = (this.hi - mixedHi) | 0;
  }
}

let mixedLo = 0;
let mixedHi = 0;

/**
 * A bijection of 64 bits for each total (odd multipliers, xor-shifts and a Feistel-like exchange),
 * so that one counter with another total always changes the digest. Multipliers: Wellons' lowbias32
 * and MurmurHash3's.
 */
function mix(lo: number, hi: number, total: number): void {
  const totalHi = Math.floor(total / 0x1_0000_0000);
  let a = (lo + Math.imul(total | 0, 0x9e3779b1)) | 0;
  let b = (hi + Math.imul(totalHi, 0x85ebca77)) | 0;
  a = Math.imul(a ^ (a >>> 16), 0x7feb352d);
  b = Math.imul(b ^ a ^ ((b ^ a) >>> 15), 0x846ca68b);
  a = Math.imul(a ^ b ^ ((a ^ b) >>> 16), 0xc2b2ae35);
  b = Math.imul(b ^ a ^ ((b ^ a) >>> 13), 0x27d4eb2f);
  mixedLo = a ^ (b >>> 16);
  mixedHi = b;
}

/** A table's digest as 16 hex digits: how processes write it to each other. */
export function digestText(table: {
  readonly digestLo: number;
  readonly digestHi: number;
}): string {
  const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
  return hex(table.digestHi) + hex(table.digestLo);
}

/** The digest of a table without totals: the same as of no table. */
export const emptyDigestText = "0000000000000000";
