/**
 * Lists of addresses that may call and that may not. The longest block that holds an address decides, of equal ones that
 * of `deny`; an address in no block may call unless there is a list of those that may.
 *
 * Blocks are either inside each other or apart, so they cut the addresses into ranges in a row; a look-up is a binary search for the
 * range: 17 steps for a hundred thousand blocks.
 */

import type { Cidr } from "./compiled-config.ts";

/** Blocks of one list, at most. */
export const listedBlocksMax = 100_000;

const wordsPerRange = 4;

export class AddressLists {
  /** First addresses of the ranges, in order, four words each; the first is 0. */
  readonly #starts: Uint32Array;
  /** 1: may not call. */
  readonly #denied: Uint8Array;

  constructor(allow: readonly Cidr[], deny: readonly Cidr[]) {
    const ranges = cut(allow, deny);
    this.#starts = new Uint32Array(ranges.length * wordsPerRange);
    this.#denied = new Uint8Array(ranges.length);
    for (const [i, { start, isDenied }] of ranges.entries()) {
      for (let word = 0; word < wordsPerRange; word++) {
        const shift = BigInt(96 - word * 32);
        this.#starts[i * wordsPerRange + word] = Number((start >> shift) & 0xffff_ffffn);
      }
      this.#denied[i] = isDenied ? 1 : 0;
    }
  }

  /** `words`: an address as `ip-address.ts` has it. */
  isDenied(words: ArrayLike<number>): boolean {
    let low = 0;
    let high = this.#denied.length;
    // The range begins at `low` or after it, and before `high`.
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#startsAfter(middle, words)) high = middle;
      else low = middle;
    }
    return this.#denied[low] === 1;
  }

  #startsAfter(range: number, words: ArrayLike<number>): boolean {
    const at = range * wordsPerRange;
    for (let i = 0; i < wordsPerRange; i++) {
      const start = this.#starts[at + i] as number;
      const word = (words[i] as number) >>> 0;
      if (start !== word) return start > word;
    }
    return false;
  }
}

interface Range {
  readonly start: bigint;
  readonly isDenied: boolean;
}

interface Block extends Range {
  readonly end: bigint;
  readonly bits: number;
}

const lastAddress = (1n << 128n) - 1n;

function cut(allow: readonly Cidr[], deny: readonly Cidr[]): readonly Range[] {
  // Of equal blocks the last one decides, see `add`.
  const blocks = [...allow.map((of) => blockOf(of, false)), ...deny.map((of) => blockOf(of, true))];
  blocks.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : a.bits - b.bits));
  const ranges: Range[] = [{ start: 0n, isDenied: allow.length > 0 }];
  const around: Block[] = [];
  const add = (start: bigint, isDenied: boolean): void => {
    if (ranges.at(-1)?.start === start) ranges.pop();
    if (ranges.at(-1)?.isDenied !== isDenied) ranges.push({ start, isDenied });
  };
  const leave = (before: bigint): void => {
    for (
      let inner = around.at(-1);
      inner !== undefined && inner.end < before;
      inner = around.at(-1)
    ) {
      around.pop();
      if (inner.end < lastAddress) add(inner.end + 1n, around.at(-1)?.isDenied ?? allow.length > 0);
    }
  };
  for (const block of blocks) {
    leave(block.start);
    add(block.start, block.isDenied);
    around.push(block);
  }
  leave(lastAddress + 1n);
  return ranges;
}

function blockOf({ words, bits }: Cidr, isDenied: boolean): Block {
  let start = 0n;
  for (const word of words) start = (start << 32n) | BigInt(word >>> 0);
  return { start, end: start + (1n << BigInt(128 - bits)) - 1n, bits, isDenied };
}
