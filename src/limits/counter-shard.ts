/**
 * A shard: up to some 15,000 counters in one typed array, a hash table with ordered linear probing
 * (Amble and Knuth, "Ordered hash tables", 1974). Slots are sorted by the fingerprint's low half,
 * so that a search ends at the first greater one, and so that growing is one sequential pass. An
 * insert moves the rest of its run one slot up; at the end of the array is a short tail for the
 * last run instead of a wrap-around, which would break the order, and one slot that stays empty,
 * so that no search needs to check for the end.
 *
 * A slot is five 32-bit words: the fingerprint's low half (0: empty) and high half, the total's low
 * half, its upper 21 bits over the upper 11 of own, and own's low half.
 *
 * How shards make a table, and when they grow, is `counter-table.ts`.
 */

import { assert, present } from "../base/assert.ts";

export const wordsPerSlot = 5;

export interface Shard {
  words: Uint32Array;
  /** Number of home slots. */
  capacity: number;
  /** capacity / 2^32: what makes a home slot of a fingerprint's low half. */
  scale: number;
  count: number;
  /** Depth in the directory: the shard holds the places whose first `depth` bits are `prefix`. */
  depth: number;
  prefix: number;
}

/** How full shards become, and by how much they grow. */
export interface Density {
  /** Load at which a shard grows. */
  readonly loadMax: number;
  /** Load of a half after a split, at most, so that it does not have to grow again at once. */
  readonly splitLoadMax: number;
  /** Capacity over the one before, at least. */
  readonly growth: number;
}

/** Fast: a search reads 2 slots on average, an insert moves 4 and growing moves 2.4 for it. */
export const sparse: Density = { loadMax: 0.75, splitLoadMax: 0.55, growth: 1.4 };

/**
 * Small: 23 bytes a counter. At full load a search reads 5.5 slots on average and an insert moves
 * 50, growing moves 11 for it. A load of 0.92 would save 2 % of memory and read 6.8 and move 78.
 */
export const dense: Density = { loadMax: 0.9, splitLoadMax: 0.86, growth: 1.05 };

/** Slots after the last home slot. At full load a run hangs 64 over with probability 1e-6. */
const tailSlots = 64;

/** Whether the shard is as full as it should be, so that the next insert is for a larger one. */
export function isFull(shard: Shard, density: Density): boolean {
  return shard.count >= Math.floor(shard.capacity * density.loadMax);
}

/** Home slots of a shard that can be split, at most. */
export const shardCapacityMax = 16_384;

/** Capacities, few enough that arrays are used again: doubling at first, then by 9 % (2^(1/8)). */
const capacities = allCapacities();

function allCapacities(): readonly number[] {
  const all: number[] = [];
  for (let capacity = 16; capacity < 4_096; capacity *= 2) all.push(capacity);
  for (let step = 0; step <= 16; step++) all.push(Math.round(4_096 * 2 ** (step / 8)));
  return all;
}

/** Home slots, and slots after the last of them. */
export interface Shape {
  readonly capacity: number;
  readonly tail: number;
}

export function shapeOf(capacity: number): Shape {
  return { capacity, tail: Math.min(tailSlots, capacity >>> 1) };
}

/** Length of the array of a shard of that shape. */
export function wordsFor({ capacity, tail }: Shape): number {
  return (capacity + tail + 1) * wordsPerSlot;
}

export function tailOf(shard: Shard): number {
  return shard.words.length / wordsPerSlot - 1 - shard.capacity;
}

/** The smallest capacity of at least `needed` home slots. */
export function capacityFor(needed: number): number {
  return capacities.find((capacity) => capacity >= needed) ?? Math.ceil(needed);
}

/** The smallest capacity that half a shard, of `count` counters, does not fill too much. */
export function capacityForHalf(count: number, density: Density): number {
  return capacityFor(Math.ceil(count / density.splitLoadMax));
}

/** What a shard of that capacity grows to, if it is not split. */
export function capacityAbove(capacity: number, density: Density): number {
  const needed = Math.ceil(capacity * density.growth);
  if (capacity < shardCapacityMax && needed > shardCapacityMax) return shardCapacityMax;
  return capacityFor(needed);
}

export function emptyShard(depth: number, prefix: number): Shard {
  const shape = shapeOf(present(capacities[0], "smallest capacity"));
  return { ...makeShard(new Uint32Array(wordsFor(shape)), shape.capacity), depth, prefix };
}

export function makeShard(words: Uint32Array, capacity: number): Shard {
  return { words, capacity, scale: capacity / 0x1_0000_0000, count: 0, depth: 0, prefix: 0 };
}

/** Offset of the slot that a search begins with, in a shard of that scale. */
export function homeOf(scale: number, lo: number): number {
  return ((lo * scale) | 0) * wordsPerSlot;
}

