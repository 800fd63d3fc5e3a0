/**
 * The counters of one window instance: fingerprint → (total, own), exact, in 20-byte slots.
 *
 * The table is a directory of shards (extendible hashing; Fagin, Nievergelt, Pippenger, Strong,
 * 1979). A *place* in [0, 1) made of the fingerprint's high half chooses the shard, the low half
 * the slot in it. A full shard is copied into one that is larger by a small step, or split in two;
 * either moves at most `shardCapacityMax` counters, whatever the size of the table.
 *
 * Places are dense at one end (as in spiral storage; Martin, 1979): a shard at place 1 receives
 * twice what one at place 0 does. With even places all shards would grow and split at the same
 * time; so they do it in turn, and at every size of the table a like share of them is newly grown,
 * half full and about to grow. That keeps bytes per counter flat, and lets one shard's old array be
 * the next one's new array.
 */

import { assert, present } from "../base/assert.ts";
import { firstFingerprintAt, placeOf } from "./counter-place.ts";
import type { CounterRef } from "./counter-ref.ts";
import {
  addSlotOwn,
  capacityAbove,
  capacityFor,
  capacityForHalf,
  copySlots,
  type Density,
  dense,
  emptyShard,
  find,
  findSlot,
  type HighRange,
  homeOf,
  insertSlot,
  isFull,
  makeShard,
  readAhead,
  type Shape,
  type Shard,
  setSlotOwn,
  setSlotTotal,
  shapeOf,
  shardCapacityMax,
  slotOwn,
  slotTotal,
  slotUsed,
  sparse,
  tailOf,
  wordsFor,
  wordsPerSlot,
} from "./counter-shard.ts";
import { TotalsDigest } from "./totals-digest.ts";

/** Bytes that a shard costs beside its slots, and an entry of the directory. For `bytes`. */
const shardOverheadBytes = 320;
const bytesPerEntry = 8;

/**
 * Directory entries per shard, at most, on average. Fingerprints of a keyed hash need 2 to 4. Were
 * they all to have the same high half, no split would part them: shards then grow beyond
 * `shardCapacityMax` instead, and the table goes on, slower.
 */
const entriesPerShardMax = 16;

/**
 * Counters up to which a table takes up to 38 bytes for each and is fast; with more it is filled up
 * and costs at most 24 from twice as many on. Two million are 76 MB at the worst.
 */
const sparseByDefaultMax = 2_000_000;

/** Counters that a table takes memory for when the first ones come: 10 MB at the most, were none of the others to come. */
const expectedMax = 262_144;

/** Bytes in arrays kept for reuse, at most, as a share of the table's. */
const spareShareMax = 1 / 128;

/** Load under which a run that hangs over the tail cannot be chance (e^-40). */
const clusteredLoadMax = 0.7;

/** All high halves of fingerprints. */
const allHighs: HighRange = { from: 0, below: 0x1_0000_0000 };

/** Must not insert into the table. */
export type CounterVisit = (lo: number, hi: number, total: number, own: number) => void;

/** Fingerprint halves are 32-bit integers, signed or not; `lo` is not 0. */
export class CounterTable {
  /** Counters in the table; a counter once made stays. */
  count = 0;
  /** Bytes of memory that the table holds, spare arrays included. */
  bytes: number;
  /** Counters moved by one growth step so far, at most. */
  movedPerStepMax = 0;
  #directory: Shard[];
  /** log2 of the directory's length. */
  #depth = 0;
  #shardCount = 1;
  /** Where `#findOrInsert` found its slot: its second result, without an object. */
  #foundIn: Shard;
  readonly #digest = new TotalsDigest();
  /** Arrays for reuse by their length. */
  readonly #spares = new Map<number, Uint32Array[]>();
  #spareBytes = 0;
  readonly #sparseCountMax: number;
  /** Home slots that a shard gets at least when it grows. */
  readonly #firstCapacity: number;

