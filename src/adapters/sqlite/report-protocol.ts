/** What the ledger and the thread of its reports say to each other. */

import type { ReportFormat } from "../../base/report-lines.ts";
import type {
  OutcomeQuery,
  OutcomeRow,
  ReportPiece,
  ReportQuery,
  UsagePage,
  UsageQuery,
  UsageReportRow,
} from "../../ports/ledger-store.ts";
import type { Call } from "./thread.ts";

/** Reports open at one time, each with a connection and cache of its own. */
export const reportsMax = 8;

/** After this long a page ends with the window that it is at; the next one goes on behind it. */
export const pageMsMax = 100;

export interface ReportStart {
  readonly file: string;
}

export interface ReportApi {
  usage: Call<UsageQuery, UsageReportRow[]>;
  page: Call<UsageQuery, UsagePage>;
  /** The number of the report. */
  open: Call<{ query: ReportQuery; format: ReportFormat }, number>;
  /** Fewer lines than `limit`: it is closed. */
  next: Call<{ report: number; limit: number }, ReportPiece>;
  closeReport: Call<{ report: number }, void>;
  outcomes: Call<OutcomeQuery, OutcomeRow[]>;
  close: Call<undefined, void>;
}
