/**
 * One shard of the key table: packed records in chunks of bytes, an entry per credential in typed
 * arrays, and an open-addressing index over the hashes.
 *
 * A table has 256 shards, by the first byte of the hash. Growth, rehash and compaction touch one
 * shard at a time, so each step moves a 256th of the keys (at a million keys about half a megabyte,
 * well under a millisecond), and chunks of fixed size mean that no shard ever holds two copies of
 * its records. Entries are never removed: a revoked credential stays as a tombstone.
 */

import { assert } from "../base/assert.ts";
import { keyRecordBytesMax, keyRecordLayout, keyRecordLength } from "./key-record.ts";
import { readU32 } from "./packed.ts";

const L = keyRecordLayout;

/** Half wasted at the end of a chunk costs 256 × 16 KB = 4 MB in all; must hold a record. */
const chunkBytes = 32_768;
const chunkShift = 15;
assert(chunkBytes === 1 << chunkShift && chunkBytes >= keyRecordBytesMax, "a record fits a chunk");

/** Columns of 32-bit words that an entry has besides its record. */
const columns = 6;

/**
 * An index word is entry + 1 in the low bits (0 is empty) and a tag, ten further bits of the hash:
 * nearly every record that a probe passes by is told apart without touching its memory.
 */
const entryBits = 22;
const entryMask = (1 << entryBits) - 1;

/** Index slots are at most 3/4 full: linear probing then looks at about 2.5 for a hit. */
const indexLoadMax = 0.75;

/** Dead bytes that start a compaction: a quarter of the shard's, but not for a few chunks. */
const deadBytesMin = 4 * chunkBytes;

export interface KeyArena {
  readonly count: number;
  /** Bytes of buffers held. */
  readonly bytes: number;
  /** The entry of the credential whose 32-byte hash stands at `offset`, or -1. */
  find(bytes: Uint8Array, offset: number): number;
  /** Takes a checked record that `find` did not find; returns its entry. */
  add(bytes: Uint8Array, offset: number, length: number): number;
  /** Puts another checked record of the same credential in the place of the entry's. */
  replace(entry: number, record: Uint8Array): void;
  /** The buffer that holds the entry's record; valid until the next change of the shard. */
  chunk(entry: number): Uint8Array;
  /** Where in `chunk` the record begins. */
  offset(entry: number): number;
  /** A word that the table keeps with the entry, column 0 to 4. */
  word(entry: number, column: number): number;
  setWord(entry: number, column: number, word: number): void;
}

export function keyArena(): KeyArena {
  let chunks: Uint8Array[] = [];
  /** Bytes used of the last chunk. */
  let used = chunkBytes;
  let liveBytes = 0;
  let deadBytes = 0;
  let count = 0;
  /** `columns` words an entry: the place of the record (chunk and offset), then the table's own. */
  let entries = new Uint32Array(16 * columns);
  let index = new Uint32Array(32);

  const chunkAt = (place: number): Uint8Array => chunks[place >>> chunkShift] as Uint8Array;
  const placeOf = (entry: number): number => entries[entry * columns] as number;

  function store(bytes: Uint8Array, offset: number, length: number): number {
    if (used + length > chunkBytes) {
      if (chunks.length > 0) deadBytes += chunkBytes - used;
      chunks.push(new Uint8Array(chunkBytes));
      used = 0;
    }
    const last = chunks.length - 1;
    const chunk = chunks[last] as Uint8Array;
    const at = used;
    // `set` needs a view of the source, which costs more than these few bytes do.
    for (let i = 0; i < length; i++) chunk[at + i] = bytes[offset + i] as number;
    used += length;
    liveBytes += length;
    return (last << chunkShift) | at;
  }

  function insertIndex(entry: number): void {
    const mask = index.length - 1;
    const place = placeOf(entry);
    const chunk = chunkAt(place);
    const at = (place & (chunkBytes - 1)) + L.hash;
    let slot = readU32(chunk, at + 1) & mask;
    while (index[slot] !== 0) slot = (slot + 1) & mask;
    index[slot] = tagAt(chunk, at) | (entry + 1);
  }

  function grow(): void {
    if ((count + 1) * columns > entries.length) {
      // By half, not double: all shards fill alike and would all be half empty together.
      const wider = new Uint32Array(Math.ceil((count * 5) / 4 + 16) * columns);
      wider.set(entries);
      entries = wider;
    }
    if (count + 1 > index.length * indexLoadMax) {
      index = new Uint32Array(index.length * 2);
      for (let entry = 0; entry < count; entry++) insertIndex(entry);
    }
  }

  function compact(): void {
    const old = chunks;
    chunks = [];
    used = chunkBytes;
    liveBytes = 0;
    deadBytes = 0;
    for (let entry = 0; entry < count; entry++) {
      const place = placeOf(entry);
      const chunk = old[place >>> chunkShift] as Uint8Array;
      const offset = place & (chunkBytes - 1);
      entries[entry * columns] = store(chunk, offset, keyRecordLength(chunk, offset));
    }
  }

  return {
    get count() {
      return count;
    },
    get bytes() {
      return chunks.length * chunkBytes + entries.byteLength + index.byteLength;
    },
    find: (bytes, offset) => {
      const mask = index.length - 1;
      const tag = tagAt(bytes, offset);
      for (let slot = readU32(bytes, offset + 1) & mask; ; slot = (slot + 1) & mask) {
        const word = index[slot] as number;
        if (word === 0) return -1;
        if ((word & ~entryMask) !== tag) continue;
        const entry = (word & entryMask) - 1;
        const place = placeOf(entry);
        if (isSameHash(chunkAt(place), (place & (chunkBytes - 1)) + L.hash, bytes, offset)) {
          return entry;
        }
      }
    },
    add: (bytes, offset, length) => {
      grow();
      const entry = count++;
      assert(entry < entryMask, "a shard of the key table is full");
      entries[entry * columns] = store(bytes, offset, length);
      insertIndex(entry);
      return entry;
    },
    replace: (entry, record) => {
      const place = placeOf(entry);
      const chunk = chunkAt(place);
      const offset = place & (chunkBytes - 1);
      const length = keyRecordLength(chunk, offset);
      liveBytes -= length;
      if (record.length <= length) {
        chunk.set(record, offset);
        liveBytes += record.length;
        deadBytes += length - record.length;
      } else {
        deadBytes += length;
        entries[entry * columns] = store(record, 0, record.length);
      }
      if (deadBytes > deadBytesMin && deadBytes * 4 > liveBytes) compact();
    },
    chunk: (entry) => chunkAt(placeOf(entry)),
    offset: (entry) => placeOf(entry) & (chunkBytes - 1),
    word: (entry, column) => entries[entry * columns + 1 + column] as number,
    setWord: (entry, column, word) => {
      entries[entry * columns + 1 + column] = word;
    },
  };
}

/** The tag in its place in an index word, of the hash at `at`. */
function tagAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at + 5] as number) << 24) | (((bytes[at + 6] as number) & 0xc0) << 16);
}

/** All 32 bytes always: how many agree must not show in the time. */
function isSameHash(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): boolean {
  let difference = 0;
  for (let i = 0; i < 32; i++) difference |= (a[aAt + i] as number) ^ (b[bAt + i] as number);
  return difference === 0;
}

/** Whether `next` takes the place of the record at `offset`: see `KeyTable.apply`. */
export function supersedes(
  next: { readonly isRevoked: boolean; readonly version: number },
  current: { readonly isRevoked: boolean; readonly version: number },
): boolean {
  if (next.isRevoked !== current.isRevoked) return next.isRevoked;
  return next.version > current.version;
}
