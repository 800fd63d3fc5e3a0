/** `LedgerStore` in memory, deep copies in and out. `files` stands for the file system of `copyTo`. */

import { TallygateError } from "../../base/errors.ts";
import { type ReportFormat, reportLines } from "../../base/report-lines.ts";
import type {
  FoldCheckpoint,
  LedgerColumns,
  LedgerDelta,
  LedgerLeases,
  LedgerObservation,
  LedgerRow,
  LedgerStore,
  LoadedLedger,
  OpenReport,
  OutcomeQuery,
  OutcomeRow,
  ReportQuery,
  UsageCheck,
  UsagePage,
  UsageQuery,
  UsageReportRow,
} from "../../ports/ledger-store.ts";
import { reportOutcomes } from "./memory-outcomes.ts";
import { pageUsage, reportUsage } from "./memory-usage.ts";

export interface StoredTotal {
  readonly window: string;
  readonly lo: number;
  readonly hi: number;
  charged: number;
  refunded: number;
  subject: string;
}

/** Counters of one chunk: small, so that tests see several. */
const chunkCounters = 7;
const reportsMax = 4;

export class MemoryLedger implements LedgerStore {
  readonly files: Map<string, MemoryLedger>;
  totals = new Map<string, StoredTotal>();
  rows = new Map<string, { -readonly [K in keyof LedgerRow]: LedgerRow[K] }>();
  observations = new Map<string, LedgerObservation>();
  meta = new Map<string, string>();
  leases = new Map<string, LedgerLeases>();
  fold: FoldCheckpoint | undefined;
  checkpoints = 0;
  /** While true every checkpoint fails. */
  failing = false;
  /** Runs inside a checkpoint, before anything is stored. */
  beforeStore: (() => Promise<void>) | undefined;
  #openReports = 0;

  constructor(files = new Map<string, MemoryLedger>()) {
    this.files = files;
  }

  async load(
    onTotals: (columns: LedgerColumns) => void,
    options: { readonly withSubjects?: boolean } = {},
  ): Promise<LoadedLedger | undefined> {
    if (this.fold === undefined) return undefined;
    const byWindow = Map.groupBy(this.totals.values(), ({ window }) => window);
    for (const [window, totals] of byWindow) {
      for (let from = 0; from < totals.length; from += chunkCounters) {
        const chunk = totals.slice(from, from + chunkCounters);
        await undefined;
        onTotals({
          window,
          lo: Uint32Array.from(chunk, ({ lo }) => lo),
          hi: Uint32Array.from(chunk, ({ hi }) => hi),
          charged: Float64Array.from(chunk, ({ charged }) => charged),
          refunded: Float64Array.from(chunk, ({ refunded }) => refunded),
          subject: chunk.map(({ subject }) => (options.withSubjects ? subject : "")),
        });
      }
    }
    const leases = [...this.leases.values()];
    return { fold: copyFold(this.fold), leases, damaged: [] };
  }

  async checkpoint(delta: LedgerDelta): Promise<void> {
    await this.beforeStore?.();
    if (this.failing) throw new TallygateError("ledger-failed", "the disk is full");
    for (const columns of delta.totals) this.#storeTotals(columns);
    const dropped = new Set(delta.dropped);
    for (const [key, { window }] of this.totals) if (dropped.has(window)) this.totals.delete(key);
    for (const book of delta.leases) {
      this.leases.set(`${book.window} ${book.lo} ${book.hi}`, book);
    }
    for (const [key, { window }] of this.leases) if (dropped.has(window)) this.leases.delete(key);
    for (const row of delta.rows) this.#addRow(row);
    for (const seen of delta.observations) this.#addObservation(seen);
    this.fold = copyFold(delta.fold);
    this.checkpoints++;
  }

  async subjectOf(window: string, lo: number, hi: number): Promise<string | undefined> {
    return this.totals.get(`${window} ${lo} ${hi}`)?.subject;
  }

  async usage(query: UsageQuery): Promise<readonly UsageReportRow[]> {
    return reportUsage(this.rows.values(), query);
  }

