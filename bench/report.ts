/** The table of a benchmark: medians, ratios within rounds with their intervals, and the bars. */

import type { Timing, Turns } from "./round.ts";
import { type Interval, median, medianInterval } from "./stats.ts";

export interface Bar {
  /** `of` divided by `by`, in requests per second, at `connections`. */
  readonly of: string;
  readonly by: string;
  readonly connections: number;
  readonly atLeast: number;
}

export interface BarResult extends Bar {
  readonly ratio: Interval;
  readonly met: boolean;
}

function pick(rounds: Turns, round: number, connections: number): Timing | undefined {
  return rounds[round]?.find((timing) => timing.connections === connections);
}

/** The ratio of two contenders' throughput in each round in which both ran. */
export function ratios(of: Turns, by: Turns, connections: number): number[] {
  return of.flatMap((_, round) => {
    const above = pick(of, round, connections);
    const below = pick(by, round, connections);
    return above && below ? [above.requestsPerSecond / below.requestsPerSecond] : [];
  });
}

export function judge(bars: readonly Bar[], results: ReadonlyMap<string, Turns>): BarResult[] {
  return bars.map((bar) => {
    const values = ratios(results.get(bar.of) ?? [], results.get(bar.by) ?? [], bar.connections);
    const ratio = medianInterval(values);
    return { ...bar, ratio, met: values.length > 0 && ratio.median >= bar.atLeast };
  });
}

function formatRatio({ median: middle, low, high }: Interval): string {
  if (Number.isNaN(middle)) return "none";
  return `${middle.toFixed(2)} [${low.toFixed(2)}–${high.toFixed(2)}]`;
}

function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join("  "),
    )
    .join("\n");
}

/** One table per number of connections; ratios are to `base`. */
export function formatResults(
  results: ReadonlyMap<string, Turns>,
  base: string,
  connections: number,
): string {
  const rows = [["contender", "requests/s", "µs CPU", "core", "rounds", `ratio to ${base} [95 %]`]];
  for (const [name, rounds] of results) {
    const timings = rounds.flatMap((_, round) => pick(rounds, round, connections) ?? []);
    const middle = (read: (timing: Timing) => number): number => median(timings.map(read));
    if (timings.length === 0) {
      rows.push([name, "", "", "", "0", "none"]);
      continue;
    }
    const ratio = medianInterval(ratios(rounds, results.get(base) ?? [], connections));
    rows.push([
      name,
      Math.round(middle((t) => t.requestsPerSecond)).toLocaleString("en"),
      middle((t) => t.cpuMicrosecondsPerRequest).toFixed(1),
      `${Math.round(middle((t) => t.utilisation) * 100)} %`,
      String(timings.length),
      formatRatio(ratio),
    ]);
  }
  return formatTable(rows);
}

export function formatBars(results: readonly BarResult[]): string {
  return results
    .map(
      ({ of, by, connections, atLeast, ratio, met }) =>
        `${met ? "met    " : "NOT MET"} ${of} ÷ ${by} at ${connections} connections: ` +
        `${formatRatio(ratio)}, bar ≥ ${atLeast}`,
    )
    .join("\n");
}
