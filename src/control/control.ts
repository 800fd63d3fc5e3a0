/**
 * The admin API: REST and JSON under `/v1`, for holders of a token. The app has no socket;
 * the hub's process puts it on one.
 *
 * Every answer carries `x-request-id` and `Cache-Control: no-store`; every error is a problem. Tokens,
 * keys and bodies never reach the log. `/openapi.json` (and `/v1/openapi.json`) and `/health/*` need no token: they hold
 * nothing that this source does not. `/metrics` needs it: on this port no firewall tells scrapers from callers.
 */

import { OpenAPIHono, type z } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { addAuditRoutes } from "./audit-routes.ts";
import { requireToken } from "./bearer.ts";
import { addClusterRoutes } from "./cluster-routes.ts";
import { addConfigRoutes } from "./config-routes.ts";
import { addConfigVersionRoutes } from "./config-version-routes.ts";
import type { ControlApp, ControlContext } from "./control-context.ts";
import { addKeyRoutes } from "./key-routes.ts";
import { addLiveRoutes } from "./live-routes.ts";
import { withinScope } from "./owner-scope.ts";
import { type ControlEnv, failureParts, problem } from "./problem.ts";
import { addStatusRoutes } from "./status-routes.ts";
import { TokenAttempts } from "./token-attempts.ts";
import { addTokenRoutes } from "./token-routes.ts";
import { Tokens } from "./tokens.ts";
import { addUsageRoutes } from "./usage-routes.ts";
import { addVerifyRoutes } from "./verify-routes.ts";
import { addWebFiles } from "./web-files.ts";

export const bodyMaxBytes = 65_536;
/** Of the requests that carry a configuration. */
export const configBodyMaxBytes = 262_144;
const configPaths: ReadonlySet<string> = new Set(["/v1/config/check", "/v1/config/versions"]);

const utf8 = new TextDecoder("utf-8", { fatal: true });

const metricsType = "text/plain; version=0.0.4; charset=utf-8";
const documentPaths = ["/v1/openapi.json", "/openapi.json"] as const;

export function createControl(context: ControlContext): ControlApp {
  const app: ControlApp = new OpenAPIHono<ControlEnv>({
    defaultHook: (result, c) => (result.success ? undefined : invalidRequest(c, result)),
  });
  app.use(async (c, next) => {
    c.set("requestId", context.random.hex(8));
    c.header("x-request-id", c.var.requestId);
    c.header("Cache-Control", "no-store");
    c.header("X-Content-Type-Options", "nosniff");
    await next();
  });
  app.onError((error, c) => failure(c, error, context));
  app.notFound((c) => problem(c, { status: 404, detail: "There is nothing at this path." }));

  addHealth(app, context);
  addDocument(app);
  const { clock, random, adminTokenHash } = context;
  const tokens = new Tokens({ store: context.tokens, adminTokenHash, clock, random });
  const withToken = requireToken({ tokens, attempts: new TokenAttempts(), clock });
  app.use("/v1/*", withToken);
  app.use("/v1/*", withinScope());
  app.get("/metrics", withToken, withinScope(), async (c) =>
    c.text(await context.exposeMetrics(), 200, { "Content-Type": metricsType }),
  );
  const limited = limitBody(bodyMaxBytes);
  const limitedConfig = limitBody(configBodyMaxBytes);
  const limitedByPath: MiddlewareHandler<ControlEnv, string, object> = (c, next) =>
    (configPaths.has(c.req.path) ? limitedConfig : limited)(c, next);
  app.use("/v1/*", limitedByPath);
  app.use("/v1/*", requireUtf8());
  addKeyRoutes(app, context);
  addUsageRoutes(app, context);
  addStatusRoutes(app, context);
  addVerifyRoutes(app, context);
  addTokenRoutes(app, context, tokens);
  addAuditRoutes(app, context);
  addClusterRoutes(app, context, tokens);
  addConfigRoutes(app, context);
  addConfigVersionRoutes(app, context);
  addLiveRoutes(app, context);
  addWebFiles(app, context.web);
  addWrongMethods(app);
  return app;
}

