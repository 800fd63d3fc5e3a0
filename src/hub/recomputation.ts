/**
 * The fold computed again, beside the running one: from a sealed ledger (or from nothing) and the stream. A record
 * that is damaged is left out; the seq that it held is then missing, and what waits for it is folded nevertheless, so that
 * what the record held, and nothing else, is what differs.
 */

import type { Position } from "../base/words.ts";
import type { LedgerRow, LedgerStore } from "../ports/ledger-store.ts";
import type { StreamRecord } from "../ports/usage-stream.ts";
import { HubState } from "./hub-state.ts";
import type { HubTotals } from "./hub-totals.ts";

/** Problems listed, at most. */
export const problemsMax = 100;

export class Recomputation {
  readonly state = new HubState();
  readonly #onRows: (rows: readonly LedgerRow[]) => void;
  readonly problems: string[] = [];
  records = 0;
  #left = 0;

  constructor(onRows: (rows: readonly LedgerRow[]) => void) {
    this.#onRows = onRows;
  }

  get position(): Position {
    return this.state.position;
  }

  get totals(): HubTotals {
    return this.state.totals;
  }

  async load(sealed: LedgerStore): Promise<void> {
    const loaded = await this.state.load(sealed);
    for (const { window, subject } of loaded?.damaged ?? []) {
      this.#problem(`the sealed checkpoint's total of ${subject} in ${window} is damaged`);
    }
  }

  apply(record: StreamRecord): void {
    this.records++;
    const { outcome, reason } = this.state.apply(record);
    if (outcome === "malformed") {
      this.#left++;
      this.#problem(`record ${record.position} of the usage stream is damaged: ${reason}`);
    }
    // It may be the damaged record's seq that is missing, or a batch that comes later: skipped and, if it comes, folded
    // late. Either way the sums are those of all records that can be read.
    if (outcome === "parked" && this.#left > 0) this.#skipGaps(record.position);
  }

  /** Hands on what was folded into rows, and forgets what a ledger or a feed would want. */
  settle(): void {
    this.state.totals.takeFeedChanges();
    const { rows } = this.state.totals.takeLedgerChanges();
    this.state.leases.take();
    this.#onRows(rows);
  }

  #skipGaps(position: Position): void {
    for (const { producer: key, from } of this.state.fold.gaps()) {
      const [producer = "", incarnation = ""] = key.split("/");
      const to = Math.min(...(this.state.fold.producers.get(key)?.parked.keys() ?? [])) - 1;
      this.state.fold.apply(position, { kind: "lost", producer, incarnation, from, to });
    }
  }

  #problem(sentence: string): void {
    if (this.problems.length < problemsMax) this.problems.push(sentence);
  }
}
