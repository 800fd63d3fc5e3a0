/** `LedgerStore.outcomes` over observations in memory. */

import type { LedgerObservation, OutcomeQuery, OutcomeRow } from "../../ports/ledger-store.ts";

const lengthsMs = { hour: 3_600_000, day: 86_400_000 } as const;

export function reportOutcomes(
  observations: Iterable<LedgerObservation>,
  query: OutcomeQuery,
): OutcomeRow[] {
  const { by, window, fromMs, toMs, where, limit } = query;
  const sums = new Map<string, OutcomeRow>();
  for (const seen of observations) {
    if (seen.hour < fromMs || seen.hour >= toMs) continue;
    const isMeant = Object.entries(where).every(
      ([name, value]) => seen[name as typeof by] === value,
    );
    if (!isMeant) continue;
    const start = window === "total" ? "" : startOf(seen.hour, lengthsMs[window]);
    const key = `${start} ${seen[by]}`;
    const known = sums.get(key);
    sums.set(key, {
      window: start,
      value: seen[by],
      calls: seen.calls + (known?.calls ?? 0),
      bytes: seen.bytes + (known?.bytes ?? 0),
      timeMs: seen.timeMs + (known?.timeMs ?? 0),
    });
  }
  const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return [...sums.values()]
    .sort((a, b) => compare(a.window, b.window) || b.calls - a.calls || compare(a.value, b.value))
    .slice(0, limit);
}

function startOf(hour: number, lengthMs: number): string {
  return new Date(hour - (hour % lengthMs)).toISOString().replace(".000Z", "Z");
}