  async usagePage(query: UsageQuery): Promise<UsagePage> {
    return pageUsage(this.rows.values(), query);
  }

  async openReport(query: ReportQuery, format: ReportFormat): Promise<OpenReport> {
    if (this.#openReports >= reportsMax) throw new TallygateError("too-busy", "too many reports");
    this.#openReports++;
    let rest = await this.usage({ ...query, limit: Number.MAX_SAFE_INTEGER, offset: 0 });
    let isOpen = true;
    const close = (): void => {
      if (isOpen) this.#openReports--;
      isOpen = false;
    };
    return {
      next: async (limit) => {
        if (!isOpen) throw new TallygateError("ledger-failed", "the report is closed");
        const rows = rest.slice(0, limit);
        rest = rest.slice(limit);
        if (rows.length < limit) close();
        return { lines: rows.length, text: reportLines(format, rows) };
      },
      close: async () => close(),
    };
  }

  /** Nothing is stored beside the rows. */
  async checkUsage(): Promise<UsageCheck> {
    return { damaged: [], wrongSums: [] };
  }

  async outcomes(query: OutcomeQuery): Promise<readonly OutcomeRow[]> {
    return reportOutcomes(this.observations.values(), query);
  }

  async getMeta(name: string): Promise<string | undefined> {
    return this.meta.get(name);
  }

  async setMeta(name: string, value: string): Promise<void> {
    this.meta.set(name, value);
  }

  async copyTo(file: string): Promise<void> {
    if (this.files.has(file)) throw new TallygateError("data-unwritable", `${file} exists`);
    this.files.set(file, this.copy());
  }

  copy(): MemoryLedger {
    const copy = new MemoryLedger(this.files);
    copy.totals = structuredClone(this.totals);
    copy.rows = structuredClone(this.rows);
    copy.observations = structuredClone(this.observations);
    copy.meta = new Map(this.meta);
    copy.leases = new Map(this.leases);
    copy.fold = this.fold === undefined ? undefined : copyFold(this.fold);
    return copy;
  }

  bytes(): number {
    return this.totals.size * 100;
  }

  async close(): Promise<void> {}

  #storeTotals({ window, lo, hi, charged, refunded, subject }: LedgerColumns): void {
    for (let i = 0; i < lo.length; i++) {
      const key = `${window} ${lo[i]} ${hi[i]}`;
      const text = subject[i] as string;
      const known = this.totals.get(key);
      if (known === undefined && text === "") throw new Error("a new counter without a subject");
      this.totals.set(key, {
        window,
        lo: lo[i] as number,
        hi: hi[i] as number,
        charged: charged[i] as number,
        refunded: refunded[i] as number,
        subject: known?.subject ?? text,
      });
    }
  }

  #addObservation(seen: LedgerObservation): void {
    const { calls, bytes, timeMs, ...key } = seen;
    const name = JSON.stringify(key);
    const known = this.observations.get(name);
    this.observations.set(name, {
      ...key,
      calls: calls + (known?.calls ?? 0),
      bytes: bytes + (known?.bytes ?? 0),
      timeMs: timeMs + (known?.timeMs ?? 0),
    });
  }

  #addRow(row: LedgerRow): void {
    const { calls, units, refundedCalls, refundedUnits, ...key } = row;
    const name = JSON.stringify(key);
    const known = this.rows.get(name);
    if (known === undefined) {
      this.rows.set(name, { ...row });
      return;
    }
    known.calls += calls;
    known.units += units;
    known.refundedCalls += refundedCalls;
    known.refundedUnits += refundedUnits;
  }
}

/** Bytes of parked batches are never changed. */
function copyFold(fold: FoldCheckpoint): FoldCheckpoint {
  const producers = fold.producers.map((producer) => {
    return { ...producer, parked: [...producer.parked], lost: [...producer.lost] };
  });
  return { ...fold, version: { ...fold.version }, producers, strictSince: [...fold.strictSince] };
}
