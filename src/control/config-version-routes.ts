/** `/v1/config/versions`: apply a configuration everywhere, see what was applied, go back. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { type ConfigHead, configId, noConfigId, type StoredConfig } from "../ports/config-store.ts";
import {
  type ConfigVersionJson,
  configApplySchema,
  configNoteSchema,
  configNumberSchema,
  configVersionListQuerySchema,
  configVersionListSchema,
  configVersionSchema,
} from "./config-version-schemas.ts";
import type { ConfigRequest, WrongPlace } from "./config-versions.ts";
import { bearerSecurity, type ControlApp, type ControlContext } from "./control-context.ts";
import {
  type AnyAnswer,
  type ControlEnv,
  changeResponses,
  commonResponses,
  problem,
  problemResponses,
} from "./problem.ts";
import { auditOf, jsonContent, noQuery } from "./request-parts.ts";

const security = bearerSecurity;
const ifMatch = z.object({ "if-match": z.string().max(256).optional() });
const ofApplying = {
  201: jsonContent(configVersionSchema, "It is in force at the hub, and gateways are told."),
  ...changeResponses,
  412: problemResponses[412],
} as const;

const applyRoute = createRoute({
  method: "post",
  path: "/v1/config/versions",
  operationId: "applyConfig",
  summary: "Put a configuration in force at the hub and, within a second, at every gateway.",
  description:
    "What is wrong for the hub changes nothing. A gateway that cannot take it keeps the one it has as a whole, and says why in `GET /v1/regions`.",
  security,
  request: {
    query: noQuery,
    headers: ifMatch,
    body: { required: true, content: { "application/json": { schema: configApplySchema } } },
  },
  responses: ofApplying,
});

const listRoute = createRoute({
  method: "get",
  path: "/v1/config/versions",
  operationId: "listConfigVersions",
  summary: "Configurations that were applied, newest first.",
  security,
  request: { query: configVersionListQuerySchema },
  responses: { 200: jsonContent(configVersionListSchema, "One page."), ...commonResponses },
});

const showRoute = createRoute({
  method: "get",
  path: "/v1/config/versions/{number}",
  operationId: "showConfigVersion",
  summary: "One of them with its text, for admins: it may hold what only they may see.",
  security,
  request: { params: configNumberSchema, query: noQuery },
  responses: {
    200: jsonContent(configVersionSchema, "The version."),
    ...changeResponses,
    404: problemResponses[404],
  },
});

const rollBackRoute = createRoute({
  method: "post",
  path: "/v1/config/versions/{number}/rollback",
  operationId: "rollBackConfig",
  summary: "Apply an earlier version again, as a new one.",
  security,
  request: {
    params: configNumberSchema,
    query: noQuery,
    headers: ifMatch,
    body: { required: false, content: { "application/json": { schema: configNoteSchema } } },
  },
  responses: { ...ofApplying, 404: problemResponses[404] },
});

const releaseRoute = createRoute({
  method: "post",
  path: "/v1/config/release",
  operationId: "releaseConfig",
  summary: "Go back to files: each process goes by its own again.",
  security,
  request: {
    query: noQuery,
    headers: ifMatch,
    body: { required: false, content: { "application/json": { schema: configNoteSchema } } },
  },
  responses: ofApplying,
});

export function addConfigVersionRoutes(app: ControlApp, context: ControlContext): void {
  const { configs, clock, log } = context;

  const versionJson = (config: StoredConfig): ConfigVersionJson => {
    const { text, ...head } = config;
    return { ...headJson({ ...head, characters: text.length }), id: configId(config), text };
  };
  const headJson = ({ atMs, ...head }: ConfigHead) => {
    const at = new Date(atMs).toISOString();
    return { ...head, at, inForce: head.number === configs.newest()?.number };
  };

  async function apply(
    c: Context<ControlEnv>,
    request: Omit<ConfigRequest, "over">,
    { action, ifMatched }: { action: string; ifMatched: string | undefined },
  ): Promise<AnyAnswer> {
    const { format, note, text } = request;
    const change = { format, note, characters: text.length };
    const over = ifMatched === "*" ? undefined : ifMatched?.replace(/^"(.*)"$/, "$1");
    const audit = auditOf(c, { clock, action, change });
    const result = await configs.apply({ ...request, over }, audit);
    if ("problems" in result) return wrongConfig(c, result.problems);
    const { config } = result;
    log.warn("a configuration is in force", { number: config.number, request: c.var.requestId });
    return c.json(versionJson(config), 201, { ETag: tagOf(config) }) as Response as AnyAnswer;
  }

  app.openapi(applyRoute, (c) => {
    const ifMatched = c.req.valid("header")["if-match"];
    return apply(c, c.req.valid("json"), { action: "applyConfig", ifMatched });
  });

  app.openapi(listRoute, (c) => {
    const { before, limit } = c.req.valid("query");
    // One more than asked for tells whether there is another page.
    const found = configs.before(before ?? Number.MAX_SAFE_INTEGER, limit + 1);
    const page = found.slice(0, limit);
    const next = found.length > limit ? (page.at(-1)?.number ?? null) : null;
    const headers = { ETag: tagOf(configs.newest()) };
    return c.json({ versions: page.map(headJson), next }, 200, headers);
  });

  app.openapi(showRoute, (c) => {
    if (c.var.principal.role !== "admin") {
      const detail = "The text of a configuration is for admins.";
      return problem(c, { status: 403, detail, code: "forbidden" });
    }
    const config = configs.get(c.req.valid("param").number);
    if (config === undefined) return noSuchVersion(c);
    return c.json(versionJson(config), 200, { ETag: tagOf(config) });
  });

  app.openapi(rollBackRoute, async (c): Promise<AnyAnswer> => {
    const { number } = c.req.valid("param");
    const config = configs.get(number);
    if (config === undefined) return noSuchVersion(c);
    const { format, text } = config;
    const note = configNoteSchema.parse(c.req.valid("json")).note || `as version ${number}`;
    const ifMatched = c.req.valid("header")["if-match"];
    const request = { format, text, note };
    return apply(c, request, { action: "rollBackConfig", ifMatched });
  });

  app.openapi(releaseRoute, (c) => {
    const { note } = configNoteSchema.parse(c.req.valid("json"));
    const ifMatched = c.req.valid("header")["if-match"];
    const request = { format: "files", text: "", note } as const;
    return apply(c, request, { action: "releaseConfig", ifMatched });
  });
}

function tagOf(config: StoredConfig | undefined): string {
  return `"${config === undefined ? noConfigId : configId(config)}"`;
}

function wrongConfig(c: Context<ControlEnv>, problems: readonly WrongPlace[]): AnyAnswer {
  const errors = problems.map(({ line, path, found, expected }) => {
    const where = [line === 0 ? "" : `line ${line}`, path].filter((part) => part !== "").join(", ");
    const detail = found === "" ? expected : `found ${found}, expected ${expected}`;
    return { where: where === "" ? "configuration" : where, detail };
  });
  const [first] = errors;
  const detail = `The configuration is wrong: ${first?.where}: ${first?.detail}`;
  return problem(c, { status: 400, detail, code: "config-invalid", errors });
}

function noSuchVersion(c: Context<ControlEnv>): AnyAnswer {
  const detail = "There is no version of this number, or it is forgotten.";
  return problem(c, { status: 404, detail, code: "not-found" });
}
