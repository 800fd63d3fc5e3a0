/**
 * One message as bytes: `[u32 length of the header][u32 CRC-32 of header and payload][header, JSON][payload]`, numbers little
 * endian. The CRC is for what TCP's checksum lets pass, one flipped bit in 65,536 damaged segments: a digit of a time, a
 * watermark or a range that is declared lost must not become another.
 */

import { assert } from "../../base/assert.ts";
import { crc32 } from "../../base/hash.ts";
import { linkHeaderMaxBytes, linkMessageMaxBytes } from "../../ports/link.ts";

const crcAt = 4;
/** Before the header. */
const prefixBytes = 8;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The payload is copied. A message larger than `linkMessageMaxBytes` is a bug of the sender. */
export function encodeFrame(header: object, payload?: Uint8Array): Buffer {
  const text = JSON.stringify(header);
  const headerBytes = Buffer.byteLength(text);
  const frameBytes = prefixBytes + headerBytes + (payload?.length ?? 0);
  assert(headerBytes <= linkHeaderMaxBytes, `header of ${headerBytes} bytes`);
  assert(frameBytes <= linkMessageMaxBytes, `message of ${frameBytes} bytes`);
  const frame = Buffer.allocUnsafe(frameBytes);
  frame.writeUInt32LE(headerBytes, 0);
  frame.write(text, prefixBytes, "utf8");
  if (payload !== undefined) frame.set(payload, prefixBytes + headerBytes);
  frame.writeUInt32LE(crc32(frame.subarray(prefixBytes)), crcAt);
  return frame;
}

export interface Frame {
  readonly header: unknown;
  /** A copy with a buffer of its own, so that its owner may keep it or transfer it to a thread. */
  readonly payload: Uint8Array;
}

/** Undefined: malformed or damaged. */
export function decodeFrame(frame: Buffer): Frame | undefined {
  if (frame.length < prefixBytes) return undefined;
  const headerBytes = frame.readUInt32LE(0);
  const payloadAt = prefixBytes + headerBytes;
  if (headerBytes > linkHeaderMaxBytes || payloadAt > frame.length) return undefined;
  if (frame.readUInt32LE(crcAt) !== crc32(frame.subarray(prefixBytes))) return undefined;
  try {
    const header: unknown = JSON.parse(decoder.decode(frame.subarray(prefixBytes, payloadAt)));
    return { header, payload: new Uint8Array(frame.subarray(payloadAt)) };
  } catch {
    return undefined;
  }
}
