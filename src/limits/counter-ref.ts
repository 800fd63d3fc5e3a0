/** Where a look-up is in a counter table. */

/** The second result of a look-up, for a change without another search. Made once, used again. */
export interface CounterRef {
  lo: number;
  hi: number;
  /** The shard's array. */
  words: Uint32Array;
  /** Counters of the table at the look-up: with as many, nothing has moved. */
  count: number;
  /** Offset of the slot; after `usedAt` ~offset of where it would be, if there is none. */
  at: number;
  /** Means nothing: what `locate` read ahead, kept so that the compiler does not leave the reading out. */
  ahead: number;
}

const noWords = new Uint32Array(0);

export function emptyCounterRef(): CounterRef {
  return { lo: 0, hi: 0, words: noWords, count: 0, at: -1, ahead: 0 };
}
