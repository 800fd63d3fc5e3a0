/**
 * Epochs of versions. Each start of a hub takes a new one, above every epoch that it knows of or was told of, and with a random part, so
 * that two hubs which go on from the same data never give one version two meanings.
 */

import type { Position, Version } from "../base/words.ts";
import { compareVersions } from "../base/words.ts";

/** Epochs that share their upper part: the random part has 20 bits. 2^53 / 2^20 leaves 8 billion rises. */
const epochStep = 2 ** 20;

/** Epochs that one start gave and left again, at most that are remembered: it leaves one when it hears of another hub. */
const endedMax = 64;

/** `fraction`: random, in [0, 1). */
export function nextEpoch(known: readonly number[], fraction: number): number {
  const highest = Math.max(0, ...known);
  return (Math.floor(highest / epochStep) + 1) * epochStep + Math.floor(fraction * epochStep);
}

/** What a hub can have published: its own versions, and those of the starts that it goes on from. */
export class Reigns {
  /** Where the start before this one ended; undefined: the data come from a backup, and what came after it is not known. */
  readonly #before: Version | undefined;
  #ended = new Map<number, Position>();

  constructor(before: Version | undefined) {
    this.#before = before;
  }

  /** The epoch of `last` is over. */
  end({ epoch, position }: Version): void {
    this.#ended.set(epoch, position);
    if (this.#ended.size <= endedMax) return;
    for (const [oldest] of [...this.#ended].slice(0, 1)) this.#ended.delete(oldest);
  }

  /**
   * True if `heard` was published by nobody whose data a hub at version `own` goes on from: by another hub, or from records
   * that are not in the stream any more.
   */
  isForeign(heard: Version, own: Version): boolean {
    const { epoch, position } = heard;
    if (epoch >= own.epoch) return compareVersions(heard, own) > 0;
    const ended = this.#ended.get(epoch);
    if (ended !== undefined) return position > ended;
    const before = this.#before;
    if (before === undefined || epoch < before.epoch) return false;
    return epoch > before.epoch || position > before.position;
  }
}
