/** Reports of a ledger: the caller's side. The thread starts with the first one; many ledgers are never asked. */

import { setTimeout as sleep } from "node:timers/promises";
import { TallygateError } from "../../base/errors.ts";
import type { ReportFormat } from "../../base/report-lines.ts";
import type {
  OpenReport,
  OutcomeQuery,
  OutcomeRow,
  ReportQuery,
  UsagePage,
  UsageQuery,
  UsageReportRow,
} from "../../ports/ledger-store.ts";
import type { ReportApi, ReportStart } from "./report-protocol.ts";
import { Thread } from "./thread.ts";

/** A document rests after each piece for as long as it worked at it: reports take half a core at most, and calls find room. */
const restMsMax = 100;

export class LedgerReports {
  readonly #file: string;
  #thread: Promise<Thread<ReportApi>> | undefined;
  #isClosed = false;

  /** The file must be there. */
  constructor(file: string) {
    this.#file = file;
  }

  async usage(query: UsageQuery): Promise<readonly UsageReportRow[]> {
    const thread = await this.#started();
    return thread.call("usage", query);
  }

  async page(query: UsageQuery): Promise<UsagePage> {
    const thread = await this.#started();
    return thread.call("page", query);
  }

  async open(query: ReportQuery, format: ReportFormat): Promise<OpenReport> {
    const thread = await this.#started();
    const report = await thread.call("open", { query, format });
    let restMs = 0;
    return {
      next: async (limit) => {
        if (restMs >= 1) await sleep(restMs);
        const startMs = performance.now();
        const piece = await thread.call("next", { report, limit });
        restMs = Math.min(restMsMax, performance.now() - startMs);
        return piece;
      },
      close: () => thread.call("closeReport", { report }),
    };
  }

  async outcomes(query: OutcomeQuery): Promise<readonly OutcomeRow[]> {
    const thread = await this.#started();
    return thread.call("outcomes", query);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const thread = await this.#thread?.catch(() => undefined);
    if (thread === undefined) return;
    try {
      await thread.call("close", undefined);
    } finally {
      await thread.end();
    }
  }

  /** A thread that died is replaced with the next report. */
  #started(): Promise<Thread<ReportApi>> {
    if (this.#isClosed) throw new TallygateError("ledger-failed", "The ledger is closed.");
    const forget = (): void => {
      this.#thread = undefined;
    };
    this.#thread ??= startThread({ file: this.#file }, forget).catch((error: unknown) => {
      forget();
      throw error;
    });
    return this.#thread;
  }
}

async function startThread(data: ReportStart, onDeath: () => void): Promise<Thread<ReportApi>> {
  const { thread } = await Thread.start<ReportApi, undefined>({
    ...{ from: import.meta.url, module: "report-thread", data, onDeath },
    failed: "ledger-failed",
  });
  return thread;
}
