/** Base62 (`0-9A-Za-z`, most significant first) of fixed width: ids and secrets that survive URLs. */

import { assert } from "../base/assert.ts";

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** The digits that hold every value of `bytes` bytes: 27 for 20, 22 for 16, 6 for 4. */
export function base62Length(bytes: number): number {
  return Math.ceil((bytes * 8) / Math.log2(62));
}

/** The bytes as one big-endian number, always `base62Length(bytes.length)` digits. */
export function base62(bytes: Uint8Array): string {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  let text = "";
  for (let i = base62Length(bytes.length); i > 0; i--) {
    text = digits.charAt(Number(value % 62n)) + text;
    value /= 62n;
  }
  return text;
}

/** A whole number of 0 to 2^32 - 1 as 6 digits. */
export function base62Word(word: number): string {
  assert(word >= 0 && word <= 0xffff_ffff && Number.isInteger(word), "not an unsigned word");
  let text = "";
  for (let rest = word, i = 0; i < 6; i++) {
    text = digits.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

/** Whether the UTF-16 code unit is one of the 62 digits. */
export function isBase62(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a)
  );
}
