/**
 * Epochs of versions. Each start of a hub takes a new one, above every epoch that it knows of or was told of, and with a random part, so
 * that two hubs which go on from the same data never give one version two meanings.
 */

import type { Position, Version } from "../base/words.ts";
import { compareVersions } from "../base/words.ts";

/** Epochs that share their upper part: the random part has 20 bits. 2^53 / 2^20 leaves 8 billion rises. */
const epochStep = 2 ** 20;

/** Epochs of earlier starts that are remembered, and of other hubs, at most. */
export const epochsMax = 64;

/** `fraction`: random, in [0, 1). */
export function nextEpoch(known: readonly number[], fraction: number): number {
  const highest = Math.max(0, ...known);
  return (Math.floor(highest / epochStep) + 1) * epochStep + Math.floor(fraction * epochStep);
}

/** A start of the hub on these data: the last position that it can have published. */
export interface Reign {
  readonly epoch: number;
  readonly end: Position;
}

/** What a hub can have published: its own versions, and those of the starts that it goes on from. */
export class Reigns {
  /** Oldest first. */
  readonly #ended = new Map<number, Position>();
  /** What was heard of epochs that are none of these. */
  readonly #foreign = new Map<number, Position>();
  readonly #isRestored: boolean;

  /**
   * `before`: earlier starts, oldest first. `isRestored`: the data come from a backup, and what the hub said that it was made of
   * after that is not known.
   */
  constructor({ before, isRestored }: { before: readonly Reign[]; isRestored: boolean }) {
    this.#isRestored = isRestored;
    for (const { epoch, end } of before) keep(this.#ended, epoch, end);
  }

  /** This start leaves an epoch, which nobody else can have. */
  left(epoch: number): void {
    keep(this.#ended, epoch, Number.MAX_SAFE_INTEGER);
  }

  /**
   * True if `heard` was published by nobody whose data a hub at version `own` goes on from, and is news: by another hub, or from
   * records that are not in the stream any more.
   */
  isForeign(heard: Version, own: Version): boolean {
    const { epoch, position } = heard;
    if (epoch >= own.epoch) return compareVersions(heard, own) > 0;
    const end = this.#ended.get(epoch) ?? this.#foreign.get(epoch);
    if (end !== undefined) return position > end;
    const [oldest] = this.#ended.keys();
    return !this.#isRestored && oldest !== undefined && epoch > oldest;
  }

  /** It was said, and is no news any more. */
  noted({ epoch, position }: Version): void {
    // What an earlier start said and the stream has lost is finite, and known now.
    if (this.#ended.has(epoch)) this.#ended.set(epoch, Number.MAX_SAFE_INTEGER);
    else keep(this.#foreign, epoch, position);
  }

  /** For the next start, which ends the present epoch where it finds the stream's end. */
  get earlier(): readonly Reign[] {
    if (this.#isRestored) return [];
    return [...this.#ended].map(([epoch, end]) => ({ epoch, end }));
  }
}

function keep(positions: Map<number, Position>, epoch: number, position: Position): void {
  positions.set(epoch, position);
  const [oldest] = positions.keys();
  if (positions.size > epochsMax && oldest !== undefined) positions.delete(oldest);
}
