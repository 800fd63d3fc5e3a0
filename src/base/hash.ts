/**
 * Hashing: the keyed fingerprint of subjects, CRC-32 for stored records, SHA-256 for secrets.
 *
 * The fingerprint is HalfSipHash-1-3 with a 64-bit result (Aumasson and Bernstein; the variant
 * that Linux uses for its hash tables): 32-bit words suit JavaScript, and without the key nobody
 * can choose subjects that collide. It reads UTF-16 code units, two to a word.
 */

import { createHash, timingSafeEqual as equalBuffers, hash } from "node:crypto";
import type { Fingerprint } from "./words.ts";

/** 128 random bits as four words; HalfSipHash uses the first two, the others derive tables. */
export type HashKey = readonly [number, number, number, number];

export function hashKeyFromHex(hex: string): HashKey {
  const word = (i: number): number => Number.parseInt(hex.slice(i * 8, i * 8 + 8), 16) | 0;
  return [word(0), word(1), word(2), word(3)];
}

let v0 = 0;
let v1 = 0;
let v2 = 0;
let v3 = 0;

function round(): void {
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
}

function begin(key: HashKey): void {
  v0 = key[0];
  v1 = key[1] ^ 0xee;
  v2 = 0x6c796765 ^ key[0];
  v3 = 0x74656462 ^ key[1];
}

function absorb(word: number): void {
  v3 ^= word;
  round();
  v0 ^= word;
}

function finish(out: Fingerprint): void {
  v2 ^= 0xee;
  round();
  round();
  round();
  const lo = (v1 ^ v3) >>> 0;
  v1 ^= 0xdd;
  round();
  round();
  round();
  out.hi = (v1 ^ v3) >>> 0;
  // 0 marks an empty slot in the counter table.
  out.lo = lo === 0 ? 1 : lo;
}

/** Writes the fingerprint of `text` to `out`. `tag` keeps the kinds of subject apart. */
export function fingerprintText(key: HashKey, tag: number, text: string, out: Fingerprint): void {
  begin(key);
  absorb(tag);
  const length = text.length;
  const even = length & ~1;
  for (let i = 0; i < even; i += 2) {
    absorb(text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16));
  }
  absorb((even < length ? text.charCodeAt(even) : 0) | (length << 16));
  finish(out);
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
  begin(key);
  absorb(tag);
  const length = to - from;
  const even = from + (length & ~1);
  for (let i = from; i < even; i += 2) {
    absorb((bytes[i] as number) | ((bytes[i + 1] as number) << 16));
  }
  absorb((even < to ? (bytes[even] as number) : 0) | (length << 16));
  finish(out);
}

/** Writes the fingerprint of four words (an address) to `out`. */
export function fingerprintWords(
  key: HashKey,
  tag: number,
  words: ArrayLike<number>,
  out: Fingerprint,
): void {
  begin(key);
  absorb(tag);
  absorb((words[0] as number) | 0);
  absorb((words[1] as number) | 0);
  absorb((words[2] as number) | 0);
  absorb((words[3] as number) | 0);
  finish(out);
}

const crcTable = new Int32Array(256);
for (let n = 0; n < 256; n++) {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  crcTable[n] = c;
}

/** CRC-32 (IEEE 802.3) of bytes, optionally going on from an earlier result. Unsigned. */
export function crc32(bytes: Uint8Array, from = 0): number {
  let c = ~from;
  for (let i = 0; i < bytes.length; i++) {
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
