/**
 * The hub's durable ledger: totals, usage rows and the fold's state, saved together.
 * In a thread of its own. `gateway`-facing work never waits for it.
 */

import type { ReportFormat } from "../base/report-lines.ts";
import type { EpochMs, ProducerKey, Seq, Version, WindowId } from "../base/words.ts";

/** Counters of one window, as columns of equal length. Absolute values. */
export interface LedgerColumns {
  readonly window: WindowId;
  readonly lo: Uint32Array;
  readonly hi: Uint32Array;
  readonly charged: Float64Array;
  readonly refunded: Float64Array;
  /** The subject's text where the counter is new to the ledger, else "". */
  readonly subject: readonly string[];
}

export interface LedgerRow {
  /** Start of the UTC hour. */
  readonly hour: EpochMs;
  readonly region: string;
  readonly route: string;
  readonly plan: string;
  readonly owner: string;
  readonly key: string;
  readonly address: string;
  readonly referer: string;
  /** Added to what is stored. */
  readonly calls: number;
  readonly units: number;
  readonly refundedCalls: number;
  readonly refundedUnits: number;
}

export interface LedgerObservation {
  readonly hour: EpochMs;
  readonly region: string;
  readonly route: string;
  readonly plan: string;
  /** `admitted`, `limited:<limit>`, `upstream-error`… */
  readonly outcome: string;
  readonly calls: number;
  readonly bytes: number;
  readonly timeMs: number;
}

/** The leases of one counter, as a text that the hub makes. */
export interface LedgerLeases {
  readonly window: WindowId;
  readonly lo: number;
  readonly hi: number;
  readonly book: string;
}

export interface FoldCheckpoint {
  readonly version: Version;
  /** Windows that ended at or before this instant are gone. */
  readonly horizonMs: EpochMs;
  /** Per producer and incarnation: watermark, parked batches' bytes, lost seqs not turned up. */
  readonly producers: readonly ProducerCheckpoint[];
  /** Nothing is granted in windows that begin before this instant. */
  readonly fenceMs: EpochMs;
  /** Limits, written `plan/limit/per/window`, and the instant from which on they are strict. */
  readonly strictSince: readonly (readonly [string, EpochMs])[];
}

export interface ProducerCheckpoint {
  readonly producer: ProducerKey;
  readonly last: Seq;
  readonly parked: readonly { readonly seq: Seq; readonly bytes: Uint8Array }[];
  /** Inclusive ranges. */
  readonly lost: readonly (readonly [Seq, Seq])[];
}

export interface LedgerDelta {
  readonly fold: FoldCheckpoint;
  readonly totals: readonly LedgerColumns[];
  readonly dropped: readonly WindowId[];
  readonly rows: readonly LedgerRow[];
  readonly observations: readonly LedgerObservation[];
  /** Those that changed; they go with their windows. */
  readonly leases: readonly LedgerLeases[];
}

export type UsageDimension = "key" | "owner" | "ip" | "referer" | "route" | "region" | "plan";

export interface UsageQuery {
  readonly by: UsageDimension;
  /** Length of the reported window; rows are hours and are summed up. `total`: one sum per value. */
  readonly window: "hour" | "day" | "month" | "total";
  /** Inclusive start, exclusive end; whole hours. */
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** Highest by units, per window; 0: all up to `limit`. */
  readonly top: number;
  /** Rows at most, and where to go on. */
  readonly limit: number;
  readonly offset: number;
  /** Only rows whose dimensions have these values. */
  readonly where: Partial<Record<UsageDimension, string>>;
  /** Sums the rows themselves, whatever sums of them are stored: slow, for who wants to know whether those are right. */
  readonly fromRows?: boolean;
}

/** One page of a report. */
export interface UsagePage {
  readonly rows: readonly UsageReportRow[];
  /** Where the next page begins: `fromMs` and `offset` of its query. Undefined: this is the last. */
  readonly next: Pick<UsageQuery, "fromMs" | "offset"> | undefined;
}

export interface UsageReportRow {
  /** ISO 8601 start of the window; "" for `total`. */
  readonly window: string;
  readonly value: string;
  readonly calls: number;
  readonly units: number;
  readonly refundedCalls: number;
  readonly refundedUnits: number;
}

/** A report without the bounds of a page. */
export type ReportQuery = Omit<UsageQuery, "limit" | "offset">;

/** Lines of a document, each with its end. */
export interface ReportPiece {
  readonly lines: number;
  readonly text: Uint8Array<ArrayBuffer>;
}