/** Reads the two lines of memory, mostly, that a search from `home` will read. What it returns means nothing. */
export function readAhead(words: Uint32Array, home: number): number {
  return (words[home] as number) ^ (words[home + 9] as number);
}

/** Offset of the counter's slot, searched from its home on; if there is none, ~offset of where it would be. */
// Four positional parameters: the look-up of every counter of every call.
export function findSlot(words: Uint32Array, home: number, lo: number, hi: number): number {
  let at = home;
  for (;;) {
    const word = words[at] as number;
    if (word === lo) {
      if (words[at + 1] === hi) return at;
    } else if (word > lo || word === 0) {
      return ~at;
    }
    at += wordsPerSlot;
  }
}

/** Words that a loop moves faster than a call of `copyWithin` begins. */
const loopedMoveMax = 40;

/**
 * Makes a slot with total and own 0 at `at`, as `findSlot` gave it. False, and nothing changed, if
 * the run hangs over the end of the tail.
 */
export function insertSlot(shard: Shard, at: number, lo: number, hi: number): boolean {
  const words = shard.words;
  let end = at;
  while (words[end] !== 0) end += wordsPerSlot;
  if (end + wordsPerSlot >= words.length) return false;
  if (end - at > loopedMoveMax) words.copyWithin(at + wordsPerSlot, at, end);
  else for (let i = end - 1; i >= at; i--) words[i + wordsPerSlot] = words[i] as number;
  words[at] = lo;
  words[at + 1] = hi;
  words[at + 2] = 0;
  words[at + 3] = 0;
  words[at + 4] = 0;
  shard.count++;
  return true;
}

/** High halves of fingerprints, `from` ≤ hi < `below`. */
export interface HighRange {
  readonly from: number;
  readonly below: number;
}

/**
 * Copies the slots of `from` whose high half is in `range` into `to`, which is empty. False if the
 * tail of `to` is too short; then `to` is to be thrown away.
 */
export function copySlots(from: Uint32Array, to: Shard, range: HighRange): boolean {
  const { words, scale } = to;
  const { from: first, below } = range;
  const end = words.length - wordsPerSlot;
  let next = 0;
  let count = 0;
  for (let at = 0; at < from.length; at += wordsPerSlot) {
    const lo = from[at] as number;
    const hi = from[at + 1] as number;
    if (lo === 0 || hi < first || hi >= below) continue;
    const home = homeOf(scale, lo);
    if (home > next) next = home;
    if (next >= end) return false;
    words[next] = lo;
    words[next + 1] = hi;
    words[next + 2] = from[at + 2] as number;
    words[next + 3] = from[at + 3] as number;
    words[next + 4] = from[at + 4] as number;
    next += wordsPerSlot;
    count++;
  }
  to.count = count;
  return true;
}

const high = 0x1_0000_0000;

/** The total of the slot at `at`, 0 to 2^53 - 1. */
export function slotTotal(words: Uint32Array, at: number): number {
  return ((words[at + 3] as number) >>> 11) * high + (words[at + 2] as number);
}

/** The own units of the slot at `at`, -2^42 to 2^42 - 1. */
export function slotOwn(words: Uint32Array, at: number): number {
  return (((words[at + 3] as number) << 21) >> 21) * high + (words[at + 4] as number);
}

/** `slotTotal` + `slotOwn`. */
export function slotUsed(words: Uint32Array, at: number): number {
  // Nearly always: both are below 2^32, and own is not negative.
  if (words[at + 3] === 0) return (words[at + 2] as number) + (words[at + 4] as number);
  return slotTotal(words, at) + slotOwn(words, at);
}

export function setSlotTotal(words: Uint32Array, at: number, total: number): void {
  assert(total >= 0 && total <= Number.MAX_SAFE_INTEGER, "a total from 0 to 2^53 - 1");
  const own = (words[at + 3] as number) & 0x7ff;
  words[at + 2] = total;
  words[at + 3] = (Math.floor(total / high) << 11) | own;
}

/** Own units of a counter, at most, either way. 4 * 10^12: costMax 4,398 times within what is not yet covered. */
export const ownMax = 2 ** 42 - 1;

export function setSlotOwn(words: Uint32Array, at: number, own: number): void {
  assert(own >= -ownMax && own <= ownMax, "own units beyond 2^42 - 1");
  const total = (words[at + 3] as number) & ~0x7ff;
  words[at + 4] = own;
  words[at + 3] = total | (Math.floor(own / high) & 0x7ff);
}

export function addSlotOwn(words: Uint32Array, at: number, delta: number): void {
  const low = (words[at + 4] as number) + delta;
  // Nearly always: nothing to carry.
  if (low > 0 && low < high) words[at + 4] = low;
  else setSlotOwn(words, at, slotOwn(words, at) + delta);
}
