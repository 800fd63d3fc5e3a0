/**
 * The bytes of an update and of a part of a snapshot: totals that changed, by window, and watermarks. Encoded once by
 * the hub and sent to every gateway.
 */

import type { EpochMs, Position, ProducerId, ProducerKey, Seq, WindowId } from "../base/words.ts";
import { ByteReader, ByteWriter, checkCrc, MalformedBytes } from "./bytes.ts";

const updateKind = 17;
const partKind = 18;

/** Net totals (charged − refunded) of one window, as columns of equal length. */
export interface FeedWindow {
  readonly id: WindowId;
  readonly lo: Uint32Array;
  readonly hi: Uint32Array;
  readonly net: Float64Array;
}

/** When the batches that an update brought were charged: what the lag is measured by. */
export interface FeedMark {
  readonly producer: ProducerId;
  /** Hub time of the oldest charge that this update made visible. */
  readonly firstChargeAtMs: EpochMs;
}

export interface FeedUpdate {
  readonly epoch: number;
  /** The version that this update leads on from, and the one that it leads to. */
  readonly base: Position;
  readonly position: Position;
  readonly hubTimeMs: EpochMs;
  /** Windows that ended at or before this instant are dropped; 0: none yet. */
  readonly horizonMs: EpochMs;
  readonly watermarks: readonly (readonly [ProducerKey, Seq])[];
  readonly marks: readonly FeedMark[];
  readonly windows: readonly FeedWindow[];
}

export function encodeUpdate(update: FeedUpdate): Uint8Array {
  const out = new ByteWriter(512);
  out.u8(updateKind);
  out.varint(update.epoch);
  out.varint(update.base);
  out.varint(update.position);
  out.varint(Math.floor(update.hubTimeMs));
  out.varint(Math.floor(update.horizonMs));
  writeWatermarks(out, update.watermarks);
  out.varint(update.marks.length);
  for (const mark of update.marks) {
    out.string(mark.producer);
    out.varint(Math.floor(mark.firstChargeAtMs));
  }
  writeWindows(out, update.windows);
  return out.takeWithCrc();
}

export function decodeUpdate(bytes: Uint8Array): FeedUpdate | { readonly malformed: string } {
  return decode(bytes, updateKind, (input) => {
    const epoch = input.varint();
    const base = input.varint();
    const position = input.varint();
    const hubTimeMs = input.varint();
    const horizonMs = input.varint();
    const watermarks = readWatermarks(input);
    const marks: FeedMark[] = [];
    for (let left = input.count(); left > 0; left--) {
      marks.push({ producer: input.string(), firstChargeAtMs: input.varint() });
    }
    const windows = readWindows(input);
    return { epoch, base, position, hubTimeMs, horizonMs, watermarks, marks, windows };
  });
}

/** Totals of some windows and, where given, watermarks: part of a snapshot or of an audit. */
export interface FeedPart {
  readonly watermarks: readonly (readonly [ProducerKey, Seq])[];
  readonly windows: readonly FeedWindow[];
}

export function encodePart(part: FeedPart): Uint8Array {
  const out = new ByteWriter(512);
  out.u8(partKind);
  writeWatermarks(out, part.watermarks);
  writeWindows(out, part.windows);
  return out.takeWithCrc();
}

export function decodePart(bytes: Uint8Array): FeedPart | { readonly malformed: string } {
  return decode(bytes, partKind, (input) => {
    const watermarks = readWatermarks(input);
    return { watermarks, windows: readWindows(input) };
  });
}

function decode<T>(
  bytes: Uint8Array,
  kind: number,
  read: (input: ByteReader) => T,
): T | { readonly malformed: string } {
  if (!checkCrc(bytes)) return { malformed: "checksum does not match" };
  try {
    const input = new ByteReader(bytes, 0, bytes.length - 4);
    if (input.u8() !== kind) throw new MalformedBytes("of another kind");
    const value = read(input);
    if (!input.done) throw new MalformedBytes("bytes after the end");
    return value;
  } catch (error) {
    if (error instanceof MalformedBytes) return { malformed: error.message };
    throw error;
  }
}

function writeWatermarks(out: ByteWriter, watermarks: FeedPart["watermarks"]): void {
  out.varint(watermarks.length);
  for (const [producer, seq] of watermarks) {
    out.string(producer);
    out.varint(seq);
  }
}

function readWatermarks(input: ByteReader): [ProducerKey, Seq][] {
  const watermarks: [ProducerKey, Seq][] = [];
  for (let left = input.count(); left > 0; left--) {
    watermarks.push([input.string(), input.varint()]);
  }
  return watermarks;
}

function writeWindows(out: ByteWriter, windows: readonly FeedWindow[]): void {
  out.varint(windows.length);
  for (const { id, lo, hi, net } of windows) {
    out.string(id);
    out.varint(lo.length);
    for (let i = 0; i < lo.length; i++) {
      out.u32(lo[i] as number);
      out.u32(hi[i] as number);
      out.varint(net[i] as number);
    }
  }
}

function readWindows(input: ByteReader): FeedWindow[] {
  const windows: FeedWindow[] = [];
  for (let left = input.count(); left > 0; left--) {
    const id = input.string();
    const count = input.count();
    const lo = new Uint32Array(count);
    const hi = new Uint32Array(count);
    const net = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const word = input.u32();
      if (word === 0) throw new MalformedBytes("fingerprint 0");
      lo[i] = word;
      hi[i] = input.u32();
      net[i] = input.varint();
    }
    windows.push({ id, lo, hi, net });
  }
  return windows;
}
