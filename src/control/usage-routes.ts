/** `/v1/usage`: reports from the ledger, as JSON pages or as one CSV document. */

import { createRoute } from "@hono/zod-openapi";
import { TallygateError } from "../base/errors.ts";
import type { HubApi } from "../hub/hub-api.ts";
import type { UsageDimension, UsageQuery, UsageReportRow } from "../ports/ledger-store.ts";
import { bearerSecurity, type ControlApp, type ControlContext } from "./control-context.ts";
import { csvLine } from "./csv.ts";
import { problemResponses } from "./problem.ts";
import {
  type UsageParameters,
  usageCsvRowsMax,
  usageDimensions,
  usagePageMax,
  usageQuerySchema,
  usageSchema,
} from "./schemas.ts";

const hourMs = 3_600_000;

const usageRoute = createRoute({
  method: "get",
  path: "/v1/usage",
  operationId: "usage",
  summary: "Calls and units, summed by one dimension and window. Exact.",
  description:
    `With \`Accept: text/csv\` one document of all rows, at most ${usageCsvRowsMax}; \`limit\` and ` +
    "`cursor` do not apply. Texts that a spreadsheet would run get a leading apostrophe.",
  security: bearerSecurity,
  request: { query: usageQuerySchema },
  responses: {
    200: {
      description: "The report.",
      content: {
        "application/json": { schema: usageSchema },
        "text/csv": { schema: { type: "string" as const } },
      },
    },
    400: problemResponses[400],
    401: problemResponses[401],
    503: problemResponses[503],
  },
});

export function addUsageRoutes(app: ControlApp, context: ControlContext): void {
  const { hub } = context;

  app.openapi(usageRoute, async (c) => {
    const parameters = c.req.valid("query");
    const query = toQuery(parameters, hub.status().timeMs);
    if (wantsCsv(c.req.header("accept"))) {
      const first = await hub.usage({ ...query, limit: usagePageMax, offset: 0 });
      return c.body(csvDocument(hub, query, first), 200, {
        "Content-Type": "text/csv; charset=utf-8; header=present",
        "Content-Disposition": 'attachment; filename="usage.csv"',
      });
    }
    const { limit } = parameters;
    const rows = await hub.usage({ ...query, limit: limit + 1 });
    const next = rows.length > limit ? String(query.offset + limit) : null;
    const from = new Date(query.fromMs).toISOString();
    const to = new Date(query.toMs).toISOString();
    const page = rows.slice(0, limit).map((row) => ({ ...row }));
    return c.json({ by: query.by, window: query.window, from, to, rows: page, next }, 200);
  });
}

/** Where both are welcome JSON wins, being the default. */
function wantsCsv(accept: string | undefined): boolean {
  if (accept === undefined || !/\btext\/csv\b/i.test(accept)) return false;
  return !/\bapplication\/json\b/i.test(accept);
}

function toQuery(parameters: UsageParameters, nowMs: number): UsageQuery {
  const { by, window, top, limit } = parameters;
  const now = new Date(nowMs);
  const monthMs = Date.UTC(now.getUTCFullYear(), now.getUTCMonth());
  const fromMs = parameters.from === undefined ? monthMs : Date.parse(parameters.from);
  const toMs = parameters.to === undefined ? nowMs + 1 : Date.parse(parameters.to);
  const query = {
    by,
    window,
    fromMs: Math.floor(fromMs / hourMs) * hourMs,
    toMs: Math.ceil(toMs / hourMs) * hourMs,
    top,
    limit,
    offset: parseCursor(parameters.cursor),
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

function parseCursor(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  if (!/^\d{1,9}$/.test(cursor)) {
    throw new TallygateError("request-invalid", "cursor is not one that this report gave");
  }
  return Number(cursor);
}

const csvColumns = ["window", "value", "calls", "units", "refundedCalls", "refundedUnits"] as const;

/** Asks for the next page when the reader has taken the one before, so a slow reader fills nothing. */
function csvDocument(
  hub: Pick<HubApi, "usage">,
  query: UsageQuery,
  first: readonly UsageReportRow[],
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let page: readonly UsageReportRow[] | undefined = first;
  let written = 0;
  const header = csvLine(["window", query.by, ...csvColumns.slice(2)]);
  return new ReadableStream({
    start: (controller) => controller.enqueue(encoder.encode(header)),
    async pull(controller) {
      page ??= await hub.usage({ ...query, limit: usagePageMax, offset: written });
      const lines = page.map((row) => csvLine(csvColumns.map((column) => row[column])));
      if (lines.length > 0) controller.enqueue(encoder.encode(lines.join("")));
      written += page.length;
      if (page.length < usagePageMax || written >= usageCsvRowsMax) controller.close();
      page = undefined;
    },
  });
}
