/**
 * Answers that cost the ledger something, one for all who ask for the same thing within a second: however many pages somebody
 * leaves open, and however often they ask, the ledger is asked once.
 */

import { TallygateError } from "../../base/errors.ts";

/** How long an answer is given again. */
export const reportKeptMs = 1_000;
/** Reports in progress. */
export const reportsAtOnceMax = 16;
/** Answers kept; each is gone a second after it was made, or when another takes its place. */
const reportsKeptMax = 1_000;

export class SharedReports<T> {
  readonly #kept = new Map<string, { readonly atMs: number; readonly report: Promise<T> }>();
  #running = 0;

  /** Fails as `make` does, and with `too-busy`. Failures are not kept. */
  async get(name: string, nowMs: number, make: () => Promise<T>): Promise<T> {
    const kept = this.#kept.get(name);
    if (kept !== undefined && nowMs - kept.atMs < reportKeptMs) return kept.report;
    if (this.#running >= reportsAtOnceMax) {
      throw new TallygateError("too-busy", `${reportsAtOnceMax} reports are being made`);
    }
    this.#running++;
    const report = make().finally(() => this.#running--);
    report.catch(() => this.#kept.delete(name));
    this.#kept.delete(name);
    this.#kept.set(name, { atMs: nowMs, report });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > reportsKeptMax && oldest !== undefined) this.#kept.delete(oldest);
    return report;
  }
}