function limitBody(maxSize: number): MiddlewareHandler<ControlEnv> {
  return bodyLimit({
    maxSize,
    onError: (c: Context<ControlEnv>) =>
      problem(c, { status: 413, detail: `The body is larger than ${maxSize} bytes.` }),
  });
}

/** JSON is UTF-8 (RFC 8259, 8.1). The framework puts U+FFFD for what is not, and two different names would be one. */
function requireUtf8(): MiddlewareHandler<ControlEnv> {
  return async (c, next) => {
    const bytes = await c.req.arrayBuffer();
    try {
      utf8.decode(bytes);
    } catch (cause) {
      throw new HTTPException(400, { cause });
    }
    await next();
  };
}

function addHealth(app: ControlApp, context: ControlContext): void {
  app.get("/health/live", (c) => c.json({ status: "live" }, 200));
  app.get("/health/ready", (c) => {
    const reason = context.notReady();
    if (reason === undefined) return c.json({ status: "ready" }, 200);
    return problem(c, { status: 503, detail: reason, headers: { "Retry-After": "1" } });
  });
}

function addDocument(app: ControlApp): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "The token in `<data>/admin-token` of the hub, or one made with `createToken`.",
  });
  const info = { title: "Tallygate admin API", version: "1" };
  for (const path of documentPaths) {
    app.get(path, (c) => c.json(app.getOpenAPI31Document({ openapi: "3.1.0", info }), 200));
  }
}

/** 405 with `Allow` for the methods that a path does not have; the framework alone would say 404. */
function addWrongMethods(app: ControlApp): void {
  const methods = new Map<string, Set<string>>();
  for (const { method, path } of app.routes) {
    if (method === "ALL" || path.includes("*")) continue;
    const known = methods.get(path) ?? new Set();
    known.add(method);
    if (method === "GET") known.add("HEAD");
    methods.set(path, known);
  }
  for (const [path, known] of methods) {
    const allow = [...known].join(", ");
    app.all(path, (c) =>
      problem(c, {
        status: 405,
        detail: `This path takes ${allow}.`,
        headers: { Allow: allow },
      }),
    );
  }
}

interface InvalidRequest {
  readonly target: string;
  readonly error: z.ZodError;
}

/** Names what is wrong with each field; never repeats values, which may be secrets put in the wrong place. */
function invalidRequest(c: Context<ControlEnv>, { target, error }: InvalidRequest): Response {
  const root = target === "json" ? "body" : target;
  const errors = error.issues.flatMap((issue) => {
    const path = [root, ...issue.path.map(String)];
    if (issue.code !== "unrecognized_keys") {
      return [{ where: path.join("."), detail: issue.message }];
    }
    return issue.keys.map((key) => ({ where: [...path, key].join("."), detail: "unknown field" }));
  });
  const [first] = errors;
  return problem(c, {
    status: 400,
    detail: first === undefined ? "The request is not valid." : `${first.where}: ${first.detail}`,
    code: "request-invalid",
    errors,
  });
}

function failure(c: Context<ControlEnv>, error: Error, { log }: ControlContext): Response {
  const request = c.var.requestId;
  if (error instanceof HTTPException) {
    const detail =
      error.status === 415
        ? "The body must be application/json."
        : error.status === 400
          ? "The body is not valid JSON."
          : "The request is not valid.";
    return problem(c, { status: error.status, detail });
  }
  const parts = failureParts(error);
  if (parts === undefined) {
    log.error("admin request failed", { request, method: c.req.method, path: c.req.path }, error);
    return problem(c, { status: 500, detail: "Something is broken; the log says what." });
  }
  if (parts.status === 503) {
    log.warn("admin request failed", { request, path: c.req.path, why: parts.detail });
  }
  return problem(c, parts);
}
