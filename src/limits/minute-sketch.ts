/**
 * Who does something too often: counts for any number of subjects in fixed memory, anew each minute.
 *
 * A count-min sketch with conservative update (Cormode and Muthukrishnan, 2005; Estan and Varghese, 2002): four cells a subject,
 * of which those that are lowest are raised; their lowest is the estimate. It is never below the truth, so that no flood of
 * others makes room for an offender. It is above it where all four cells are shared, on average by no more than a row's share
 * of all: a process that answers 20,000 such calls a second for a whole minute adds 18 to a cell of 65,536.
 */

import { assert } from "../base/assert.ts";
import type { EpochMs } from "../base/words.ts";

const rows = 4;
const cellMax = 0xffff;
const minuteMs = 60_000;

export class MinuteSketch {
  readonly #cells: Uint16Array;
  readonly #width: number;
  #minute = 0;

  /** `width`: cells of a row, a power of two. Takes 8 bytes for each. */
  constructor(width: number) {
    assert(width > 0 && (width & (width - 1)) === 0, "a power of two");
    this.#width = width;
    this.#cells = new Uint16Array(width * rows);
  }

  get bytes(): number {
    return this.#cells.byteLength;
  }

  /** How often the subject was added in the minute that holds `nowMs`, at least as often as it was; up to 65,535. */
  count(lo: number, hi: number, nowMs: EpochMs): number {
    this.#roll(nowMs);
    let lowest = cellMax;
    for (let row = 0; row < rows; row++) {
      const cell = this.#cells[this.#at(row, lo, hi)] as number;
      if (cell < lowest) lowest = cell;
    }
    return lowest;
  }

  /** Adds one and returns what `count` tells now. */
  add(lo: number, hi: number, nowMs: EpochMs): number {
    const next = Math.min(cellMax, this.count(lo, hi, nowMs) + 1);
    for (let row = 0; row < rows; row++) {
      const at = this.#at(row, lo, hi);
      if ((this.#cells[at] as number) < next) this.#cells[at] = next;
    }
    return next;
  }

  #at(row: number, lo: number, hi: number): number {
    return row * this.#width + ((lo + Math.imul(row, hi | 1)) & (this.#width - 1));
  }

  #roll(nowMs: EpochMs): void {
    const minute = Math.floor(nowMs / minuteMs);
    if (minute === this.#minute) return;
    this.#minute = minute;
    this.#cells.fill(0);
  }
}

/** Whole seconds until the minute that holds `nowMs` ends, 1 to 60. */
export function secondsToNextMinute(nowMs: EpochMs): number {
  return Math.ceil((minuteMs - (nowMs % minuteMs)) / 1_000);
}
