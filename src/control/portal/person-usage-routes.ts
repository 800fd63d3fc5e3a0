/** `/portal/api/usage` and `/portal/api/rejections`: what became of a person's calls. */

import { createRoute } from "@hono/zod-openapi";
import type { ControlApp } from "../control-context.ts";
import { commonResponses } from "../problem.ts";
import { jsonContent, noQuery } from "../request-parts.ts";
import { keysOf } from "./person-keys.ts";
import { personUsage } from "./person-usage.ts";
import type { PortalParts } from "./portal-app.ts";
import { type PersonUsageJson, personUsageSchema, rejectionListSchema } from "./portal-schemas.ts";
import { SharedReports } from "./shared-reports.ts";

const usageRoute = createRoute({
  method: "get",
  path: "/portal/api/usage",
  operationId: "showOwnUsage",
  summary: "Today and this month in UTC, by region and by key, against the limits.",
  request: { query: noQuery },
  responses: { 200: jsonContent(personUsageSchema, "As of now."), ...commonResponses },
});

const rejectionsRoute = createRoute({
  method: "get",
  path: "/portal/api/rejections",
  operationId: "listOwnRejections",
  summary: "Calls with one's keys that were refused of late, and why.",
  request: { query: noQuery },
  responses: { 200: jsonContent(rejectionListSchema, "As of now."), ...commonResponses },
});

export function addPersonUsageRoutes(app: ControlApp, { context }: PortalParts): void {
  const { hub, clock } = context;
  const reports = new SharedReports<PersonUsageJson>();
  app.openapi(usageRoute, async (c) => {
    const owner = c.var.person.id;
    const usage = await reports.get(owner, clock.monotonicMs(), () => {
      const keys = keysOf(hub.registry, owner);
      return personUsage(hub, { owner, keys, config: context.config(), nowMs: clock.wallMs() });
    });
    return c.json(usage, 200);
  });
  app.openapi(rejectionsRoute, (c) => {
    const keys = keysOf(hub.registry, c.var.person.id).map(({ id }) => id);
    const rejections = hub.refusals(keys).map(({ lastMs, ...refusal }) => {
      return { ...refusal, lastAt: new Date(lastMs).toISOString() };
    });
    return c.json({ rejections }, 200);
  });
}
