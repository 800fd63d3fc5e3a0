/** `/v1/config`: what is in force, and whether another configuration would be taken. */

import { createRoute } from "@hono/zod-openapi";
import type { CompiledConfig, RouteTarget } from "../access/compiled-config.ts";
import { compileConfig } from "../access/config.ts";
import { changeConfig, rulesVersion } from "../access/config-change.ts";
import { formatListen } from "../access/config-values.ts";
import {
  type ConfigJson,
  configCheckRequestSchema,
  configCheckSchema,
  configSchema,
} from "./cluster-schemas.ts";
import { bearerSecurity, type ControlApp, type ControlContext } from "./control-context.ts";
import { changeResponses, commonResponses } from "./problem.ts";
import { jsonContent, noQuery } from "./request-parts.ts";
import { keySourceText, plansJson } from "./status-view.ts";

const security = bearerSecurity;

const showConfigRoute = createRoute({
  method: "get",
  path: "/v1/config",
  operationId: "showConfig",
  summary: "The configuration in force, without what may be secret.",
  security,
  request: { query: noQuery },
  responses: { 200: jsonContent(configSchema, "As of now."), ...commonResponses },
});

const checkConfigRoute = createRoute({
  method: "post",
  path: "/v1/config/check",
  operationId: "checkConfig",
  summary: "Check a configuration without taking it. Files that it names are not looked at.",
  security,
  request: {
    query: noQuery,
    body: { required: true, content: { "application/json": { schema: configCheckRequestSchema } } },
  },
  responses: { 200: jsonContent(configCheckSchema, "What was found."), ...changeResponses },
});

/** Absolute, as the hub's is; it names nothing on this machine. */
const checkedFile = "/tallygate.yaml";

export function addConfigRoutes(app: ControlApp, context: ControlContext): void {
  app.openapi(showConfigRoute, (c) => c.json(configJson(context.config()), 200));

  app.openapi(checkConfigRoute, (c) => {
    const { text, format, variables } = c.req.valid("json");
    const result = compileConfig(text, {
      ...{ file: checkedFile, format },
      // Nothing here reads files or the environment: what is asked from afar learns nothing of this machine.
      ...{ environment: Object.assign(Object.create(null) as object, variables) },
      ...{ fileExists: () => true, readText: () => "" },
    });
    if ("problems" in result) {
      const problems = result.problems.map(({ line, column, path, found, expected }) => {
        return { line, column, path, found, expected };
      });
      return c.json({ ok: false, problems, rulesVersion: null, waiting: [] }, 200);
    }
    const change = changeConfig(context.config(), result.config, { kind: "hub" });
    const waiting = "waiting" in change ? [...change.waiting] : [];
    const version = rulesVersion(result.config);
    return c.json({ ok: true, problems: [], rulesVersion: version, waiting }, 200);
  });
}

/** By name, field for field: what is added to the configuration stays out until somebody has thought of it. */
function configJson(config: CompiledConfig): ConfigJson {
  const { durability, signup, keys, regions, upstreams, routes } = config;
  return {
    rulesVersion: rulesVersion(config),
    durability,
    signup,
    keys: { prefix: keys.prefix, from: keys.from.map(keySourceText) },
    regions: regions.map(({ name, listen, processes }) => {
      return { name, listen: formatListen(listen), processes };
    }),
    plans: plansJson(config).plans,
    upstreams: upstreams.map(({ name, targets }) => {
      return { name, targets: targets.map(({ url }) => url) };
    }),
    routes: routes.map(({ path, methods, cost, refundOn, target }) => {
      return { path, methods: [...methods], cost, refundOn: [...refundOn], target: nameOf(target) };
    }),
  };
}

function nameOf(target: RouteTarget): string {
  switch (target.kind) {
    case "upstream":
      return `upstream ${target.upstream.name}`;
    default:
      return target.kind;
  }
}
