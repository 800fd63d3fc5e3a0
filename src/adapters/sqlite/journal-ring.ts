/**
 * The memory that the journal's two sides share: a ring of record bytes and some words of control.
 * One writer (the thread that answers calls), one reader (the journal's thread).
 *
 * Byte counts and positions run on modulo 2^32; differences are taken in 32 bits, which is right
 * while less than 2^31 is under way, and the ring is far smaller. Records stand back to back without
 * frames: they tell their own length, and the journal stores a group of them as one piece.
 */

/** Words of control, by index. */
export const word = {
  /** Counts publications; the journal's thread waits on it. */
  wake: 0,
  headBytes: 1,
  headPosition: 2,
  tailBytes: 3,
  storedPosition: 4,
  /** Index into `journalStates`. */
  state: 5,
  /** Requests posted to the thread. */
  requests: 6,
  /** 1 while a message about `storedPosition` is on its way. */
  toldStored: 7,
  lastStoreUs: 8,
  usedKiB: 9,
  /** Nobody changes it: waiting on it is sleeping. */
  sleep: 10,
  /** 1 while the thread that answers calls waits for `storedPosition` to change, and needs no message. */
  awaited: 11,
} as const;

export const journalStates = ["ok", "full", "failing"] as const;

/** Record bytes that wait to be stored, at most: half a second at 10^5 records of 80 bytes a second. */
export const ringBytes = 4 * 1024 * 1024;
const ringMask = ringBytes - 1;
const controlWords = 16;

export interface SharedRing {
  readonly control: Int32Array;
  readonly bytes: Uint8Array;
}

export function makeRing(): SharedRing {
  return {
    control: new Int32Array(new SharedArrayBuffer(controlWords * 4)),
    bytes: new Uint8Array(new SharedArrayBuffer(ringBytes)),
  };
}

/** Copies `length` bytes into the ring at the count `at`; the caller has checked that there is room. */
export function writeRing(ring: Uint8Array, at: number, source: Uint8Array, length: number): void {
  // Records are some dozens of bytes: a loop beats `set`, which needs a view made for every record.
  let to = at & ringMask;
  for (let i = 0; i < length; i++) {
    ring[to] = source[i] as number;
    to = (to + 1) & ringMask;
  }
}

/** Copies the bytes from the count `from` up to `to` into the beginning of `target`; returns how many. */
export function readRing(
  ring: SharedRing,
  range: { from: number; to: number },
  target: Uint8Array,
): number {
  const length = (range.to - range.from) | 0;
  const start = range.from & ringMask;
  const first = Math.min(length, ringBytes - start);
  target.set(ring.bytes.subarray(start, start + first), 0);
  if (first < length) target.set(ring.bytes.subarray(0, length - first), first);
  return length;
}
