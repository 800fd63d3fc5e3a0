/** A month of usage as a hub with many keys has it, written through the adapter before the hub's first start. */

import { join } from "node:path";
import { openLedgerStore } from "../../src/adapters/sqlite/ledger-store.ts";
import type { LedgerRow } from "../../src/ports/ledger-store.ts";
import { regionNames } from "./configs.ts";

/** Rows of one checkpoint. */
const sliceRows = 100_000;
const hourMs = 3_600_000;
/** Rows are spread over so many hours, the running one the last: in their order, as a ledger grows. */
const hours = 31 * 24;
const routes = 20;
export const filledOwners = 10_000;

export interface UsageSize {
  readonly rows: number;
  readonly keys: number;
}

/** Needs a ledger that is there, as `fillRegistry` leaves one. */
export async function fillUsage(data: string, { rows, keys }: UsageSize): Promise<void> {
  const ledger = await openLedgerStore(join(data, "hub", "ledger.db"));
  const firstHour = (Math.floor(Date.now() / hourMs) - hours + 1) * hourMs;
  const fold = {
    ...{ version: { epoch: 2 ** 20, position: 0 }, horizonMs: 0, producers: [] },
    ...{ fenceMs: 0, strictSince: [] },
  };
  const nothing = { fold, totals: [], dropped: [], observations: [], leases: [] };
  try {
    for (let from = 0; from < rows; from += sliceRows) {
      const slice = Array.from({ length: Math.min(sliceRows, rows - from) }, (_, i) => {
        const hour = firstHour + Math.floor(((from + i) / rows) * hours) * hourMs;
        return rowOf(from + i, { hour, keys });
      });
      await ledger.checkpoint({ ...nothing, rows: slice });
    }
  } finally {
    await ledger.close();
  }
}

export function filledKey(number: number): string {
  return `k_filled${String(number).padStart(8, "0")}`;
}

/** Keys call again and again, from places and for routes of their own and others. */
function rowOf(number: number, { hour, keys }: { hour: number; keys: number }): LedgerRow {
  // An odd factor spreads neighbours over all keys.
  const key = Math.imul(number, 0x9e37_79b1) >>> 0;
  const of = key % keys;
  return {
    ...{ hour, region: regionNames[number % regionNames.length] as string },
    route: `/v1/things-${(key >>> 8) % routes}`,
    plan: of % 10 === 0 ? "free" : "pro",
    owner: `owner-${of % filledOwners}`,
    key: filledKey(of),
    address: `10.${of % 200}.${(of >>> 8) % 250}.${of % 251}`,
    referer: of % 3 === 0 ? `site-${of % 1_000}.example` : "",
    ...{
      calls: 3,
      units: 5,
      refundedCalls: number % 7 === 0 ? 1 : 0,
      refundedUnits: number % 7 === 0 ? 1 : 0,
    },
  };
}
