/** The CRC-32 that every stored row carries over its content: SQLite does not notice a flipped bit. */

import { crc32 as nativeCrc32 } from "node:zlib";
import { crc32 } from "../../base/hash.ts";

/** CRC-32 over a row's parts, in order. Texts and numbers in a row are taken as one text, each part ended by a NUL. */
export function rowCrc(...parts: readonly (string | number | Uint8Array)[]): number {
  let crc = 0;
  let text = "";
  for (const part of parts) {
    if (typeof part === "object") {
      crc = nativeCrc32(part, nativeCrc32(text, crc));
      text = "";
    } else text += `${part}\0`;
  }
  return nativeCrc32(text, crc);
}

const words = new Uint32Array(7);
const bytes = new Uint8Array(words.buffer);
const word = 0x1_0000_0000;

/** A counter as it is stored: row id of its window, fingerprint, and one or two whole numbers from 0 to 2^53. */
export interface StoredCounter {
  window: number;
  lo: number;
  hi: number;
  first: number;
  second: number;
}

/** `rowCrc` for counters, of which there are millions: no text is made. Independent of the machine's byte order. */
export function counterCrc(counter: StoredCounter): number {
  words[0] = counter.window;
  words[1] = counter.lo;
  words[2] = counter.hi;
  words[3] = counter.first % word;
  words[4] = counter.first / word;
  words[5] = counter.second % word;
  words[6] = counter.second / word;
  // 28 bytes: the way into native code costs more than the table lookups.
  return crc32(bytes);
}
