/** What happened in many runs, added up. */

import type { RunResult } from "./run.ts";

export class Totals {
  readonly counts = new Map<string, number>();
  seeds = 0;
  #hash = 0n;

  add(result: RunResult): void {
    this.seeds++;
    const { events, admissions, denials, closedWindows } = result;
    const all = [
      ...result.counts,
      ...Object.entries({ events, admissions, denials, closedWindows }),
    ];
    for (const [name, times] of all) this.counts.set(name, (this.counts.get(name) ?? 0) + times);
    this.#hash = BigInt.asUintN(64, this.#hash * 31n + BigInt(`0x${result.traceHash}`));
  }

  /** Of one seed: its trace's; of several: one of them all. */
  get hash(): string {
    return this.#hash.toString(16).padStart(16, "0");
  }

  lines(): string[] {
    return [...this.counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, times]) => `${name}: ${times}`);
  }
}
