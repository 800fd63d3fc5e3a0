/**
 * Cuts a checkpoint into pieces of a millisecond or so each and makes columns of them: objects by
 * the hundred thousand would stop the hub's main thread while they are copied to another.
 */

import type { LedgerColumns, LedgerRow } from "../../ports/ledger-store.ts";
import { type RowsPiece, rowNumbers, rowTexts, type TotalsPiece } from "./ledger-protocol.ts";

const totalsOfPiece = 16_384;
const rowsOfPiece = 2048;

export function* totalsPieces(columns: LedgerColumns): Generator<TotalsPiece> {
  for (let from = 0; from < columns.lo.length; from += totalsOfPiece) {
    const to = Math.min(from + totalsOfPiece, columns.lo.length);
    const named: number[] = [];
    const subjects: string[] = [];
    for (let i = from; i < to; i++) {
      const subject = columns.subject[i];
      if (!subject) continue;
      named.push(i - from);
      subjects.push(subject);
    }
    yield {
      window: columns.window,
      lo: columns.lo.slice(from, to),
      hi: columns.hi.slice(from, to),
      charged: columns.charged.slice(from, to),
      refunded: columns.refunded.slice(from, to),
      named: Uint32Array.from(named),
      subjects,
    };
  }
}

export function* rowsPieces(rows: readonly LedgerRow[]): Generator<RowsPiece> {
  for (let from = 0; from < rows.length; from += rowsOfPiece) {
    yield rowsPiece(rows.slice(from, from + rowsOfPiece));
  }
}

function rowsPiece(rows: readonly LedgerRow[]): RowsPiece {
  const texts: string[] = [];
  const indices = new Map<string, number>();
  const indexOf = (text: string): number => {
    const known = indices.get(text);
    if (known !== undefined) return known;
    indices.set(text, texts.length);
    return texts.push(text) - 1;
  };
  const keys = new Uint32Array(rows.length * rowTexts);
  const numbers = new Float64Array(rows.length * rowNumbers);
  let key = 0;
  let number = 0;
  for (const row of rows) {
    keys[key++] = indexOf(row.region);
    keys[key++] = indexOf(row.route);
    keys[key++] = indexOf(row.plan);
    keys[key++] = indexOf(row.owner);
    keys[key++] = indexOf(row.key);
    keys[key++] = indexOf(row.address);
    keys[key++] = indexOf(row.referer);
    numbers[number++] = row.hour / 1000;
    numbers[number++] = row.calls;
    numbers[number++] = row.units;
    numbers[number++] = row.refundedCalls;
    numbers[number++] = row.refundedUnits;
  }
  return { texts, keys, numbers };
}
