/** A report's rows as the lines of a document. */

import { csvLine } from "./csv.ts";

export type ReportFormat = "csv" | "jsonl";

interface ReportLine {
  readonly window: string;
  readonly value: string;
  readonly calls: number;
  readonly units: number;
  readonly refundedCalls: number;
  readonly refundedUnits: number;
}

const figures = ["calls", "units", "refundedCalls", "refundedUnits"] as const;

/** What stands above all lines; `by` is the title of the column of values. */
export function reportHeader(format: ReportFormat, by: string): string {
  return format === "csv" ? csvLine(["window", by, ...figures]) : "";
}

export function reportLines(
  format: ReportFormat,
  rows: readonly ReportLine[],
): Uint8Array<ArrayBuffer> {
  const line = format === "csv" ? csvRow : jsonRow;
  return new TextEncoder().encode(rows.map(line).join(""));
}

function csvRow(row: ReportLine): string {
  const { window, value, calls, units, refundedCalls, refundedUnits } = row;
  return csvLine([window, value, calls, units, refundedCalls, refundedUnits]);
}

function jsonRow(row: ReportLine): string {
  return `${JSON.stringify(row)}\n`;
}
