/**
 * The records of the usage stream. First byte: kind; last four: CRC-32.
 *
 *   1  batch    a producer's sealed charges, byte for byte
 *   2  lost     seqs that a producer (or the operator for it) declared lost
 *   3  expire   windows that ended at or before an instant are dropped from the totals
 *   4  grant    quota of a counter handed to one start of a producer, to spend alone
 *   5  fence    no grants any more in windows that begin before an instant; 0 takes that back
 *   6  strict   the limits that the configuration has as strict, and since when
 *   7  soft     a counter of which not all use was leased: its limits are enforced by the totals
 *
 * All that changes totals is in the stream, so that replaying it gives the same state.
 */

import type { EpochMs, Incarnation, ProducerId, Seq, WindowId } from "../base/words.ts";
import { type Batch, batchKind, decodeBatch } from "./batch-codec.ts";
import { ByteReader, ByteWriter, checkCrc, MalformedBytes } from "./bytes.ts";

const lostKind = 2;
const expireKind = 3;
const grantKind = 4;
const fenceKind = 5;
const strictKind = 6;
const softKind = 7;

export interface LostRange {
  readonly producer: ProducerId;
  readonly incarnation: Incarnation;
  /** Inclusive. */
  readonly from: Seq;
  readonly to: Seq;
}

/** One counter of one window. */
export interface CounterName {
  readonly window: WindowId;
  readonly lo: number;
  readonly hi: number;
}

export interface Grant extends CounterName {
  readonly producer: ProducerId;
  readonly incarnation: Incarnation;
  /** The producer's number of the request that it answers. */
  readonly request: number;
  readonly units: number;
}

/** A limit, written `plan/limit/per/window`, and the instant from which on it is strict in the windows that begin. */
export type StrictSince = readonly (readonly [limit: string, sinceMs: EpochMs])[];

export type StreamEntry =
  | { readonly kind: "batch"; readonly batch: Batch; readonly bytes: Uint8Array }
  | ({ readonly kind: "lost" } & LostRange)
  | { readonly kind: "expire"; readonly horizonMs: EpochMs }
  | ({ readonly kind: "grant" } & Grant)
  | { readonly kind: "fence"; readonly untilMs: EpochMs }
  | { readonly kind: "strict"; readonly since: StrictSince }
  | ({ readonly kind: "soft" } & CounterName)
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

export function encodeGrant(grant: Grant): Uint8Array {
  const out = new ByteWriter(160);
  out.u8(grantKind);
  out.string(grant.producer);
  out.string(grant.incarnation);
  out.varint(grant.request);
  out.varint(grant.units);
  writeCounter(out, grant);
  return out.takeWithCrc();
}

export function encodeFence(untilMs: EpochMs): Uint8Array {
  const out = new ByteWriter(16);
  out.u8(fenceKind);
  out.varint(Math.floor(untilMs));
  return out.takeWithCrc();
}

export function encodeStrict(since: StrictSince): Uint8Array {
  const out = new ByteWriter(256);
  out.u8(strictKind);
  out.varint(since.length);
  for (const [limit, sinceMs] of since) {
    out.string(limit);
    out.varint(Math.floor(sinceMs));
  }
  return out.takeWithCrc();
}

export function encodeSoft(counter: CounterName): Uint8Array {
  const out = new ByteWriter(64);
  out.u8(softKind);
  writeCounter(out, counter);
  return out.takeWithCrc();
}

function writeCounter(out: ByteWriter, { window, lo, hi }: CounterName): void {
  out.string(window);
  out.u32(lo);
  out.u32(hi);
}

function readCounter(input: ByteReader): CounterName {
  const window = input.string();
  const lo = input.u32();
  return { window, lo, hi: input.u32() };
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
  if (kind === grantKind) {
    const [producer, incarnation] = [input.string(), input.string()];
    const [request, units] = [input.varint(), input.varint()];
    return { kind: "grant", producer, incarnation, request, units, ...readCounter(input) };
  }
  if (kind === fenceKind) return { kind: "fence", untilMs: input.varint() };
  if (kind === strictKind) {
    const since: [string, EpochMs][] = [];
    for (let left = input.count(); left > 0; left--) since.push([input.string(), input.varint()]);
    return { kind: "strict", since };
  }
  if (kind === softKind) return { kind: "soft", ...readCounter(input) };
  throw new MalformedBytes(`unknown kind ${kind}`);
}
