/**
 * The records of the usage stream. First byte: kind; last four: CRC-32.
 *
 *   1  batch    a producer's sealed charges, byte for byte
 *   2  lost     seqs that a producer (or the operator for it) declared lost
 *   3  expire   windows that ended at or before an instant are dropped from the totals
 *
 * All that changes totals is in the stream, so that replaying it gives the same state.
 */

import type { EpochMs, Incarnation, ProducerId, Seq } from "../base/words.ts";
import { type Batch, batchKind, decodeBatch } from "./batch-codec.ts";
import { ByteReader, ByteWriter, checkCrc, MalformedBytes } from "./bytes.ts";

const lostKind = 2;
const expireKind = 3;

export interface LostRange {
  readonly producer: ProducerId;
  readonly incarnation: Incarnation;
  /** Inclusive. */
  readonly from: Seq;
  readonly to: Seq;
}

export type StreamEntry =
  | { readonly kind: "batch"; readonly batch: Batch; readonly bytes: Uint8Array }
  | ({ readonly kind: "lost" } & LostRange)
  | { readonly kind: "expire"; readonly horizonMs: EpochMs }
  | { readonly kind: "malformed"; readonly reason: string };

export function encodeLost(range: LostRange): Uint8Array {
  const out = new ByteWriter(128);
  out.u8(lostKind);
  out.string(range.producer);
  out.string(range.incarnation);
  out.varint(range.from);
  out.varint(range.to);
  return out.takeWithCrc();
}

export function encodeExpire(horizonMs: EpochMs): Uint8Array {
  const out = new ByteWriter(16);
  out.u8(expireKind);
  out.varint(Math.floor(horizonMs));
  return out.takeWithCrc();
}

/** Never throws. */
export function decodeStreamRecord(bytes: Uint8Array): StreamEntry {
  if (bytes[0] === batchKind) {
    const decoded = decodeBatch(bytes);
    if ("malformed" in decoded) return { kind: "malformed", reason: decoded.malformed };
    return { kind: "batch", batch: decoded.batch, bytes };
  }
  if (!checkCrc(bytes)) return { kind: "malformed", reason: "checksum does not match" };
  try {
    return readControl(new ByteReader(bytes, 0, bytes.length - 4));
  } catch (error) {
    if (error instanceof MalformedBytes) return { kind: "malformed", reason: error.message };
    throw error;
  }
}

function readControl(input: ByteReader): StreamEntry {
  const kind = input.u8();
  if (kind === lostKind) {
    const producer = input.string();
    const incarnation = input.string();
    return { kind: "lost", producer, incarnation, from: input.varint(), to: input.varint() };
  }
  if (kind === expireKind) return { kind: "expire", horizonMs: input.varint() };
  throw new MalformedBytes(`unknown kind ${kind}`);
}
