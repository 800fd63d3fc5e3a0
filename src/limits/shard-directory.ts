/**
 * The directory of a counter table's shards (extendible hashing; Fagin, Nievergelt, Pippenger, Strong, 1979): a fingerprint's
 * high half has a place in [0, 1), and the entry at that place is its shard's. A shard at depth d has 2^(depth − d) entries in a row.
 *
 * What a look-up needs of a shard stands in the entry itself, beside the shard: following one object after the other, in a table
 * of hundreds of shards, took as long as reading the counter.
 */

import { placeOf } from "./counter-place.ts";
import { homeOf, type Shard } from "./counter-shard.ts";

/**
 * Entries per shard, at most, on average. Fingerprints of a keyed hash need 2 to 4. Were
 * they all to have the same high half, no split would part them: shards then grow beyond
 * `shardCapacityMax` instead, and the table goes on, slower.
 */
const entriesPerShardMax = 16;

/** A pointer to the shard, one to its array, and its scale. */
const bytesPerEntry = 24;

export class ShardDirectory {
  shardCount: number;
  /** log2 of the number of entries. */
  #depth: number;
  #shards: Shard[];
  #words: Uint32Array[];
  #scales: Float64Array;

  /** 2^depth shards, each of that depth, in order of their prefix. */
  constructor(shards: Shard[], depth: number) {
    this.shardCount = shards.length;
    this.#depth = depth;
    this.#shards = shards;
    this.#words = shards.map(({ words }) => words);
    this.#scales = Float64Array.from(shards, ({ scale }) => scale);
  }

  get bytes(): number {
    return this.#shards.length * bytesPerEntry;
  }

  /** The entry of a fingerprint's high half, a 32-bit integer, signed or not. */
  entryOf(hi: number): number {
    return (placeOf(hi >>> 0) * this.#scales.length) | 0;
  }

  shard(entry: number): Shard {
    return this.#shards[entry] as Shard;
  }

  words(entry: number): Uint32Array {
    return this.#words[entry] as Uint32Array;
  }

  /** Offset of the slot in the entry's shard that a search for that low half begins with. */
  home(entry: number, lo: number): number {
    return homeOf(this.#scales[entry] as number, lo);
  }

  /** The shard that begins at `place`. */
  at(place: number): Shard {
    return this.#shards[place * this.#shards.length] as Shard;
  }

  forEach(visit: (shard: Shard) => void): void {
    for (let place = 0; place < 1; ) {
      const shard = this.at(place);
      visit(shard);
      place = endOf(shard);
    }
  }

  /** Takes up what has changed in a shard. */
  refresh(shard: Shard): void {
    const width = this.#shards.length / 2 ** shard.depth;
    const from = shard.prefix * width;
    this.#shards.fill(shard, from, from + width);
    this.#words.fill(shard.words, from, from + width);
    this.#scales.fill(shard.scale, from, from + width);
  }

  /** Makes sure that the shard has two entries, one for each half. False if the directory would be too large for its shards. */
  makeRoomToSplit(shard: Shard): boolean {
    if (shard.depth < this.#depth) return true;
    const doubled = this.#shards.length * 2;
    if (doubled > this.shardCount * entriesPerShardMax) return false;
    this.#shards = this.#shards.flatMap((entry) => [entry, entry]);
    this.#words = this.#shards.map(({ words }) => words);
    this.#scales = Float64Array.from(this.#shards, ({ scale }) => scale);
    this.#depth++;
    return true;
  }
}

/** The place at which the next shard begins. A split keeps a shard's ends, so one begins there for as long as the table lives. */
export function endOf(shard: Shard): number {
  return (shard.prefix + 1) / 2 ** shard.depth;
}
