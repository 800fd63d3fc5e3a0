/** Ledgers in small, for the conformance suite and for tests of one adapter. */

import type {
  FoldCheckpoint,
  LedgerColumns,
  LedgerDelta,
  LedgerRow,
  LedgerStore,
  UsageQuery,
} from "../ports/ledger-store.ts";

export interface Total {
  readonly lo: number;
  readonly hi: number;
  readonly charged: number;
  readonly refunded: number;
  readonly subject: string;
}

export function totalOf(n: number, charged: number, subject = "", refunded = 0): Total {
  return { lo: n, hi: n * 7919, charged, refunded, subject };
}

export function totalsOf(window: string, totals: readonly Total[]): LedgerColumns {
  return {
    window,
    lo: Uint32Array.from(totals, ({ lo }) => lo),
    hi: Uint32Array.from(totals, ({ hi }) => hi),
    charged: Float64Array.from(totals, ({ charged }) => charged),
    refunded: Float64Array.from(totals, ({ refunded }) => refunded),
    subject: totals.map(({ subject }) => subject),
  };
}

export const emptyFold: FoldCheckpoint = {
  version: { epoch: 1, position: 1 },
  horizonMs: 0,
  producers: [],
  fenceMs: 0,
  strictSince: [],
};

export const emptyDelta: LedgerDelta = {
  fold: emptyFold,
  totals: [],
  dropped: [],
  rows: [],
  observations: [],
  leases: [],
};

export function usageRow(fields: Partial<LedgerRow>): LedgerRow {
  return {
    hour: Date.UTC(2026, 10, 21, 22),
    ...{ region: "sydney", route: "/{ip}", plan: "pro", owner: "acme", key: "k_1" },
    ...{ address: "203.0.113.7", referer: "" },
    ...{ calls: 1, units: 1, refundedCalls: 0, refundedUnits: 0 },
    ...fields,
  };
}

export const everything: UsageQuery = {
  ...{ by: "key", window: "total", fromMs: 0, toMs: Date.UTC(9999, 0, 1) },
  ...{ top: 0, limit: 1000, offset: 0, where: {} },
};

export async function loadTotals(
  ledger: LedgerStore,
  withSubjects = true,
): Promise<Record<string, Total[]>> {
  const windows: Record<string, Total[]> = {};
  await ledger.load(
    ({ window, lo, hi, charged, refunded, subject }) => {
      const totals = [...lo].map((low, i) => ({
        ...{ lo: low, hi: hi[i] ?? -1, charged: charged[i] ?? -1 },
        ...{ refunded: refunded[i] ?? -1, subject: subject[i] ?? "none" },
      }));
      windows[window] ??= [];
      windows[window].push(...totals);
    },
    { withSubjects },
  );
  for (const totals of Object.values(windows)) totals.sort((a, b) => a.lo - b.lo);
  return windows;
}
