/** Rates over the last minutes, as columns; and sums of them for charts. */

import type { LiveJson, LiveMomentJson } from "../../src/control/live-schemas.ts";

export type History = LiveJson["history"];
export type RegionHistory = History["regions"][string];
export type RateKind = keyof RegionHistory;

export const rateKinds: readonly RateKind[] = ["answered", "limited", "refused", "failed"];

const samplesMax = 600;

/** The same with one more moment. A region that comes has had no calls before; one that goes is kept while its calls show. */
export function appended(history: History, { at, rates }: LiveMomentJson): History {
  const ms = Date.parse(at);
  const { times } = history;
  // The same moment may be told twice, by the beginning of a stream and by its first event.
  if (ms <= (times.at(-1) ?? 0)) return history;
  const from = Math.max(0, times.length + 1 - samplesMax);
  const names = new Set([...Object.keys(history.regions), ...Object.keys(rates)]);
  const regions: Record<string, RegionHistory> = {};
  for (const name of names) {
    const before = history.regions[name];
    const column = (kind: RateKind): number[] => {
      const values = before?.[kind] ?? times.map(() => 0);
      return [...values.slice(from), rates[name]?.[kind] ?? 0];
    };
    regions[name] = {
      answered: column("answered"),
      limited: column("limited"),
      refused: column("refused"),
      failed: column("failed"),
    };
  }
  return { times: [...times.slice(from), ms], regions };
}

/** All regions together. */
export function byKind(history: History): Readonly<Record<RateKind, number[]>> {
  const sum = (kind: RateKind): number[] =>
    history.times.map((_, at) => {
      let total = 0;
      for (const region of Object.values(history.regions)) total += region[kind][at] ?? 0;
      return total;
    });
  return {
    answered: sum("answered"),
    limited: sum("limited"),
    refused: sum("refused"),
    failed: sum("failed"),
  };
}

/** All outcomes of a region together. */
export function allOf(region: RegionHistory): number[] {
  return region.answered.map((_, at) =>
    rateKinds.reduce((sum, k) => sum + (region[k][at] ?? 0), 0),
  );
}

export function total(rates: LiveMomentJson["rates"][string] | undefined): number {
  return rates === undefined ? 0 : rateKinds.reduce((sum, kind) => sum + rates[kind], 0);
}
