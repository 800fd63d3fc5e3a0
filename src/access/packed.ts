/** Reading and writing the numbers and texts of packed records, little-endian, without views. */

import { assert } from "../base/assert.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A whole number of 0 to 2^48 - 1: milliseconds since 1970 until the year 10889. */
export function readU48(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at) + readU16(bytes, at + 4) * 0x1_0000_0000;
}

export function writeU48(bytes: Uint8Array, at: number, value: number): void {
  assert(Number.isInteger(value) && value >= 0 && value < 2 ** 48, "not a 48-bit number");
  writeU32(bytes, at, value);
  const high = Math.floor(value / 0x1_0000_0000);
  bytes[at + 4] = high & 0xff;
  bytes[at + 5] = high >>> 8;
}

/** Eight bytes as a double: above 2^53 it is not exact, which the caller must refuse. */
export function readU64(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at) + readU32(bytes, at + 4) * 0x1_0000_0000;
}

export function writeU64(bytes: Uint8Array, at: number, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, "not a safe whole number");
  writeU32(bytes, at, value);
  writeU32(bytes, at + 4, Math.floor(value / 0x1_0000_0000));
}

/** The text of bytes that are valid UTF-8. */
export function readText(bytes: Uint8Array, from: number, to: number): string {
  if (!isAscii(bytes, from, to)) return strict.decode(bytes.subarray(from, to));
  let text = "";
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i] as number);
  return text;
}

/** Whether the bytes are well-formed UTF-8 (no surrogates, no overlong forms). */
export function isUtf8(bytes: Uint8Array, from: number, to: number): boolean {
  if (isAscii(bytes, from, to)) return true;
  try {
    strict.decode(bytes.subarray(from, to));
    return true;
  } catch {
    return false;
  }
}

export function isAscii(bytes: Uint8Array, from: number, to: number): boolean {
  let any = 0;
  for (let i = from; i < to; i++) any |= bytes[i] as number;
  return any < 0x80;
}

function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  const word = value % 0x1_0000_0000;
  bytes[at] = word;
  bytes[at + 1] = word / 0x100;
  bytes[at + 2] = word / 0x1_0000;
  bytes[at + 3] = word / 0x100_0000;
}
