/**
 * The counters of one window instance: fingerprint → (total, own), exact, in 20-byte slots.
 *
 * The table is a directory of shards (`shard-directory.ts`). A *place* in [0, 1) made of the fingerprint's high half chooses the shard, the low half
 * the slot in it. A full shard is copied into one that is larger by a small step, or split in two;
 * either moves at most `shardCapacityMax` counters, whatever the size of the table.
 *
 * Places are dense at one end (as in spiral storage; Martin, 1979): a shard at place 1 receives
 * twice what one at place 0 does. With even places all shards would grow and split at the same
 * time; so they do it in turn, and at every size of the table a like share of them is newly grown,
 * half full and about to grow. That keeps bytes per counter flat, and lets one shard's old array be
 * the next one's new array.
 */

import { assert } from "../base/assert.ts";
import { firstFingerprintAt } from "./counter-place.ts";
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
  findSlot,
  type HighRange,
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
import { endOf, ShardDirectory } from "./shard-directory.ts";
import { TotalsDigest } from "./totals-digest.ts";

/** Bytes that a shard costs beside its slots. For `bytes`. */
const shardOverheadBytes = 320;

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
  /** Counters moved by one growth step so far, at most. */
  movedPerStepMax = 0;
  readonly #directory: ShardDirectory;
  /** Of arrays, spare ones included. */
  #arrayBytes = 0;
  /** Array of the slot that `#findOrInsert` found: its second result, without an object. */
  #found: Uint32Array;
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
    const depth = Math.max(0, Math.ceil(Math.log2(wanted / shardCapacityMax)));
    this.#firstCapacity = capacityFor(wanted / 2 ** depth);
    const shards = Array.from({ length: 2 ** depth }, (_, prefix) => emptyShard(depth, prefix));
    this.#directory = new ShardDirectory(shards, depth);
    this.#found = this.#directory.words(0);
    this.#arrayBytes = shards.length * this.#found.byteLength;
  }

  /** Bytes of memory that the table holds, spare arrays included. */
  get bytes(): number {
    const { bytes, shardCount } = this.#directory;
    return this.#arrayBytes + bytes + shardCount * shardOverheadBytes;
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
    const at = this.#find(lo >>> 0, hi);
    return at < 0 ? 0 : slotTotal(this.#found, at);
  }

  /** Own units of a counter; 0 if there is none. */
  own(lo: number, hi: number): number {
    const at = this.#find(lo >>> 0, hi);
    return at < 0 ? 0 : slotOwn(this.#found, at);
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
    const entry = this.#directory.entryOf(hi);
    const words = this.#directory.words(entry);
    const home = this.#directory.home(entry, lo >>> 0);
    // Signed, since V8 keeps those 32 bits in the field itself.
    ref.lo = lo | 0;
    ref.hi = hi | 0;
    ref.words = words;
    ref.count = this.count;
    ref.at = home;
    ref.ahead = readAhead(words, home);
  }

  /** The second half of `used`, once; nothing may be inserted in between. */
  usedAt(ref: CounterRef): number {
    const { words } = ref;
    const at = findSlot(words, ref.at, ref.lo >>> 0, ref.hi >>> 0);
    ref.at = at;
    return at < 0 ? 0 : slotUsed(words, at);
  }

  /** `addOwn` for the counter that `used` set `ref` to, whatever changed in the table since. */
  addOwnAt(ref: CounterRef, delta: number): void {
    // With as many counters nothing has moved.
    if (ref.count !== this.count) this.addOwn(ref.lo, ref.hi, delta);
    else if (ref.at >= 0) addSlotOwn(ref.words, ref.at, delta);
    else if (this.#insert(ref, ~ref.at)) addSlotOwn(ref.words, ~ref.at, delta);
    else this.addOwn(ref.lo, ref.hi, delta);
  }

  addOwn(lo: number, hi: number, delta: number): void {
    const at = this.#findOrInsert(lo >>> 0, hi >>> 0);
    addSlotOwn(this.#found, at, delta);
  }

  setOwn(lo: number, hi: number, own: number): void {
    const at = this.#findOrInsert(lo >>> 0, hi >>> 0);
    setSlotOwn(this.#found, at, own);
  }

  /** Returns the new total, which stops at 2^53 - 1. */
  addTotal(lo: number, hi: number, delta: number): number {
    const at = this.#findOrInsert(lo >>> 0, hi >>> 0);
    const sum = slotTotal(this.#found, at) + delta;
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
    this.#directory.forEach(({ words }) => {
      for (let at = 0; at < words.length; at += wordsPerSlot) {
        if (words[at] !== 0) setSlotTotal(words, at, 0);
      }
    });
    this.#digest.lo = 0;
    this.#digest.hi = 0;
  }

  /** Sets the own units of every counter to 0. */
  clearOwn(): void {
    this.#directory.forEach(({ words }) => {
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
    const shard = this.#directory.at(place);
    const words = shard.words;
    for (let at = 0; at < words.length; at += wordsPerSlot) {
      const lo = words[at] as number;
      if (lo === 0) continue;
      visit(lo, words[at + 1] as number, slotTotal(words, at), slotOwn(words, at));
    }
    return endOf(shard);
  }

  /** As `findSlot`, in `#found`. */
  #find(lo: number, hi: number): number {
    const entry = this.#directory.entryOf(hi);
    this.#found = this.#directory.words(entry);
    return findSlot(this.#found, this.#directory.home(entry, lo), lo, hi >>> 0);
  }

  #findOrInsert(lo: number, hi: number): number {
    for (;;) {
      const at = this.#find(lo, hi);
      if (at >= 0) return at;
      assert(lo !== 0, "a fingerprint's low half is not 0");
      if (this.#insert({ lo, hi }, ~at)) return ~at;
      this.#grow(this.#directory.shard(this.#directory.entryOf(hi)));
    }
  }

  /** Makes the counter's slot where a search for it ended; false if there is no room. */
  #insert({ lo, hi }: { lo: number; hi: number }, at: number): boolean {
    const shard = this.#directory.shard(this.#directory.entryOf(hi));
    if (isFull(shard, this.#density()) || !insertSlot(shard, at, lo, hi)) return false;
    this.count++;
    return true;
  }

  #density(): Density {
    return this.count < this.#sparseCountMax ? sparse : dense;
  }

  #writeTotal(at: number, total: number): void {
    const words = this.#found;
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
    if (!this.#directory.makeRoomToSplit(shard)) return false;
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
    this.#directory.refresh(upper);
    this.#directory.shardCount++;
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
    this.#directory.refresh(shard);
  }

  #take(length: number): Uint32Array {
    const spare = this.#spares.get(length)?.pop();
    if (spare !== undefined) {
      this.#spareBytes -= spare.byteLength;
      return spare.fill(0);
    }
    this.#arrayBytes += length * 4;
    return new Uint32Array(length);
  }

  /** Keeps the array for the next shard of its size, or leaves it to the collector. */
  #release(words: Uint32Array): void {
    const bytes = words.byteLength;
    if (this.#spareBytes + bytes > this.bytes * spareShareMax) {
      this.#arrayBytes -= bytes;
      return;
    }
    this.#spareBytes += bytes;
    const spares = this.#spares.get(words.length);
    if (spares === undefined) this.#spares.set(words.length, [words]);
    else spares.push(words);
  }
}
