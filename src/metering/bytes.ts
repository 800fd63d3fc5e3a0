/**
 * Writing and reading of the binary formats: little endian, LEB128 varints up to 2^53 - 1, UTF-8
 * strings with their length before them. Every stored record ends with a CRC-32 over all before.
 */

import { assert } from "../base/assert.ts";
import { crc32 } from "../base/hash.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** One byte, one character, whatever it is. */
const asciiDecoder = new TextDecoder("latin1");

/** Shorter strings are copied character by character: the encoder costs more than they do. */
const asciiLengthMax = 48;

/** Raised by a reader at malformed input; decoders catch it and return a failure. */
export class MalformedBytes extends Error {
  override readonly name = "MalformedBytes";
}

export class ByteWriter {
  bytes: Uint8Array;
  length = 0;

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
  }

  reset(): void {
    this.length = 0;
  }

  #grow(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }

  u8(value: number): void {
    this.#grow(1);
    this.bytes[this.length++] = value;
  }

  u32(value: number): void {
    this.#grow(4);
    this.bytes[this.length++] = value;
    this.bytes[this.length++] = value >>> 8;
    this.bytes[this.length++] = value >>> 16;
    this.bytes[this.length++] = value >>> 24;
  }

  /** A whole number from 0 to 2^53 - 1. */
  varint(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "varint out of range");
    this.#grow(8);
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[this.length++] = rest;
  }

  string(text: string): void {
    this.#grow(8 + text.length * 3);
    if (text.length < asciiLengthMax && this.#ascii(text)) return;
    // One byte of length serves nearly all strings; the rare longer one is encoded apart.
    const start = this.length + 1;
    const { written } = encoder.encodeInto(text, this.bytes.subarray(start));
    if (written < 0x80) {
      this.bytes[this.length] = written;
      this.length = start + written;
    } else {
      const encoded = encoder.encode(text);
      this.varint(encoded.length);
      this.raw(encoded);
    }
  }

  /** Writes a short string of ASCII; false, and nothing is written, if it is none. */
  #ascii(text: string): boolean {
    const { bytes, length } = this;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) return false;
      bytes[length + 1 + i] = code;
    }
    bytes[length] = text.length;
    this.length = length + 1 + text.length;
    return true;
  }

  raw(bytes: Uint8Array): void {
    this.#grow(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  /** A copy of what was written, with its CRC-32 at the end. */
  takeWithCrc(): Uint8Array {
    this.u32(crc32(this.bytes.subarray(0, this.length)));
    return this.take();
  }
}

/** True if the last four bytes are the CRC-32 of those before. */
export function checkCrc(bytes: Uint8Array): boolean {
  if (bytes.length < 4) return false;
  const end = bytes.length - 4;
  return crc32(bytes.subarray(0, end)) === new ByteReader(bytes, end).u32();
}

export class ByteReader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  #need(count: number): void {
    if (this.at + count > this.end) throw new MalformedBytes("ends too early");
  }

  u8(): number {
    this.#need(1);
    return this.bytes[this.at++] as number;
  }

  u32(): number {
    this.#need(4);
    const b = this.bytes;
    const at = this.at;
    this.at += 4;
    return (
      ((b[at] as number) |
        ((b[at + 1] as number) << 8) |
        ((b[at + 2] as number) << 16) |
        ((b[at + 3] as number) << 24)) >>>
      0
    );
  }

  varint(): number {
    // Most numbers are small, and most of the others are indices of a batch's strings: two bytes.
    const first = this.u8();
    if (first < 0x80) return first;
    const second = this.at < this.end ? (this.bytes[this.at] as number) : 0x80;
    if (second < 0x80) {
      this.at++;
      return (first & 0x7f) | (second << 7);
    }
    let value = first & 0x7f;
    let scale = 0x80;
    for (let i = 1; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 0x80;
    }
    throw new MalformedBytes("number too large");
  }

  /** A varint below `limit`: a count that the rest of the input can hold, or an index. */
  varintBelow(limit: number): number {
    const value = this.varint();
    if (value >= limit) throw new MalformedBytes("number out of range");
    return value;
  }

  /** The number of elements that follow, each at least one byte long. */
  count(): number {
    return this.varintBelow(this.end - this.at + 1);
  }

  string(): string {
    const end = this.skipString();
    return decodeText(this.bytes.subarray(this.skipped, end));
  }

  /** Start of the string that `skipString` passed last, and whether it is ASCII. */
  skipped = 0;
  skippedIsAscii = true;

  /** Passes a string and returns where it ends. What it passed is UTF-8. */
  skipString(): number {
    const length = this.varint();
    this.#need(length);
    const start = this.at;
    this.skipped = start;
    this.at += length;
    let bits = 0;
    for (let i = start; i < this.at; i++) bits |= this.bytes[i] as number;
    this.skippedIsAscii = bits < 0x80;
    if (!this.skippedIsAscii) decodeText(this.bytes.subarray(start, this.at));
    return this.at;
  }
}

/** Bytes as a text of as many characters, of which those of ASCII are right. */
export function decodeAscii(bytes: Uint8Array): string {
  return asciiDecoder.decode(bytes);
}

/** The text of UTF-8 bytes. Throws `MalformedBytes`. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new MalformedBytes("not UTF-8");
  }
}
