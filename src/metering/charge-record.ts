/**
 * The journal's open records: how the calls of a batch that is not sealed yet stand on disk.
 *
 *   define  1, row definition       the next row index of this batch, 0, 1, 2…
 *   charge  2, row, units           one admitted call
 *   refund  3, row, units           one call given back
 *
 * `replayRecords` turns them into the same open batch again, so that a seal after a crash holds
 * exactly what the calls were charged.
 */

import { type ByteReader, type ByteWriter, MalformedBytes } from "./bytes.ts";
import type { ChargedCounter, RowDefinition } from "./usage.ts";

const defineTag = 1;
const chargeTag = 2;
const refundTag = 3;

/** Milliseconds of an hour: rows carry the hour's number. */
export const hourMs = 3_600_000;

export function writeDefine(out: ByteWriter, row: RowDefinition): void {
  out.u8(defineTag);
  out.varint(row.hour / hourMs);
  out.string(row.route);
  out.string(row.plan);
  out.string(row.owner);
  out.string(row.key);
  out.string(row.address);
  out.string(row.referer);
  out.varint(row.counters.length);
  for (const counter of row.counters) {
    out.string(counter.window);
    out.string(counter.subject);
    out.u32(counter.lo);
    out.u32(counter.hi);
  }
}

export function writeCharge(out: ByteWriter, row: number, units: number): void {
  out.u8(chargeTag);
  out.varint(row);
  out.varint(units);
}

export function writeRefund(out: ByteWriter, row: number, units: number): void {
  out.u8(refundTag);
  out.varint(row);
  out.varint(units);
}

export interface RecordVisitor {
  define(row: RowDefinition): void;
  charge(row: number, units: number): void;
  refund(row: number, units: number): void;
}

/** Reads records until the input ends. Throws `MalformedBytes`. */
export function readRecords(input: ByteReader, visitor: RecordVisitor): void {
  while (!input.done) {
    const tag = input.u8();
    switch (tag) {
      case defineTag:
        visitor.define(readDefinition(input));
        break;
      case chargeTag:
        visitor.charge(input.varint(), input.varint());
        break;
      case refundTag:
        visitor.refund(input.varint(), input.varint());
        break;
      default:
        throw new MalformedBytes(`unknown record ${tag}`);
    }
  }
}

function readDefinition(input: ByteReader): RowDefinition {
  const hour = input.varint() * hourMs;
  const route = input.string();
  const plan = input.string();
  const owner = input.string();
  const key = input.string();
  const address = input.string();
  const referer = input.string();
  const counters: ChargedCounter[] = [];
  const count = input.count();
  for (let i = 0; i < count; i++) {
    const window = input.string();
    const subject = input.string();
    counters.push({ window, subject, lo: input.u32(), hi: input.u32() });
  }
  return { hour, route, plan, owner, key, address, referer, counters };
}
