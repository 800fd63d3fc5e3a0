/**
 * Compares the ledger's usage rows with those of the stream by their sums per region, route and plan: a row that
 * was changed, lost or added moves a sum of each, and the sums are few.
 */

import type { LedgerRow, LedgerStore, UsageDimension } from "../ports/ledger-store.ts";
import type { Differences } from "./differences.ts";

const dimensions = ["region", "route", "plan"] as const satisfies readonly UsageDimension[];
const figureNames = ["calls", "units", "refundedCalls", "refundedUnits"] as const;

type Figures = Record<(typeof figureNames)[number], number>;

/** Values of one dimension read at a time. */
const pageRows = 1_000;

/** Values of one dimension, at most: routes and plans of all configurations that ever were. */
const valuesMax = 100_000;

export class RowCheck {
  readonly #sums = new Map<string, Figures>();
  rows = 0;

  /** Starts from what a sealed ledger holds. */
  async load(sealed: LedgerStore): Promise<void> {
    for (const [name, figures] of await readSums(sealed)) this.#add(name, figures);
  }

  add(rows: readonly LedgerRow[]): void {
    this.rows += rows.length;
    for (const row of rows) {
      for (const dimension of dimensions) this.#add(`${dimension}=${row[dimension]}`, row);
    }
  }

  async compare(ledger: LedgerStore, differences: Differences): Promise<void> {
    const found = await readSums(ledger);
    for (const name of new Set([...this.#sums.keys(), ...found.keys()])) {
      const [a, b] = [this.#sums.get(name), found.get(name)];
      for (const figure of figureNames) {
        const [expected, actual] = [a?.[figure] ?? 0, b?.[figure] ?? 0];
        if (expected === actual) continue;
        differences.other({
          where: "ledger",
          window: `usage rows, ${figure}`,
          subject: name,
          expected,
          found: actual,
        });
      }
    }
  }

  #add(name: string, figures: Figures): void {
    const known = this.#sums.get(name);
    if (known === undefined) {
      const { calls, units, refundedCalls, refundedUnits } = figures;
      this.#sums.set(name, { calls, units, refundedCalls, refundedUnits });
      return;
    }
    for (const figure of figureNames) known[figure] += figures[figure];
  }
}

async function readSums(ledger: LedgerStore): Promise<Map<string, Figures>> {
  const sums = new Map<string, Figures>();
  for (const by of dimensions) {
    for (let offset = 0; offset < valuesMax; offset += pageRows) {
      const page = await ledger.usage({
        ...{ by, window: "total", fromMs: 0, toMs: endOfTimeMs, top: 0 },
        ...{ limit: pageRows, offset, where: {}, fromRows: true },
      });
      for (const row of page) sums.set(`${by}=${row.value}`, row);
      if (page.length < pageRows) break;
    }
  }
  return sums;
}

/** 9999-01-01T00:00:00Z: after every window. */
const endOfTimeMs = Date.UTC(9999, 0, 1);
