/** The `LedgerStore` port on SQLite: the caller's side; everything happens in its thread, and reports in another. */

import { TallygateError } from "../../base/errors.ts";
import type { ReportFormat } from "../../base/report-lines.ts";
import type { WindowId } from "../../base/words.ts";
import type {
  LedgerColumns,
  LedgerDelta,
  LedgerStore,
  LoadedLedger,
  OpenReport,
  OutcomeQuery,
  OutcomeRow,
  ProducerCheckpoint,
  ReportQuery,
  UsageCheck,
  UsagePage,
  UsageQuery,
  UsageReportRow,
} from "../../ports/ledger-store.ts";
import { databaseBytes } from "./folder.ts";
import { rowsPieces, totalsPieces } from "./ledger-pieces.ts";
import type { LedgerApi, LedgerStart } from "./ledger-protocol.ts";
import { LedgerReports } from "./ledger-reports.ts";
import { ownBytes, Thread } from "./thread.ts";

/** The folder must be locked by this process. Fails with `data-newer`, `data-damaged`, `data-unwritable` or `ledger-failed`. */
export async function openLedgerStore(file: string): Promise<LedgerStore> {
  const data: LedgerStart = { file };
  const { thread } = await Thread.start<LedgerApi, undefined>({
    from: import.meta.url,
    module: "ledger-thread",
    data,
    failed: "ledger-failed",
  });
  return new SqliteLedgerStore(file, thread);
}

class SqliteLedgerStore implements LedgerStore {
  readonly #file: string;
  readonly #thread: Thread<LedgerApi>;
  readonly #reports: LedgerReports;
  /** Settles when no checkpoint is being written. */
  #writing: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(file: string, thread: Thread<LedgerApi>) {
    this.#file = file;
    this.#thread = thread;
    this.#reports = new LedgerReports(file);
  }

  load(
    onTotals: (columns: LedgerColumns) => void,
    { withSubjects = false }: { readonly withSubjects?: boolean } = {},
  ): Promise<LoadedLedger | undefined> {
    return this.#thread.call("load", { withSubjects }, { onPart: onTotals });
  }

  async checkpoint(delta: LedgerDelta): Promise<void> {
    if (this.#closed) throw new TallygateError("ledger-failed", "The ledger is closed.");
    const written = this.#writing.then(() => this.#write(delta));
    this.#writing = written.catch(() => undefined);
    await written;
  }

  async #write(delta: LedgerDelta): Promise<void> {
    await this.#thread.call("begin", undefined);
    for (const columns of delta.totals) {
      for (const piece of totalsPieces(columns)) {
        const { lo, hi, charged, refunded, named } = piece;
        const columnBuffers = [lo, hi, charged, refunded, named].map(({ buffer }) => buffer);
        await this.#thread.call("totals", piece, { transfer: columnBuffers as ArrayBuffer[] });
      }
    }
    for (const piece of rowsPieces(delta.rows)) {
      const transfer = [piece.keys.buffer, piece.numbers.buffer] as ArrayBuffer[];
      await this.#thread.call("rows", piece, { transfer });
    }
    const { dropped, observations, leases } = delta;
    const fold = { ...delta.fold, producers: delta.fold.producers.map(withOwnBytes) };
    await this.#thread.call("commit", { fold, dropped, observations, leases });
  }

  subjectOf(window: WindowId, lo: number, hi: number): Promise<string | undefined> {
    return this.#thread.call("subjectOf", { window, lo, hi });
  }

  usage(query: UsageQuery): Promise<readonly UsageReportRow[]> {
    return this.#reports.usage(query);
  }

  usagePage(query: UsageQuery): Promise<UsagePage> {
    return this.#reports.page(query);
  }

  openReport(query: ReportQuery, format: ReportFormat): Promise<OpenReport> {
    return this.#reports.open(query, format);
  }

  checkUsage(limit: number): Promise<UsageCheck> {
    return this.#thread.call("checkUsage", { limit });
  }

  outcomes(query: OutcomeQuery): Promise<readonly OutcomeRow[]> {
    return this.#reports.outcomes(query);
  }

  getMeta(name: string): Promise<string | undefined> {
    return this.#thread.call("getMeta", { name });
  }

  setMeta(name: string, value: string): Promise<void> {
    return this.#thread.call("setMeta", { name, value });
  }

  copyTo(file: string): Promise<void> {
    return this.#thread.call("copyTo", { file });
  }

  bytes(): number {
    return databaseBytes(this.#file);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writing;
    await this.#reports.close();
    try {
      await this.#thread.call("close", undefined);
    } finally {
      await this.#thread.end();
    }
  }
}

function withOwnBytes(producer: ProducerCheckpoint): ProducerCheckpoint {
  if (producer.parked.length === 0) return producer;
  const parked = producer.parked.map(({ seq, bytes }) => ({ seq, bytes: ownBytes(bytes) }));
  return { ...producer, parked };
}
