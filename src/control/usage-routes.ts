/** `/v1/usage`: reports from the ledger, as JSON pages or as one document, CSV or JSON lines. */

import { createRoute } from "@hono/zod-openapi";
import { TallygateError } from "../base/errors.ts";
import type { ReportFormat } from "../base/report-lines.ts";
import type { UsageDimension, UsageQuery } from "../ports/ledger-store.ts";
import { bearerSecurity, type ControlApp, type ControlContext } from "./control-context.ts";
import { filtersFor } from "./owner-scope.ts";
import { changeResponses } from "./problem.ts";
import { type UsageParameters, usageDimensions, usageQuerySchema, usageSchema } from "./schemas.ts";
import { usageDocument } from "./usage-document.ts";

const hourMs = 3_600_000;

const usageRoute = createRoute({
  method: "get",
  path: "/v1/usage",
  operationId: "usage",
  summary: "Calls and units, summed by one dimension and window. Exact.",
  description:
    "With `format=csv` or `jsonl`, or such an `Accept`, one document of all rows from one state of the ledger; `limit` and " +
    "`cursor` do not apply. It ends early only with its connection. Texts that a spreadsheet would run get a leading apostrophe.",
  security: bearerSecurity,
  request: { query: usageQuerySchema },
  responses: {
    200: {
      description: "The report.",
      content: {
        "application/json": { schema: usageSchema },
        "text/csv": { schema: { type: "string" as const } },
        "application/x-ndjson": { schema: { type: "string" as const } },
      },
    },
    ...changeResponses,
  },
});

const documents: Readonly<Record<ReportFormat, { type: string; file: string }>> = {
  csv: { type: "text/csv; charset=utf-8; header=present", file: "usage.csv" },
  jsonl: { type: "application/x-ndjson; charset=utf-8", file: "usage.jsonl" },
};

export function addUsageRoutes(app: ControlApp, context: ControlContext): void {
  const { hub, timers } = context;

  app.openapi(usageRoute, async (c) => {
    const parameters = c.req.valid("query");
    const cursor = parseCursor(parameters.cursor);
    const asked = toQuery(parameters, cursor, hub.status().timeMs);
    const query = { ...asked, where: filtersFor(c.var.principal, asked.where) };
    const format = parameters.format ?? acceptedFormat(c.req.header("accept"));
    if (format !== "json") {
      const { type, file } = documents[format];
      const headers = {
        "Content-Type": type,
        "Content-Disposition": `attachment; filename="${file}"`,
      };
      // Of a HEAD nobody would read the document to its end.
      if (c.req.raw.method === "HEAD") return c.body(null, 200, headers);
      const { limit: _, offset: __, ...whole } = query;
      const report = await hub.openReport(whole, format);
      return c.body(usageDocument({ format, by: query.by, report, timers }), 200, headers);
    }
    const { fromMs, toMs } = query;
    const { rows, next: at } = await hub.usagePage({ ...query, ...cursor?.at });
    const next = at === undefined ? null : cursorText({ fromMs, toMs, at });
    const from = new Date(fromMs).toISOString();
    const to = new Date(toMs).toISOString();
    const page = rows.map((row) => ({ ...row }));
    return c.json({ by: query.by, window: query.window, from, to, rows: page, next }, 200);
  });
}

/** Where several are welcome JSON wins, being the default. */
function acceptedFormat(accept = ""): ReportFormat | "json" {
  if (/\bapplication\/json\b/i.test(accept)) return "json";
  if (/\btext\/csv\b/i.test(accept)) return "csv";
  return /\bapplication\/(x-ndjson|jsonl)\b/i.test(accept) ? "jsonl" : "json";
}

function toQuery(
  parameters: UsageParameters,
  cursor: Cursor | undefined,
  nowMs: number,
): UsageQuery {
  const { by, window, top, limit } = parameters;
  const now = new Date(nowMs);
  const monthMs = Date.UTC(now.getUTCFullYear(), now.getUTCMonth());
  const fromMs =
    parameters.from === undefined ? (cursor?.fromMs ?? monthMs) : Date.parse(parameters.from);
  const toMs =
    parameters.to === undefined ? (cursor?.toMs ?? nowMs + 1) : Date.parse(parameters.to);
  const query = {
    by,
    window,
    fromMs: Math.floor(fromMs / hourMs) * hourMs,
    toMs: Math.ceil(toMs / hourMs) * hourMs,
    top,
    limit,
    offset: 0,
    where: filters(parameters),
  };
  if (query.fromMs >= query.toMs) {
    throw new TallygateError("request-invalid", "from must be before to");
  }
  return query;
}

function filters(parameters: UsageParameters): Partial<Record<UsageDimension, string>> {
  const where: Partial<Record<UsageDimension, string>> = {};
  for (const dimension of usageDimensions) {
    const value = parameters[dimension];
    if (value !== undefined) where[dimension] = value;
  }
  return where;
}

/** Holds the span too: what is "now" must not move from page to page. */
interface Cursor extends Pick<UsageQuery, "fromMs" | "toMs"> {
  /** Where in it the page begins. */
  readonly at: Pick<UsageQuery, "fromMs" | "offset">;
}

function cursorText({ fromMs, toMs, at }: Cursor): string {
  const numbers = [at.offset, fromMs / hourMs, toMs / hourMs, at.fromMs / hourMs];
  return numbers.map((number) => number.toString(36)).join(".");
}

function parseCursor(text: string | undefined): Cursor | undefined {
  if (text === undefined) return undefined;
  if (!/^[0-9a-z]{1,6}(\.-?[0-9a-z]{1,6}){3}$/.test(text)) {
    throw new TallygateError("request-invalid", "cursor is not one that this report gave");
  }
  const numbers = text.split(".").map((part) => Number.parseInt(part, 36));
  const [offset = 0, from = 0, to = 0, at = 0] = numbers;
  return { fromMs: from * hourMs, toMs: to * hourMs, at: { offset, fromMs: at * hourMs } };
}
