/** A report's rows as the lines of a document. */

import { csvLine } from "./csv.ts";

export type ReportFormat = "csv" | "jsonl";

const figures = ["calls", "units", "refundedCalls", "refundedUnits"] as const;

type ReportLine = Readonly<
  Record<"window" | "value", string> & Record<(typeof figures)[number], number>
>;

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
  return csvLine([row.window, row.value, ...figures.map((figure) => row[figure])]);
}

function jsonRow(row: ReportLine): string {
  return `${JSON.stringify(row)}\n`;
}
