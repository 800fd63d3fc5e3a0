/** `/v1/plans`, `/v1/regions`, `/v1/status`: what is configured and how it does. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { bearerSecurity, type ControlApp, type ControlContext } from "./control-context.ts";
import {
  type AnyAnswer,
  type ControlEnv,
  changeResponses,
  commonResponses,
  problem,
  problemResponses,
} from "./problem.ts";
import { auditOf, jsonContent, noBody, noQuery } from "./request-parts.ts";
import { planListSchema, planSchema } from "./schemas.ts";
import { regionListSchema, regionSchema, statusSchema } from "./status-schemas.ts";
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

const oneOf = z.object({ name: z.string().min(1).max(64) });

const showPlanRoute = createRoute({
  method: "get",
  path: "/v1/plans/{name}",
  operationId: "showPlan",
  summary: "One plan.",
  security: bearerSecurity,
  request: { params: oneOf, query: noQuery },
  responses: {
    200: jsonContent(planSchema, "The plan."),
    ...commonResponses,
    404: problemResponses[404],
  },
});

const showRegionRoute = createRoute({
  method: "get",
  path: "/v1/regions/{name}",
  operationId: "showRegion",
  summary: "One region and its processes.",
  security: bearerSecurity,
  request: { params: oneOf, query: noQuery },
  responses: {
    200: jsonContent(regionSchema, "As of now."),
    ...commonResponses,
    404: problemResponses[404],
  },
});

function noSuch(c: Context<ControlEnv>, what: string): AnyAnswer {
  const detail = `There is no ${what} with this name.`;
  return problem(c, { status: 404, detail, code: "not-found" });
}

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
  app.openapi(showPlanRoute, (c) => {
    const { name } = c.req.valid("param");
    const plan = plansJson(context.config()).plans.find((one) => one.name === name);
    return plan === undefined ? noSuch(c, "plan") : c.json(plan, 200);
  });
  app.openapi(showRegionRoute, (c) => {
    const { name } = c.req.valid("param");
    const region = regionsJson(context.config(), hub.status()).find((one) => one.name === name);
    return region === undefined ? noSuch(c, "region") : c.json(region, 200);
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
