/**
 * Calls that were refused though their key is known, by key, route and reason, summed until the next heartbeat tells the hub: for
 * the people whose keys they are. Not exact: what is beyond the bound, and what a crash takes, is not told. A call that is
 * refused again for the same reason allocates nothing.
 */

import type { EpochMs } from "../base/words.ts";
import { type RefusalCount, refusalsToldMax } from "../ports/link.ts";

/** Characters of a route that are told, at most. */
const routeLengthMax = 256;

interface Cell {
  readonly key: string;
  readonly route: string;
  readonly reason: string;
  count: number;
  lastMs: EpochMs;
}

/** Whose call it is. */
export interface RefusedCaller {
  readonly keySlot: number;
  keyId(): string;
}

export class RefusalTally {
  readonly #bySlot = new Map<number, Cell[]>();
  #cells = 0;

  /** Nothing for callers without a key. */
  note(
    caller: RefusedCaller,
    { route, reason, nowMs }: { route: string; reason: string; nowMs: EpochMs },
  ): void {
    const slot = caller.keySlot;
    if (slot < 0) return;
    const cells = this.#bySlot.get(slot);
    const known = cells?.find((cell) => cell.reason === reason && cell.route === route);
    if (known !== undefined) {
      known.count++;
      known.lastMs = nowMs;
      return;
    }
    if (this.#cells >= refusalsToldMax) return;
    this.#cells++;
    const cell = { key: caller.keyId(), route, reason, count: 1, lastMs: nowMs };
    if (cells === undefined) this.#bySlot.set(slot, [cell]);
    else cells.push(cell);
  }

  /** What was noted since the last time; undefined: nothing. */
  take(): readonly RefusalCount[] | undefined {
    if (this.#cells === 0) return undefined;
    const told = [...this.#bySlot.values()].flat().map(({ route, lastMs, ...cell }) => {
      return { ...cell, route: route.slice(0, routeLengthMax), lastMs: Math.floor(lastMs) };
    });
    this.#bySlot.clear();
    this.#cells = 0;
    return told;
  }
}
