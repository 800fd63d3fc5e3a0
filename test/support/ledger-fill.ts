/** A ledger with many rows, written through the adapter before the hub's first start. */

import { join } from "node:path";
import { openLedgerStore } from "../../src/adapters/sqlite/ledger-store.ts";
import type { LedgerColumns, LedgerRow } from "../../src/ports/ledger-store.ts";

/** Rows of one checkpoint. */
const sliceRows = 100_000;
const hourMs = 3_600_000;
/** Rows are spread over so many hours, the running one the last: in their order, as a ledger grows. */
const hours = 100;

export interface LedgerSize {
  readonly usageRows: number;
  readonly totals: number;
}

/** Makes `<data>/hub/ledger.db` at position 0 of the stream: what it holds is of before. */
export async function fillLedger(data: string, size: LedgerSize): Promise<void> {
  const ledger = await openLedgerStore(join(data, "hub", "ledger.db"));
  const nowMs = Date.now();
  const fold = {
    ...{ version: { epoch: 2 ** 20, position: 0 }, horizonMs: 0, producers: [] },
    ...{ fenceMs: 0, strictSince: [] },
  };
  const nothing = { fold, totals: [], dropped: [], rows: [], observations: [], leases: [] };
  try {
    for (let from = 0; from < size.totals; from += sliceRows) {
      const count = Math.min(sliceRows, size.totals - from);
      await ledger.checkpoint({ ...nothing, totals: [totalsOf(from, count, nowMs)] });
    }
    for (let from = 0; from < size.usageRows; from += sliceRows) {
      const count = Math.min(sliceRows, size.usageRows - from);
      const rows = Array.from({ length: count }, (_, i) => {
        return rowOf(from + i, hourOf((from + i) / size.usageRows, nowMs));
      });
      await ledger.checkpoint({ ...nothing, rows });
    }
  } finally {
    await ledger.close();
  }
}

/** Of the running month, with fingerprints spread over the whole range. */
function totalsOf(from: number, count: number, nowMs: number): LedgerColumns {
  const now = new Date(nowMs);
  const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1));
  const lo = new Uint32Array(count);
  const hi = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    // An odd factor maps distinct numbers to distinct ones; lo is never 0.
    lo[i] = Math.imul(from + i + 1, 0x9e37_79b1);
    hi[i] = Math.imul(from + i + 1, 0x85eb_ca6b);
  }
  return {
    window: `month/${month.toISOString().replace(".000", "")}`,
    ...{ lo, hi },
    charged: new Float64Array(count).fill(1),
    refunded: new Float64Array(count),
    subject: Array.from({ length: count }, (_, i) => `key:filled-${from + i}`),
  };
}

/** `share`: how far through all rows, 0 to 1. */
function hourOf(share: number, nowMs: number): number {
  const ago = hours - 1 - Math.floor(share * hours);
  return (Math.floor(nowMs / hourMs) - ago) * hourMs;
}

function rowOf(number: number, hour: number): LedgerRow {
  return {
    ...{ hour, region: "sydney", route: "/", plan: "pro", owner: "", referer: "" },
    key: `k_${String(number).padStart(12, "0")}`,
    address: `10.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`,
    ...{ calls: 1, units: 1, refundedCalls: 0, refundedUnits: 0 },
  };
}
