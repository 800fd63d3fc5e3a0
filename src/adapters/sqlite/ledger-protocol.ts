/** What the ledger and its thread say to each other. A checkpoint comes in pieces, so that no turn of the sender is long. */

import type { WindowId } from "../../base/words.ts";
import type {
  FoldCheckpoint,
  LedgerColumns,
  LedgerLeases,
  LedgerObservation,
  LoadedLedger,
  UsageCheck,
} from "../../ports/ledger-store.ts";
import type { Call } from "./thread.ts";

export interface LedgerStart {
  readonly file: string;
}

export interface TotalsPiece {
  readonly window: WindowId;
  readonly lo: Uint32Array;
  readonly hi: Uint32Array;
  readonly charged: Float64Array;
  readonly refunded: Float64Array;
  /** Indices of counters whose subject is given, and the subjects. */
  readonly named: Uint32Array;
  readonly subjects: readonly string[];
}

export interface RowsPiece {
  /** Distinct texts of the piece. */
  readonly texts: readonly string[];
  /** For each row seven indices into `texts`: region, route, plan, owner, key, address, referer. */
  readonly keys: Uint32Array;
  /** For each row five numbers: hour in seconds, calls, units, refunded calls, refunded units. */
  readonly numbers: Float64Array;
}

export const rowTexts = 7;
export const rowNumbers = 5;

export interface CheckpointEnd {
  readonly leases: readonly LedgerLeases[];
  readonly fold: FoldCheckpoint;
  readonly dropped: readonly WindowId[];
  readonly observations: readonly LedgerObservation[];
}

export interface LedgerApi {
  load: Call<{ withSubjects: boolean }, LoadedLedger | undefined, LedgerColumns>;
  /** Forgets pieces of a checkpoint that was not finished. */
  begin: Call<undefined, void>;
  totals: Call<TotalsPiece, void>;
  rows: Call<RowsPiece, void>;
  commit: Call<CheckpointEnd, void>;
  subjectOf: Call<{ window: WindowId; lo: number; hi: number }, string | undefined>;
  checkUsage: Call<{ limit: number }, UsageCheck>;
  getMeta: Call<{ name: string }, string | undefined>;
  setMeta: Call<{ name: string; value: string }, void>;
  copyTo: Call<{ file: string }, void>;
  close: Call<undefined, void>;
}
