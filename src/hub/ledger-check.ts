/** Compares totals with what was recomputed: those of a ledger, and those of the running hub. */

import { CounterTable } from "../limits/counter-table.ts";
import { digestText } from "../limits/totals-digest.ts";
import type { Timers } from "../ports/clock.ts";
import type { LedgerColumns, LedgerLeases, LedgerStore } from "../ports/ledger-store.ts";
import { type Differences, figures, noSums, sumsIn } from "./differences.ts";
import type { HubTotals } from "./hub-totals.ts";
import type { HubWindow } from "./hub-window.ts";

/** A ledger that stays as it is meanwhile, at the position of `expected`. Returns sentences on damaged rows. */
export async function checkLedger(
  ledger: LedgerStore,
  { totals: expected, leases }: { totals: HubTotals; leases: readonly LedgerLeases[] },
  differences: Differences,
): Promise<string[]> {
  const seen = new Map<string, number>();
  const compare = (columns: LedgerColumns): void => {
    const window = expected.windows.get(columns.window);
    let known = seen.get(columns.window) ?? 0;
    for (let i = 0; i < columns.lo.length; i++) {
      const lo = columns.lo[i] as number;
      const hi = columns.hi[i] as number;
      const charged = columns.charged[i] as number;
      const refunded = columns.refunded[i] as number;
      if (window?.has(lo, hi)) known++;
      const both = figures(sumsIn(window, lo, hi), { charged, refunded });
      if (both !== undefined) {
        differences.counter({ where: "ledger", window: columns.window, lo, hi, ...both });
      }
    }
    seen.set(columns.window, known);
  };
  const loaded = await ledger.load(compare);
  // What the ledger holds was compared; what it lacks shows in the number of those that are known.
  const short = [...expected.windows.values()].filter(
    ({ id, table }) => (seen.get(id) ?? 0) < table.count,
  );
  if (short.length > 0) await checkMissing(ledger, short, differences);
  const damaged = (loaded?.damaged ?? []).map(
    ({ window, subject }) => `the ledger's row of ${subject} in ${window} is damaged`,
  );
  const found = loaded?.leases ?? [];
  return [...damaged, ...checkLeases("ledger", { expected: leases, found })];
}

/**
 * Where leases differ from the stream's, in sentences: granted or used up where the other is not, a quota could be exceeded.
 * `of` both at one position.
 */
export function checkLeases(
  where: string,
  of: { readonly expected: readonly LedgerLeases[]; readonly found: readonly LedgerLeases[] },
): string[] {
  const nameOf = ({ window, lo, hi }: LedgerLeases): string => `${window} ${lo} ${hi}`;
  const books = new Map(of.expected.map((leases) => [nameOf(leases), leases.book]));
  const wrong = of.found.filter((leases) => books.get(nameOf(leases)) !== leases.book);
  const found = new Set(of.found.map(nameOf));
  const missing = of.expected.filter((leases) => !found.has(nameOf(leases)));
  return [...wrong, ...missing].map(
    ({ window, lo, hi }) =>
      `the leases of counter ${lo.toString(16)}${hi.toString(16)} in ${window} differ from the stream's: ${where}`,
  );
}

async function checkMissing(
  ledger: LedgerStore,
  windows: readonly HubWindow[],
  differences: Differences,
): Promise<void> {
  const held = new Map(windows.map(({ id }) => [id, new CounterTable()] as const));
  await ledger.load(({ window, lo, hi }) => {
    const table = held.get(window);
    if (table === undefined) return;
    for (let i = 0; i < lo.length; i++) table.setTotal(lo[i] as number, hi[i] as number, 1);
  });
  for (const window of windows) {
    const table = held.get(window.id);
    window.table.forEach((lo, hi) => {
      if (table?.total(lo, hi) === 1) return;
      const both = figures(sumsIn(window, lo, hi), noSums);
      if (both === undefined) return;
      differences.counter({ where: "ledger", window: window.id, lo, hi, ...both });
    });
  }
}

/**
 * The running hub's totals. Both move with every record in the same turn, so that each slice compares them at one
 * version; only windows whose digests differ are walked.
 */
export async function checkHub(
  actual: HubTotals,
  expected: HubTotals,
  to: { differences: Differences; timers: Timers; isCancelled: () => boolean },
): Promise<void> {
  const ids = new Set([...actual.windows.keys(), ...expected.windows.keys()]);
  for (const id of ids) {
    const mine = expected.windows.get(id);
    const theirs = actual.windows.get(id);
    if (isEqual(mine, theirs)) continue;
    // First what was recomputed, then what only the hub has: no counter is in both.
    const isExpected = (lo: number, hi: number): boolean =>
      sumsIn(expected.windows.get(id), lo, hi).charged > 0;
    await walk(mine, to, (lo, hi) => {
      if (isExpected(lo, hi)) report(id, lo, hi);
    });
    await walk(theirs, to, (lo, hi) => {
      if (!isExpected(lo, hi)) report(id, lo, hi);
    });
  }

  function report(id: string, lo: number, hi: number): void {
    const wanted = sumsIn(expected.windows.get(id), lo, hi);
    const both = figures(wanted, sumsIn(actual.windows.get(id), lo, hi));
    if (both !== undefined) to.differences.counter({ where: "hub", window: id, lo, hi, ...both });
  }
}

function isEqual(a: HubWindow | undefined, b: HubWindow | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.table.count === b.table.count && digestText(a.table) === digestText(b.table);
}

async function walk(
  window: HubWindow | undefined,
  to: { timers: Timers; isCancelled: () => boolean },
  visit: (lo: number, hi: number) => void,
): Promise<void> {
  for (let place = 0; window !== undefined && place < 1 && !to.isCancelled(); ) {
    place = window.table.visitFrom(place, visit);
    await new Promise<void>((resolve) => to.timers.atTurnEnd(resolve));
  }
}
