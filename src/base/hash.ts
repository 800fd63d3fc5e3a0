/**
 * Hashing: the keyed fingerprint of subjects, CRC-32 for stored records, SHA-256 for secrets.
 *
 * The fingerprint is HalfSipHash-1-3 with a 64-bit result (Aumasson and Bernstein; the variant
 * that Linux uses for its hash tables): 32-bit words suit JavaScript, and without the key nobody
 * can choose subjects that collide. It reads UTF-16 code units, two to a word.
 */

import { createHash, timingSafeEqual as equalBuffers, hash } from "node:crypto";
import { crc32 as zlibCrc32 } from "node:zlib";
import { assert } from "./assert.ts";
import type { Fingerprint } from "./words.ts";

/** 128 random bits as four words; HalfSipHash uses the first two, the others derive tables. */
export type HashKey = readonly [number, number, number, number];

export function hashKeyFromHex(hex: string): HashKey {
  const word = (i: number): number => Number.parseInt(hex.slice(i * 8, i * 8 + 8), 16) | 0;
  return [word(0), word(1), word(2), word(3)];
}

/** UTF-16 code units of a text to hash, at most. Longer than any header field that is taken. */
export const hashedTextMax = 65_536;

/** What is hashed, as words: tag first. */
const message = new Int32Array(hashedTextMax / 2 + 2);

/** Writes the fingerprint of `text` to `out`. `tag` keeps the kinds of subject apart. */
export function fingerprintText(key: HashKey, tag: number, text: string, out: Fingerprint): void {
  const { length } = text;
  assert(length <= hashedTextMax, "a text to hash is too long");
  message[0] = tag;
  const even = length & ~1;
  let count = 1;
  for (let i = 0; i < even; i += 2) {
    message[count++] = text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16);
  }
  message[count++] = (even < length ? text.charCodeAt(even) : 0) | (length << 16);
  fingerprintMessage(key, count, out);
}

/** ASCII text in bytes [from, to). */
export interface AsciiSpan {
  bytes: Uint8Array;
  from: number;
  to: number;
}

/** `fingerprintText` of an ASCII text, without making it a string. */
export function fingerprintAscii(
  key: HashKey,
  tag: number,
  ascii: AsciiSpan,
  out: Fingerprint,
): void {
  const { bytes, from, to } = ascii;
  const length = to - from;
  assert(length <= hashedTextMax, "a text to hash is too long");
  message[0] = tag;
  const even = from + (length & ~1);
  let count = 1;
  for (let i = from; i < even; i += 2) {
    message[count++] = (bytes[i] as number) | ((bytes[i + 1] as number) << 16);
  }
  message[count++] = (even < to ? (bytes[even] as number) : 0) | (length << 16);
  fingerprintMessage(key, count, out);
}

/** Writes the fingerprint of four words (an address) to `out`. */
export function fingerprintWords(
  key: HashKey,
  tag: number,
  words: ArrayLike<number>,
  out: Fingerprint,
): void {
  message[0] = tag;
  message[1] = words[0] as number;
  message[2] = words[1] as number;
  message[3] = words[2] as number;
  message[4] = words[3] as number;
  fingerprintMessage(key, 5, out);
}

/**
 * HalfSipHash-1-3 of the first `count` words of `message`. One loop for the words and the six rounds
 * at the end, so that the state stays in local variables: in variables of the module, with a
 * function for the round, a hash took three times as long.
 */
function fingerprintMessage(key: HashKey, count: number, out: Fingerprint): void {
  let v0 = key[0];
  let v1 = key[1] ^ 0xee;
  let v2 = 0x6c796765 ^ key[0];
  let v3 = 0x74656462 ^ key[1];
  for (let i = 0; ; i++) {
    let word = 0;
    if (i < count) {
      word = message[i] as number;
    } else if (i === count) {
      v2 ^= 0xee;
    } else if (i === count + 3) {
      // 0 marks an empty slot in the counter table.
      out.lo = (v1 ^ v3) >>> 0 || 1;
      v1 ^= 0xdd;
    } else if (i === count + 6) {
      out.hi = (v1 ^ v3) >>> 0;
      return;
    }
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
}

/** Four tables of 256, for four bytes at a time ("slicing", Kounavis and Berry, 2005): 2.5 times as fast as one. */
const crcTable = new Int32Array(1_024);
for (let n = 0; n < 256; n++) {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  crcTable[n] = c;
}
for (let n = 256; n < 1_024; n++) {
  const before = crcTable[n - 256] as number;
  crcTable[n] = (crcTable[before & 0xff] as number) ^ (before >>> 8);
}

/** Bytes from which on zlib's is faster, call and all: half at 1 KB, a fifth of the time at 40 KB. */
const zlibCrcMin = 192;

/** CRC-32 (IEEE 802.3) of bytes, optionally going on from an earlier result. Unsigned. */
export function crc32(bytes: Uint8Array, from = 0): number {
  const { length } = bytes;
  if (length >= zlibCrcMin) return zlibCrc32(bytes, from);
  let c = ~from;
  let i = 0;
  for (const end = length - 3; i < end; i += 4) {
    c ^=
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    c =
      (crcTable[768 + (c & 0xff)] as number) ^
      (crcTable[512 + ((c >>> 8) & 0xff)] as number) ^
      (crcTable[256 + ((c >>> 16) & 0xff)] as number) ^
      (crcTable[c >>> 24] as number);
  }
  for (; i < length; i++) {
    c = (crcTable[(c ^ (bytes[i] as number)) & 0xff] as number) ^ (c >>> 8);
  }
  return ~c >>> 0;
}

/** CRC-32 of a text's UTF-8 bytes. */
export function crc32Text(text: string): number {
  return crc32(encoder.encode(text));
}

const encoder = new TextEncoder();

/** SHA-256 as 32 bytes. */
export function sha256(text: string): Uint8Array {
  return hash("sha256", text, "buffer");
}

export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Compares secrets of equal length in constant time; false at once if the lengths differ. */
export function equalSecrets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && equalBuffers(a, b);
}
