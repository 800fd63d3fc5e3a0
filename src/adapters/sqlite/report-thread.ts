/**
 * The thread of the ledger's reports: reads only, on connections of its own, so that a report over millions of rows holds
 * up no checkpoint. Each open report is one read transaction: one state of the ledger, whatever is written meanwhile.
 */

import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { DatabaseSync } from "node:sqlite";
import { TallygateError } from "../../base/errors.ts";
import { type ReportFormat, reportLines } from "../../base/report-lines.ts";
import type { UsageReportRow } from "../../ports/ledger-store.ts";
import { queryOutcomes } from "./ledger-outcomes.ts";
import { UsageReports } from "./ledger-query.ts";
import { type ReportApi, type ReportStart, reportsMax } from "./report-protocol.ts";
import { type Handlers, serveThread } from "./thread-server.ts";

/** Of each connection, and what a sort holds before it goes on in a temporary file. */
const cacheKiB = 16 * 1024;
/** Of this thread: whoever answers calls, or sums them, goes first. */
const niceness = 10;
/** How long a statement waits for a lock that somebody's hand (`sqlite3`) holds. */
const busyTimeoutMs = 5000;

interface Report {
  readonly db: DatabaseSync;
  readonly format: ReportFormat;
  readonly rows: Generator<UsageReportRow>;
}

serveThread<ReportApi, ReportStart, undefined>(open, ({ file }) => ({
  file,
  failed: "ledger-failed",
}));

/** Linux gives each thread a priority of its own; elsewhere reports are as urgent as the rest. */
function giveWay(): void {
  try {
    const [, thread] = readlinkSync("/proc/thread-self").split("/task/");
    setPriority(Number(thread), niceness);
  } catch {
    // Nothing depends on it.
  }
}

function connect(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { readOnly: true, timeout: busyTimeoutMs });
  db.exec(`PRAGMA cache_size = -${cacheKiB}`);
  db.exec("PRAGMA temp_store = FILE");
  return db;
}

function open({ file }: ReportStart): { handlers: Handlers<ReportApi>; ready: undefined } {
  giveWay();
  const db = connect(file);
  const pages = new UsageReports(db);
  const reports = new Map<number, Report>();
  let lastReport = 0;

  const end = (number: number): void => {
    const report = reports.get(number);
    reports.delete(number);
    report?.db.close();
  };

  const handlers: Handlers<ReportApi> = {
    usage: (query) => pages.usage(query),
    page: (query) => pages.page(query),
    open({ query, format }) {
      if (reports.size >= reportsMax) {
        throw new TallygateError("too-busy", `${reportsMax} reports are being read already`);
      }
      const own = connect(file);
      // What the transaction sees is settled by its first read, not by its beginning.
      own.exec("BEGIN");
      own.prepare("SELECT 1 FROM usage LIMIT 1").get();
      lastReport++;
      reports.set(lastReport, { db: own, format, rows: new UsageReports(own).iterate(query) });
      return lastReport;
    },
    next({ report: number, limit }, { transfer }) {
      const report = reports.get(number);
      if (report === undefined) throw new TallygateError("ledger-failed", "The report is closed.");
      const rows: UsageReportRow[] = [];
      try {
        while (rows.length < limit) {
          const next = report.rows.next();
          if (next.done) break;
          rows.push(next.value);
        }
      } catch (error) {
        end(number);
        throw error;
      }
      if (rows.length < limit) end(number);
      const text = reportLines(report.format, rows);
      transfer.push(text.buffer);
      return { lines: rows.length, text };
    },
    closeReport: ({ report }) => end(report),
    outcomes: (query) => queryOutcomes(db, query),
    close() {
      for (const number of [...reports.keys()]) end(number);
      db.close();
    },
  };
  return { handlers, ready: undefined };
}
