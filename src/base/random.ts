/** Seeded random numbers, for tests and the simulator. Never for secrets. */

export interface SeededRandom {
  /** A double in [0, 1). */
  next(): number;
  /** A whole number in [0, below). */
  below(below: number): number;
}

/** sfc32 (Doty-Humphrey), seeded by one number. The same seed gives the same numbers. */
export function seededRandom(seed: number): SeededRandom {
  let a = 0x9e3779b9 ^ seed;
  let b = 0x243f6a88 ^ Math.imul(seed, 0x85ebca6b);
  let c = 0xb7e15162 ^ Math.imul(seed, 0xc2b2ae35);
  let counter = 1;
  const word = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    c |= 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) word();
  return {
    next: () => word() / 0x1_0000_0000,
    below: (below) => Math.floor((word() / 0x1_0000_0000) * below),
  };
}
