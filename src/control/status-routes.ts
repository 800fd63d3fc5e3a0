/** `/v1/plans`, `/v1/regions`, `/v1/status`: what is configured and how it does. */

import { createRoute, type z } from "@hono/zod-openapi";
import { bearerSecurity, type ControlApp, type ControlContext } from "./control-context.ts";
import { changeResponses, commonResponses } from "./problem.ts";
import { auditOf, jsonContent, noBody, noQuery } from "./request-parts.ts";
import { planListSchema } from "./schemas.ts";
import { regionListSchema, statusSchema } from "./status-schemas.ts";
import { keySourceText, plansJson, regionsJson, statusJson } from "./status-view.ts";

function readRoute<P extends string, S extends z.ZodType>(
  path: P,
  schema: S,
  texts: { operationId: string; summary: string },
) {
  return createRoute({
    method: "get",
    path,
    ...texts,
    security: bearerSecurity,
    request: { query: noQuery },
    responses: { 200: jsonContent(schema, "As of now."), ...commonResponses },
  });
}

const plansRoute = readRoute("/v1/plans", planListSchema, {
  operationId: "listPlans",
  summary: "The plans of the configuration.",
});
const regionsRoute = readRoute("/v1/regions", regionListSchema, {
  operationId: "listRegions",
  summary: "Regions and their processes: health, lag, versions.",
});
const statusRoute = readRoute("/v1/status", statusSchema, {
  operationId: "status",
  summary: "The hub's state and its regions'.",
});

const liftFenceRoute = createRoute({
  method: "post",
  path: "/v1/leases/lift-fence",
  operationId: "liftFence",
  summary: "After a restore: strict limits grant again in windows that had begun before it.",
  description:
    "Only where no other hub runs and no process holds grants that this hub does not know of: those would come on top of the quota. " +
    "Without it, such windows get no grants until they end. Status warns of it from then on.",
  security: bearerSecurity,
  middleware: noBody,
  request: { query: noQuery },
  responses: { 200: jsonContent(statusSchema, "As of now."), ...changeResponses },
});

export function addStatusRoutes(app: ControlApp, context: ControlContext): void {
  const { hub, log, audit, clock } = context;
  app.openapi(plansRoute, (c) => c.json(plansJson(context.config()), 200));
  app.openapi(regionsRoute, (c) => {
    const config = context.config();
    const status = hub.status();
    const keysFrom = config.keys.from.map(keySourceText);
    const version = { ...status.version };
    return c.json({ version, keysFrom, regions: regionsJson(config, status) }, 200);
  });
  app.openapi(statusRoute, (c) => c.json(statusJson(context.config(), hub.status()), 200));
  app.openapi(liftFenceRoute, async (c) => {
    // First: there must be no change without its entry.
    await audit.append({ ...auditOf(c, { clock, action: "liftFence", change: {} }), target: "" });
    await hub.liftFence();
    log.warn("the fence of strict limits was lifted", { request: c.var.requestId });
    return c.json(statusJson(context.config(), hub.status()), 200);
  });
}