  /** `expected`: counters that the table is likely to get; up to `expectedMax` of them are then made without growing step by step. */
  constructor({ sparseCountMax = sparseByDefaultMax, expected = 0 } = {}) {
    this.#sparseCountMax = sparseCountMax;
    const wanted = Math.ceil(Math.min(expected, expectedMax) / sparse.splitLoadMax);
    this.#depth = Math.max(0, Math.ceil(Math.log2(wanted / shardCapacityMax)));
    this.#shardCount = 2 ** this.#depth;
    this.#firstCapacity = capacityFor(wanted / this.#shardCount);
    this.#directory = Array.from({ length: this.#shardCount }, (_, prefix) => ({
      ...emptyShard(),
      depth: this.#depth,
      prefix,
    }));
    const first = present(this.#directory[0], "first shard");
    this.#foundIn = first;
    this.bytes = this.#shardCount * (first.words.byteLength + shardOverheadBytes + bytesPerEntry);
  }

  /** The digest of all totals, as two signed 32-bit integers; see `totals-digest.ts`. */
  get digestLo(): number {
    return this.#digest.lo;
  }

  get digestHi(): number {
    return this.#digest.hi;
  }

  /** Total of a counter; 0 if there is none. */
  total(lo: number, hi: number): number {
    const shard = this.#shardOf(hi);
    const at = find(shard, lo >>> 0, hi >>> 0);
    return at < 0 ? 0 : slotTotal(shard.words, at);
  }

  /** Own units of a counter; 0 if there is none. */
  own(lo: number, hi: number): number {
    const shard = this.#shardOf(hi);
    const at = find(shard, lo >>> 0, hi >>> 0);
    return at < 0 ? 0 : slotOwn(shard.words, at);
  }

  /** Total + own, 0 if there is no such counter; sets `ref` for `addOwnAt`. Makes no slot. */
  used(lo: number, hi: number, ref: CounterRef): number {
    this.locate(lo, hi, ref);
    return this.usedAt(ref);
  }

  /**
   * The first half of `used`: sets `ref` to where the search begins and reads there. Of a table larger than the caches that
   * read takes longer than all the rest; those of several counters, begun one after the other, go on at the same time.
   */
  locate(lo: number, hi: number, ref: CounterRef): void {
    const shard = this.#shardOf(hi);
    const home = homeOf(shard, lo >>> 0);
    // Signed, since V8 keeps those 32 bits in the field itself.
    ref.lo = lo | 0;
    ref.hi = hi | 0;
    ref.shard = shard;
    ref.count = this.count;
    ref.at = home;
    ref.ahead = readAhead(shard.words, home);
  }

  /** The second half of `used`, once; nothing may be inserted in between. */
  usedAt(ref: CounterRef): number {
    const { words } = ref.shard as Shard;
    const at = findSlot(words, ref.at, ref.lo >>> 0, ref.hi >>> 0);
    ref.at = at;
    return at < 0 ? 0 : slotUsed(words, at);
  }

  /** `addOwn` for the counter that `used` set `ref` to, whatever changed in the table since. */
  addOwnAt(ref: CounterRef, delta: number): void {
    const { lo, hi, at } = ref;
    const shard = ref.shard as Shard;
    const words = shard.words;
    if (at >= 0) {
      // Where the shard has grown or was split since, another counter is here, or none.
      if (words[at] === lo >>> 0 && words[at + 1] === hi >>> 0) {
        addSlotOwn(words, at, delta);
        return;
      }
    } else if (this.count === ref.count && this.#insert(shard, ~at, ref)) {
      addSlotOwn(words, ~at, delta);
      return;
    }
    this.addOwn(lo, hi, delta);
  }

  addOwn(lo: number, hi: number, delta: number): void {
    const at = this.#findOrInsert(lo >>> 0, hi >>> 0);
    addSlotOwn(this.#foundIn.words, at, delta);
  }

  setOwn(lo: number, hi: number, own: number): void {
    const at = this.#findOrInsert(lo >>> 0, hi >>> 0);
    setSlotOwn(this.#foundIn.words, at, own);
  }

  /** Returns the new total, which stops at 2^53 - 1. */
  addTotal(lo: number, hi: number, delta: number): number {
    const at = this.#findOrInsert(lo >>> 0, hi >>> 0);
    const sum = slotTotal(this.#foundIn.words, at) + delta;
    const total = sum < Number.MAX_SAFE_INTEGER ? sum : Number.MAX_SAFE_INTEGER;
    this.#writeTotal(at, total);
    return total;
  }

  setTotal(lo: number, hi: number, total: number): void {
    const at = this.#findOrInsert(lo >>> 0, hi >>> 0);
    this.#writeTotal(at, total);
  }

  /** Sets every total to 0, before totals of another epoch are installed. */
  clearTotals(): void {
    this.#forEachShard(({ words }) => {
      for (let at = 0; at < words.length; at += wordsPerSlot) {
        if (words[at] !== 0) setSlotTotal(words, at, 0);
      }
    });
    this.#digest.lo = 0;
    this.#digest.hi = 0;
  }

  /** Sets the own units of every counter to 0. */
  clearOwn(): void {
    this.#forEachShard(({ words }) => {
      for (let at = 0; at < words.length; at += wordsPerSlot) {
        if (words[at] !== 0) setSlotOwn(words, at, 0);
      }
    });
  }

  /** Visits every counter, in no order that means anything. `visit` may change, but not insert. */
  forEach(visit: CounterVisit): void {
    for (let place = 0; place < 1; ) place = this.visitFrom(place, visit);
  }

  /**
   * Visits some of the counters, at most a shard's, and returns where to go on; 0 begins, 1 is the
   * end. Anything may change between the calls: a counter that was there when the walk began is
   * visited once, one that was made meanwhile once or not at all. `visit` itself must not insert.
   */
  visitFrom(place: number, visit: CounterVisit): number {
    const shard = this.#directory[place * this.#directory.length] as Shard;
    const words = shard.words;
    for (let at = 0; at < words.length; at += wordsPerSlot) {
      const lo = words[at] as number;
      if (lo === 0) continue;
      visit(lo, words[at + 1] as number, slotTotal(words, at), slotOwn(words, at));
    }
    // A split keeps a shard's ends, so this is where a shard begins for as long as the table lives.
    return (shard.prefix + 1) / 2 ** shard.depth;
  }

  #forEachShard(visit: (shard: Shard) => void): void {
    const length = this.#directory.length;
    for (let index = 0; index < length; ) {
      const shard = this.#directory[index] as Shard;
      visit(shard);
      index += length / 2 ** shard.depth;
    }
  }

  #shardOf(hi: number): Shard {
    const directory = this.#directory;
    return directory[(placeOf(hi >>> 0) * directory.length) | 0] as Shard;
  }

  #findOrInsert(lo: number, hi: number): number {
    for (;;) {
      const shard = this.#shardOf(hi);
      this.#foundIn = shard;
      const at = find(shard, lo, hi);
      if (at >= 0) return at;
      assert(lo !== 0, "a fingerprint's low half is not 0");
      if (this.#insert(shard, ~at, { lo, hi })) return ~at;
      this.#grow(shard);
    }
  }

  /** Makes the counter's slot where a search of the shard as it is ended; false if there is no room for it. */
  #insert(shard: Shard, at: number, { lo, hi }: { lo: number; hi: number }): boolean {
    if (isFull(shard, this.#density()) || !insertSlot(shard, at, lo, hi)) return false;
    this.count++;
    return true;
  }

  #density(): Density {
    return this.count < this.#sparseCountMax ? sparse : dense;
  }

  #writeTotal(at: number, total: number): void {
    const words = this.#foundIn.words;
    const lo = words[at] as number;
    const hi = words[at + 1] as number;
    const before = slotTotal(words, at);
    setSlotTotal(words, at, total);
    if (before !== 0) this.#digest.remove(lo, hi, before);
    if (total !== 0) this.#digest.add(lo, hi, total);
  }

  #grow(shard: Shard): void {
    const { words, capacity, count } = shard;
    if (count > this.movedPerStepMax) this.movedPerStepMax = count;
    if (count < capacity * clusteredLoadMax) {
      // A run hangs over the tail though the shard is not full: its low halves are not even. More
      // home slots would not part them; a longer tail takes them.
      this.#adopt(shard, this.#copy(words, { capacity, tail: tailOf(shard) * 2 }, allHighs));
    } else if (capacity < shardCapacityMax || !this.#split(shard)) {
      const first = this.#firstCapacity;
      const above = capacity < first ? first : capacityAbove(capacity, this.#density());
      this.#adopt(shard, this.#copy(words, shapeOf(above), allHighs));
    }
  }

  /** Parts the shard in two by the next bit of place. False if the directory may not double. */
  #split(shard: Shard): boolean {
    if (shard.depth === this.#depth) {
      const doubled = this.#directory.length * 2;
      if (doubled > this.#shardCount * entriesPerShardMax) return false;
      this.#directory = this.#directory.flatMap((entry) => [entry, entry]);
      this.bytes += (doubled / 2) * bytesPerEntry;
      this.#depth++;
    }
    const density = this.#density();
    const depth = shard.depth + 1;
    const prefix = shard.prefix * 2;
    const from = shard.words;
    const middle = firstFingerprintAt((prefix + 1) / 2 ** depth);
    let uppers = 0;
    for (let at = 0; at < from.length; at += wordsPerSlot) {
      if (from[at] !== 0 && (from[at + 1] as number) >= middle) uppers++;
    }
    const lowers = shard.count - uppers;
    const upper = this.#copy(from, shapeOf(capacityForHalf(uppers, density)), {
      from: middle,
      below: allHighs.below,
    });
    const lower = this.#copy(from, shapeOf(capacityForHalf(lowers, density)), {
      from: 0,
      below: middle,
    });
    upper.depth = depth;
    upper.prefix = prefix + 1;
    shard.depth = depth;
    shard.prefix = prefix;
    this.#adopt(shard, lower);
    this.#shardCount++;
    this.bytes += shardOverheadBytes;
    const width = this.#directory.length / 2 ** depth;
    this.#directory.fill(upper, upper.prefix * width, (upper.prefix + 1) * width);
    return true;
  }

  /** A shard of that shape, its tail made longer if need be, with the slots in `range`. */
  #copy(from: Uint32Array, shape: Shape, range: HighRange): Shard {
    for (let tail = shape.tail; ; tail *= 2) {
      const shard = makeShard(this.#take(wordsFor({ ...shape, tail })), shape.capacity);
      if (copySlots(from, shard, range)) return shard;
      this.#release(shard.words);
    }
  }

  /** Puts what `next` holds in the place of what `shard` holds. */
  #adopt(shard: Shard, next: Shard): void {
    this.#release(shard.words);
    shard.words = next.words;
    shard.capacity = next.capacity;
    shard.scale = next.scale;
    shard.count = next.count;
  }

  #take(length: number): Uint32Array {
    const spare = this.#spares.get(length)?.pop();
    if (spare !== undefined) {
      this.#spareBytes -= spare.byteLength;
      return spare.fill(0);
    }
    this.bytes += length * 4;
    return new Uint32Array(length);
  }

  /** Keeps the array for the next shard of its size, or leaves it to the collector. */
  #release(words: Uint32Array): void {
    const bytes = words.byteLength;
    if (this.#spareBytes + bytes > this.bytes * spareShareMax) {
      this.bytes -= bytes;
      return;
    }
    this.#spareBytes += bytes;
    const spares = this.#spares.get(words.length);
    if (spares === undefined) this.#spares.set(words.length, [words]);
    else spares.push(words);
  }
}
