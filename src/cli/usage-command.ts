/** `usage`: reports from the hub's ledger. */

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Command, Option } from "commander";
import type { UsageJson } from "../control/schemas.ts";
import {
  addControlOptions,
  type ControlOptions,
  callControl,
  findControlPlane,
  sendControl,
} from "./control-client.ts";
import { parseInstantOrDuration, parseWhole } from "./option-values.ts";
import { grouped, print, printJson, shortBytes, shortInstant, tableLines } from "./output.ts";
import { countBytes, startProgress } from "./progress.ts";

interface UsageOptions extends ControlOptions {
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly jsonl?: boolean;
  readonly by: string;
  readonly window: string;
  readonly from?: string;
  readonly to?: string;
  readonly top?: number;
  readonly key?: string;
  readonly owner?: string;
  readonly ip?: string;
  readonly referer?: string;
  readonly route?: string;
  readonly region?: string;
  readonly plan?: string;
}

const dimensions = ["key", "owner", "ip", "referer", "route", "region", "plan"] as const;
const topMax = 10_000;
const pageMax = 10_000;
/** Rows held in memory for a table or a JSON document: for more there are --csv and --jsonl, which stream. */
const rowsMax = 1_000_000;
/** A page of a report that reads tens of millions of rows. */
const pageMsMax = 120_000;
/** Just over what the hub gives one document. */
const documentMsMax = 1_860_000;

export function addUsageCommand(program: Command): void {
  const command = program
    .command("usage")
    .description("calls and units, from the hub's ledger")
    .addOption(
      new Option("--by <dimension>", "what to sum by").choices([...dimensions]).default("key"),
    )
    .addOption(
      new Option("--window <window>", "length of the rows")
        .choices(["hour", "day", "month", "total"])
        .default("month"),
    )
    .option("--from <time>", "2026-12-01, or a duration ago: 24h; default: this month", past)
    .option("--to <time>", "exclusive; default: now", past)
    .option("--top <n>", "the highest by units, per window", (text) => parseWhole(text, 1, topMax))
    .addOption(new Option("--csv", "print CSV, of any length").conflicts(["jsonl", "json"]))
    .addOption(new Option("--jsonl", "print JSON, a row a line, of any length").conflicts("json"));
  for (const dimension of dimensions) {
    command.option(`--${dimension} <${dimension}>`, `only this ${dimension}`);
  }
  addControlOptions(command).action(usage);
}

const past = parseInstantOrDuration(-1);

async function usage(options: UsageOptions): Promise<void> {
  const plane = findControlPlane(options);
  const { by, window, from, to, top } = options;
  const filters = Object.fromEntries(dimensions.map((name) => [name, options[name]]));
  const query = { by, window, from, to, top, ...filters };
  const path = "/v1/usage";
  if (options.csv || options.jsonl) {
    const format = options.csv ? "csv" : "jsonl";
    const { body } = await sendControl(plane, {
      ...{ path, query: { ...query, format } },
      timeoutMs: documentMsMax,
    });
    if (body !== null) await printDocument(body);
    return;
  }
  const progress = startProgress("reading");
  const rows: UsageJson["rows"] = [];
  let report: UsageJson;
  let cursor: string | undefined;
  do {
    report = await callControl<UsageJson>(plane, {
      ...{ path, query: { ...query, limit: pageMax, cursor } },
      timeoutMs: pageMsMax,
    }).catch((error: unknown) => {
      progress.stop();
      throw error;
    });
    rows.push(...report.rows);
    cursor = report.next ?? undefined;
    progress.tell(`${grouped(rows.length)} rows`);
  } while (cursor !== undefined && rows.length < rowsMax);
  progress.stop();
  if (options.json) printJson({ ...report, rows });
  else printReport({ ...report, rows });
}

/** A line of progress between lines of a report would be in the way of both. */
async function printDocument(body: ReadableStream): Promise<void> {
  const progress = process.stdout.isTTY ? undefined : startProgress("reading");
  const seen = countBytes((soFar) => progress?.tell(shortBytes(soFar)));
  try {
    await pipeline(Readable.fromWeb(body), seen, process.stdout, { end: false });
  } finally {
    progress?.stop();
  }
}

function printReport(report: UsageJson): void {
  const { by, rows } = report;
  if (rows.length === 0) {
    print(`Nothing was used from ${shortInstant(report.from)} to ${shortInstant(report.to)}.`);
    return;
  }
  const right = "right" as const;
  const columns = [
    { title: report.window },
    { title: by },
    { title: "calls", align: right },
    { title: "units", align: right },
    { title: "refunded", align: right },
  ];
  const cells = rows.map((row) => [
    shortWindow(row.window, report.window),
    row.value === "" ? "(none)" : row.value,
    grouped(row.calls),
    grouped(row.units),
    grouped(row.refundedUnits),
  ]);
  for (const line of tableLines(columns, cells)) print(line);
}

function shortWindow(start: string, window: UsageJson["window"]): string {
  if (window === "total") return "all";
  const length = { hour: 13, day: 10, month: 7 }[window];
  return start.slice(0, length).replace("T", " ") + (window === "hour" ? "h" : "");
}
