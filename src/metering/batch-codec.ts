/**
 * The bytes of a sealed batch. Fixed once sealed; the same in the journal, on the link and in the
 * stream. Layout: kind 1, header, string table, counters by column, rows, observations, closed leases if any, CRC-32.
 * Strings that repeat (windows, plans, routes, keys) stand once, in the table.
 */

import type { EpochMs, Incarnation, ProducerId, Seq } from "../base/words.ts";
import {
  ByteReader,
  ByteWriter,
  checkCrc,
  decodeAscii,
  decodeText,
  MalformedBytes,
} from "./bytes.ts";
import { hourMs } from "./charge-record.ts";
import type { ClosedLease, CounterColumns, Observation, UsageRow } from "./usage.ts";

/** First byte of every record of the usage stream. */
export const batchKind = 1;

export interface BatchHeader {
  readonly producer: ProducerId;
  readonly incarnation: Incarnation;
  readonly seq: Seq;
  readonly region: string;
  readonly sealedAtMs: EpochMs;
}

export interface EncodableBatch extends BatchHeader {
  /** 0: the batch holds observations only. */
  readonly firstChargeAtMs: EpochMs;
  readonly windows: readonly string[];
  /** One for each counter. */
  readonly subjects: readonly string[];
  readonly counters: CounterColumns;
  readonly rows: readonly UsageRow[];
  readonly observations: readonly Observation[];
  readonly leases: readonly ClosedLease[];
}

/** A row and the region of its batch. */
export type RegionalRow = UsageRow & { readonly region: string };

/** A decoded batch. Subjects are made into strings when they are asked for: the hub knows most of them already. */
export interface Batch extends Omit<EncodableBatch, "subjects" | "rows"> {
  /** Made for this batch alone: whoever takes them over may add to them. */
  readonly rows: readonly RegionalRow[];
  /** The subject of a counter, by its index. */
  subject(counter: number): string;
}

export type DecodedBatch = { readonly batch: Batch } | { readonly malformed: string };

class StringTable {
  readonly #index = new Map<string, number>();

  at(text: string): number {
    let index = this.#index.get(text);
    if (index === undefined) {
      index = this.#index.size;
      this.#index.set(text, index);
    }
    return index;
  }

