/** `/v1/outcomes`: how calls ended by the hour, refused ones included. */

import { createRoute, z } from "@hono/zod-openapi";
import { TallygateError } from "../base/errors.ts";
import type { OutcomeQuery } from "../ports/ledger-store.ts";
import { bearerSecurity, type ControlApp, type ControlContext } from "./control-context.ts";
import { commonResponses } from "./problem.ts";
import { jsonContent } from "./request-parts.ts";
import { count, instant, instantInput, text } from "./schemas.ts";

const hourMs = 3_600_000;
/** A span in hours may be this long; other windows take any. */
export const outcomeHoursMsMax = 32 * 24 * hourMs;
export const outcomeRowsMax = 50_000;

const dimensions = ["outcome", "region", "route", "plan"] as const;

const filter = text(512).optional();

const querySchema = z.strictObject({
  by: z.enum(dimensions).default("outcome"),
  window: z.enum(["hour", "day", "total"]).default("hour"),
  from: instantInput
    .optional()
    .openapi({ description: "Inclusive, rounded down to the hour. Default: today." }),
  to: instantInput
    .optional()
    .openapi({ description: "Exclusive, rounded up to the hour. Default: the end of this hour." }),
  limit: count(1, outcomeRowsMax, 10_000),
  outcome: filter,
  region: filter,
  route: filter,
  plan: filter,
});

const outcomesSchema = z
  .object({
    by: z.enum(dimensions),
    window: z.enum(["hour", "day", "total"]),
    from: instant,
    to: instant,
    rows: z.array(
      z.object({
        window: z.string().openapi({ description: "Start of the window; empty for `total`." }),
        value: z.string().openapi({ example: "limited:month" }),
        calls: z.number(),
        bytes: z.number().openapi({ description: "Of replies' bodies." }),
        timeMs: z.number().openapi({ description: "From heads to whole replies, summed." }),
      }),
    ),
    more: z.boolean().openapi({ description: "There are more rows than `limit`." }),
  })
  .openapi("Outcomes");

export type OutcomesJson = z.infer<typeof outcomesSchema>;

const outcomesRoute = createRoute({
  method: "get",
  path: "/v1/outcomes",
  operationId: "outcomes",
  summary: "How calls ended, refused and failed ones included, summed by one dimension and window.",
  description:
    "From what gateways observe and hand over once a second: a crash of a gateway loses up to a second of it. What is billed is `usage`.",
  security: bearerSecurity,
  request: { query: querySchema },
  responses: { 200: jsonContent(outcomesSchema, "The report."), ...commonResponses },
});

export function addOutcomeRoutes(app: ControlApp, { hub }: ControlContext): void {
  app.openapi(outcomesRoute, async (c) => {
    const query = toQuery(c.req.valid("query"), hub.status().timeMs);
    const rows = await hub.outcomes({ ...query, limit: query.limit + 1 });
    const { by, window } = query;
    const from = new Date(query.fromMs).toISOString();
    const to = new Date(query.toMs).toISOString();
    const page = rows.slice(0, query.limit).map((row) => ({ ...row }));
    return c.json({ by, window, from, to, rows: page, more: rows.length > query.limit }, 200);
  });
}

function toQuery(parameters: z.output<typeof querySchema>, nowMs: number): OutcomeQuery {
  const { by, window, from, to, limit } = parameters;
  const todayMs = Math.floor(nowMs / (24 * hourMs)) * 24 * hourMs;
  const fromMs = from === undefined ? todayMs : Date.parse(from);
  const toMs = to === undefined ? nowMs + 1 : Date.parse(to);
  const span = {
    fromMs: Math.floor(fromMs / hourMs) * hourMs,
    toMs: Math.ceil(toMs / hourMs) * hourMs,
  };
  if (span.fromMs >= span.toMs) {
    throw new TallygateError("request-invalid", "from must be before to");
  }
  if (window === "hour" && span.toMs - span.fromMs > outcomeHoursMsMax) {
    throw new TallygateError("request-invalid", "32 days at most in hours; ask for days");
  }
  const where: OutcomeQuery["where"] = {};
  for (const dimension of dimensions) {
    const value = parameters[dimension];
    if (value !== undefined) where[dimension] = value;
  }
  return { by, window, ...span, where, limit };
}
