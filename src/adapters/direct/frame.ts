/** One message as bytes: `[u32 length of the header, little endian][header, JSON][payload]`. */

import { assert } from "../../base/assert.ts";
import { linkHeaderMaxBytes, linkMessageMaxBytes } from "../../ports/link.ts";

const lengthBytes = 4;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The payload is copied. A message larger than `linkMessageMaxBytes` is a bug of the sender. */
export function encodeFrame(header: object, payload?: Uint8Array): Buffer {
  const text = JSON.stringify(header);
  const headerBytes = Buffer.byteLength(text);
  const frameBytes = lengthBytes + headerBytes + (payload?.length ?? 0);
  assert(headerBytes <= linkHeaderMaxBytes, `header of ${headerBytes} bytes`);
  assert(frameBytes <= linkMessageMaxBytes, `message of ${frameBytes} bytes`);
  const frame = Buffer.allocUnsafe(frameBytes);
  frame.writeUInt32LE(headerBytes, 0);
  frame.write(text, lengthBytes, "utf8");
  if (payload !== undefined) frame.set(payload, lengthBytes + headerBytes);
  return frame;
}

export interface Frame {
  readonly header: unknown;
  /** A copy with a buffer of its own, so that its owner may keep it or transfer it to a thread. */
  readonly payload: Uint8Array;
}

/** Undefined: malformed. */
export function decodeFrame(frame: Buffer): Frame | undefined {
  if (frame.length < lengthBytes) return undefined;
  const headerBytes = frame.readUInt32LE(0);
  const payloadAt = lengthBytes + headerBytes;
  if (headerBytes > linkHeaderMaxBytes || payloadAt > frame.length) return undefined;
  try {
    const header: unknown = JSON.parse(decoder.decode(frame.subarray(lengthBytes, payloadAt)));
    return { header, payload: new Uint8Array(frame.subarray(payloadAt)) };
  } catch {
    return undefined;
  }
}
