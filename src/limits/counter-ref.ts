/** Where a look-up is in a counter table. */

import type { Shard } from "./counter-shard.ts";

/** The second result of a look-up, for a change without another search. Made once, used again. */
export interface CounterRef {
  lo: number;
  hi: number;
  shard: Shard | undefined;
  /** Counters of the table at the look-up: with as many, nothing has moved. */
  count: number;
  /** Offset of the slot; after `usedAt` ~offset of where it would be, if there is none. */
  at: number;
  /** Means nothing: what `locate` read ahead, kept so that the compiler does not leave the reading out. */
  ahead: number;
}

export function emptyCounterRef(): CounterRef {
  return { lo: 0, hi: 0, shard: undefined, count: 0, at: -1, ahead: 0 };
}