/** A report of one state of the ledger, read to its end piece by piece; later checkpoints do not show in it. */
export interface OpenReport {
  /** The lines of the next rows, at most `limit`. Fewer: it was read to its end, and is closed. One call at a time. */
  next(limit: number): Promise<ReportPiece>;
  /** Until then the ledger's files grow with every checkpoint. Idempotent. */
  close(): Promise<void>;
}

export type OutcomeDimension = "outcome" | "region" | "route" | "plan";

/** How calls ended, refused ones included: from what gateways observe, not from what they charge. */
export interface OutcomeQuery {
  readonly by: OutcomeDimension;
  readonly window: "hour" | "day" | "total";
  /** Inclusive start, exclusive end; whole hours. */
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly where: Partial<Record<OutcomeDimension, string>>;
  /** Rows at most, from the first. */
  readonly limit: number;
}

export interface OutcomeRow {
  /** ISO 8601 start of the window; "" for `total`. */
  readonly window: string;
  readonly value: string;
  readonly calls: number;
  /** Of replies' bodies. */
  readonly bytes: number;
  /** From requests' heads to whole replies, summed. */
  readonly timeMs: number;
}

/** A stored total whose row does not match its own CRC. */
export interface DamagedTotal {
  readonly window: WindowId;
  readonly subject: string;
}

/** A stored usage row whose content does not match its own CRC. */
export type DamagedRow = Pick<
  LedgerRow,
  "hour" | "region" | "route" | "plan" | "owner" | "key" | "address" | "referer"
>;

/** A stored sum of usage rows that is not what the rows come to. */
export interface WrongSum {
  readonly dimension: UsageDimension;
  readonly length: "hour" | "day" | "month";
  readonly start: EpochMs;
  readonly value: string;
  /** Units, or calls where those agree. */
  readonly expected: number;
  readonly found: number;
}

/** The first ones of each. */
export interface UsageCheck {
  readonly damaged: readonly DamagedRow[];
  readonly wrongSums: readonly WrongSum[];
}

export interface LoadedLedger {
  readonly fold: FoldCheckpoint;
  readonly leases: readonly LedgerLeases[];
  readonly damaged: readonly DamagedTotal[];
}

export interface LedgerStore {
  /**
   * Reads everything saved: totals through `onTotals` in chunks (subjects left out: "" unless `withSubjects`). Undefined: the ledger is
   * new. Rows with a wrong CRC are delivered and listed, up to 1,000 of them; a subject's own CRC is checked `withSubjects` only.
   * Fails with `data-damaged` if the fold's state or a counter's leases are: granted twice, a quota is exceeded.
   */
  load(
    onTotals: (columns: LedgerColumns) => void,
    options?: { readonly withSubjects?: boolean },
  ): Promise<LoadedLedger | undefined>;
  /** One transaction, synced. */
  checkpoint(delta: LedgerDelta): Promise<void>;
  /** The text of a counter's subject; undefined if not stored. */
  subjectOf(window: WindowId, lo: number, hi: number): Promise<string | undefined>;
  /** In order of window, then of units (highest first), then of value. */
  usage(query: UsageQuery): Promise<readonly UsageReportRow[]>;
  /**
   * The same in the same order, as a page that is made in a fraction of a second wherever that can be done: it may have fewer rows than
   * `limit` and not be the last. `offset` counts within the first window.
   */
  usagePage(query: UsageQuery): Promise<UsagePage>;
  /**
   * The same in the same order, for reports of any length in bounded memory. The opener closes it. Fails with `too-busy`
   * while as many are open as the store allows, which is at least 4.
   */
  openReport(query: ReportQuery, format: ReportFormat): Promise<OpenReport>;
  /** Reads every usage row, and every sum of them that is stored, and names what is damaged or wrong, at most `limit` of each. */
  checkUsage(limit: number): Promise<UsageCheck>;
  /** In order of window, then of calls (highest first), then of value. A crash of a gateway loses up to a second of them. */
  outcomes(query: OutcomeQuery): Promise<readonly OutcomeRow[]>;
  /** Small named values: epoch, cluster id, backup coverage, incidents. Synced. */
  getMeta(name: string): Promise<string | undefined>;
  setMeta(name: string, value: string): Promise<void>;
  /**
   * Copies the ledger as of its last checkpoint into a new file (consistent, synced).
   * Fails with `data-unwritable` if the file exists or cannot be written.
   */
  copyTo(file: string): Promise<void>;
  bytes(): number;
  close(): Promise<void>;
}
