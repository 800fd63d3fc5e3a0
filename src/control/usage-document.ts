/**
 * A usage report as one document of any length, CSV or JSON lines. It shows one state of the ledger, is made as fast as
 * it is read, and holds one piece of rows at a time. One that cannot be finished is cut off, never ended early: who
 * reads it sees a broken connection, not a shorter report.
 */

import { type ReportFormat, reportHeader } from "../base/report-lines.ts";
import type { Timers } from "../ports/clock.ts";
import type { OpenReport } from "../ports/ledger-store.ts";

/** Rows made at once: some 100 kB. */
export const documentRowsAtOnce = 1_000;
/** A reader that takes nothing for this long is cut off. */
export const readerIdleMsMax = 60_000;
/** The ledger's files grow while a report is open. */
export const documentMsMax = 1_800_000;

export interface UsageDocument {
  readonly format: ReportFormat;
  /** Title of the column of values. */
  readonly by: string;
  readonly report: OpenReport;
  readonly timers: Timers;
}

/** Closes the report, whether or not it is read to its end. */
export function usageDocument(document: UsageDocument): ReadableStream<Uint8Array> {
  const { format, by, report, timers } = document;
  const header = reportHeader(format, by);
  let cancelTimers = (): void => {};
  const close = async (): Promise<void> => {
    cancelTimers();
    await report.close();
  };
  return new ReadableStream<Uint8Array>({
    start(controller) {
      let lateForMs = 0;
      const cutOff = (why: string): void => {
        controller.error(new Error(why));
        void close().catch(() => undefined);
      };
      const whole = timers.after(documentMsMax, () => cutOff("the report took too long"));
      const idle = timers.every(readerIdleMsMax / 4, () => {
        lateForMs = (controller.desiredSize ?? 0) > 0 ? 0 : lateForMs + readerIdleMsMax / 4;
        if (lateForMs >= readerIdleMsMax) cutOff("the reader takes nothing");
      });
      cancelTimers = () => {
        whole.cancel();
        idle.cancel();
      };
      if (header !== "") controller.enqueue(new TextEncoder().encode(header));
    },
    async pull(controller) {
      try {
        const { lines, text } = await report.next(documentRowsAtOnce);
        if (lines > 0) controller.enqueue(text);
        if (lines === documentRowsAtOnce) return;
        cancelTimers();
        controller.close();
      } catch (error) {
        await close().catch(() => undefined);
        throw error;
      }
    },
    cancel: close,
  });
}
