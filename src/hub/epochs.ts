/**
 * Epochs of versions. A new one is above every epoch that the hub knows of or was told of, and has a random part, so
 * that two hubs made from the same backup do not take the same.
 */

import type { Version } from "../base/words.ts";
import { compareVersions } from "../base/words.ts";

/** Epochs that share their upper part: the random part has 20 bits. 2^53 / 2^20 leaves 8 billion rises. */
const epochStep = 2 ** 20;

/** `fraction`: random, in [0, 1). */
export function nextEpoch(known: readonly number[], fraction: number): number {
  const highest = Math.max(0, ...known);
  return (Math.floor(highest / epochStep) + 1) * epochStep + Math.floor(fraction * epochStep);
}

/** True if a hub whose newest version is `own` cannot have published `heard`: it is not the hub that did. */
export function isAhead(heard: Version, own: Version): boolean {
  return compareVersions(heard, own) > 0;
}