  write(out: ByteWriter): void {
    out.varint(this.#index.size);
    for (const text of this.#index.keys()) out.string(text);
  }
}

/**
 * The string table of a decoded batch: checked at once, made into strings one by one. Those of ASCII are cut out of one
 * text of the whole table, ten times as fast as decoding each; they keep it in memory for as long as they are kept.
 */
class LazyStrings {
  readonly length: number;
  readonly #table: Uint8Array;
  #text: string | undefined;
  /** Start and end of each in the table. */
  readonly #bounds: Uint32Array;
  readonly #made: (string | undefined)[];

  constructor(input: ByteReader) {
    this.length = input.count();
    this.#bounds = new Uint32Array(this.length * 2);
    this.#made = new Array<string | undefined>(this.length).fill(undefined);
    const start = input.at;
    for (let i = 0; i < this.length; i++) {
      const end = input.skipString();
      this.#bounds[i * 2] = input.skipped - start;
      this.#bounds[i * 2 + 1] = end - start;
      if (!input.skippedIsAscii)
        this.#made[i] = decodeText(input.bytes.subarray(input.skipped, end));
    }
    this.#table = input.bytes.subarray(start, input.at);
  }

  at(index: number): string {
    let text = this.#made[index];
    if (text === undefined) {
      this.#text ??= decodeAscii(this.#table);
      text = this.#text.slice(this.#bounds[index * 2], this.#bounds[index * 2 + 1]);
      this.#made[index] = text;
    }
    return text;
  }
}

/** Of the batch that is being encoded: as large as the largest so far. */
const body = new ByteWriter(1024);
const out = new ByteWriter(1024);

export function encodeBatch(batch: EncodableBatch): Uint8Array {
  const strings = new StringTable();
  body.reset();
  writeBody(body, batch, strings);
  out.reset();
  out.u8(batchKind);
  out.string(batch.producer);
  out.string(batch.incarnation);
  out.varint(batch.seq);
  out.string(batch.region);
  out.varint(Math.floor(batch.firstChargeAtMs));
  out.varint(Math.floor(batch.sealedAtMs));
  strings.write(out);
  out.raw(body.bytes.subarray(0, body.length));
  return out.takeWithCrc();
}

function writeBody(out: ByteWriter, batch: EncodableBatch, strings: StringTable): void {
  const { counters } = batch;
  out.varint(batch.windows.length);
  for (const window of batch.windows) out.varint(strings.at(window));
  out.varint(counters.count);
  for (let i = 0; i < counters.count; i++) {
    out.varint(counters.window[i] as number);
    out.varint(strings.at(batch.subjects[i] as string));
    out.u32(counters.lo[i] as number);
    out.u32(counters.hi[i] as number);
    out.varint(counters.charged[i] as number);
    out.varint(counters.refunded[i] as number);
  }
  out.varint(batch.rows.length);
  for (const row of batch.rows) {
    out.varint(row.hour / hourMs);
    for (const text of rowTexts(row)) out.varint(strings.at(text));
    out.varint(row.calls);
    out.varint(row.units);
    out.varint(row.refundedCalls);
    out.varint(row.refundedUnits);
  }
  out.varint(batch.observations.length);
  for (const seen of batch.observations) {
    out.varint(seen.hour / hourMs);
    out.varint(strings.at(seen.route));
    out.varint(strings.at(seen.plan));
    out.varint(strings.at(seen.outcome));
    out.varint(seen.calls);
    out.varint(seen.bytes);
    out.varint(Math.round(seen.timeMs));
  }
  // A batch without them has the bytes that it had before there were leases.
  if (batch.leases.length > 0) writeLeases(out, batch.leases, strings);
}

function writeLeases(out: ByteWriter, leases: readonly ClosedLease[], strings: StringTable): void {
  out.varint(leases.length);
  for (const lease of leases) {
    out.varint(strings.at(lease.incarnation));
    out.varint(lease.request);
    out.varint(strings.at(lease.window));
    out.u32(lease.lo);
    out.u32(lease.hi);
    out.varint(lease.spent);
  }
}

function rowTexts(row: UsageRow): readonly string[] {
  return [row.route, row.plan, row.owner, row.key, row.address, row.referer];
}

/** Who, which and when, without the rest: enough to route and to count a batch. */
export function decodeBatchHeader(bytes: Uint8Array): BatchHeader | undefined {
  try {
    return readHeader(new ByteReader(bytes));
  } catch (error) {
    if (error instanceof MalformedBytes) return undefined;
    throw error;
  }
}

/** Never throws: bytes that do not check out are `malformed`, with the reason. */
export function decodeBatch(bytes: Uint8Array): DecodedBatch {
  if (!checkCrc(bytes)) return { malformed: "checksum does not match" };
  try {
    return { batch: readBatch(new ByteReader(bytes, 0, bytes.length - 4)) };
  } catch (error) {
    if (error instanceof MalformedBytes) return { malformed: error.message };
    throw error;
  }
}

function readHeader(input: ByteReader): BatchHeader & { firstChargeAtMs: number } {
  if (input.u8() !== batchKind) throw new MalformedBytes("not a batch");
  const producer = input.string();
  const incarnation = input.string();
  const seq = input.varint();
  const region = input.string();
  const firstChargeAtMs = input.varint();
  return { producer, incarnation, seq, region, firstChargeAtMs, sealedAtMs: input.varint() };
}

function readBatch(input: ByteReader): Batch {
  const header = readHeader(input);
  const strings = new LazyStrings(input);
  const text = (): string => strings.at(input.varintBelow(strings.length));
  const windows: string[] = [];
  for (let left = input.count(); left > 0; left--) windows.push(text());
  const { counters, subjects } = readCounters(input, windows.length, strings.length);
  const rows: RegionalRow[] = [];
  for (let left = input.count(); left > 0; left--) rows.push(readRow(input, header.region, text));
  const observations: Observation[] = [];
  for (let left = input.count(); left > 0; left--) {
    const hour = input.varint() * hourMs;
    const [route, plan, outcome] = [text(), text(), text()];
    const [calls, bytes, timeMs] = [input.varint(), input.varint(), input.varint()];
    observations.push({ hour, route, plan, outcome, calls, bytes, timeMs });
  }
  const leases = input.done ? [] : readLeases(input, text);
  if (!input.done) throw new MalformedBytes("bytes after the end");
  const subject = (counter: number): string => strings.at(subjects[counter] as number);
  return { ...header, windows, subject, counters, rows, observations, leases };
}

function readLeases(input: ByteReader, text: () => string): ClosedLease[] {
  const leases: ClosedLease[] = [];
  for (let left = input.count(); left > 0; left--) {
    const [incarnation, request, window] = [text(), input.varint(), text()];
    const [lo, hi] = [input.u32(), input.u32()];
    leases.push({ incarnation, request, window, lo, hi, spent: input.varint() });
  }
  return leases;
}

function readCounters(
  input: ByteReader,
  windowCount: number,
  stringCount: number,
): { counters: CounterColumns; subjects: Uint32Array } {
  const count = input.count();
  const counters = {
    count,
    window: new Uint32Array(count),
    lo: new Uint32Array(count),
    hi: new Uint32Array(count),
    charged: new Float64Array(count),
    refunded: new Float64Array(count),
  };
  const subjects = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    counters.window[i] = input.varintBelow(windowCount);
    subjects[i] = input.varintBelow(stringCount);
    const lo = input.u32();
    if (lo === 0) throw new MalformedBytes("fingerprint 0");
    counters.lo[i] = lo;
    counters.hi[i] = input.u32();
    counters.charged[i] = input.varint();
    counters.refunded[i] = input.varint();
  }
  return { counters, subjects };
}

/** Written out, in the order of the bytes: spreads here would take longer than everything else of a batch. */
function readRow(input: ByteReader, region: string, text: () => string): RegionalRow {
  return {
    hour: input.varint() * hourMs,
    region,
    route: text(),
    plan: text(),
    owner: text(),
    key: text(),
    address: text(),
    referer: text(),
    calls: input.varint(),
    units: input.varint(),
    refundedCalls: input.varint(),
    refundedUnits: input.varint(),
  };
}
