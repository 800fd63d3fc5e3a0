/** Checks of the sums that the hub has on disk, while it runs: they only grow, and are whole numbers. */

import type { SimHub } from "./hub.ts";
import type { Report } from "./violation.ts";

interface Sums {
  readonly charged: number;
  readonly refunded: number;
}

export class TotalCheckers {
  readonly #hub: SimHub;
  readonly #report: Report;
  #seen = new Map<string, Sums>();
  #checkpoints = 0;
  #restores = 0;

  constructor(hub: SimHub, report: Report) {
    this.#hub = hub;
    this.#report = report;
  }

  look(): void {
    const { ledger, restores } = this.#hub;
    if (ledger.checkpoints === this.#checkpoints && restores === this.#restores) return;
    // A backup holds less than was there.
    if (restores !== this.#restores) this.#seen = new Map();
    this.#checkpoints = ledger.checkpoints;
    this.#restores = restores;
    const now = new Map<string, Sums>();
    for (const [name, { charged, refunded }] of ledger.totals) {
      const before = this.#seen.get(name);
      now.set(name, { charged, refunded });
      if (!isCount(charged) || !isCount(refunded) || refunded > charged) {
        this.#report("I14", `${name}: ${charged} charged, ${refunded} refunded`);
      }
      if (before === undefined) continue;
      if (charged < before.charged || refunded < before.refunded) {
        const went = `${before.charged} − ${before.refunded} to ${charged} − ${refunded}`;
        this.#report("I11", `${name} went back from ${went}`);
      }
    }
    this.#seen = now;
  }
}

/** A sum that is exact. */
export function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
