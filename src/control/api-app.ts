/** What the control plane's apps have in common: ids of requests, errors as problems, bounded bodies. No app has a socket. */

import { OpenAPIHono, type z } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import type { ControlApp, ControlContext } from "./control-context.ts";
import { type ControlEnv, failureParts, problem } from "./problem.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Every answer carries `x-request-id` and `Cache-Control: no-store`; every error is a problem. */
export function apiApp(context: Pick<ControlContext, "random" | "log">): ControlApp {
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
  return app;
}

export function limitBody(maxSize: number): MiddlewareHandler<ControlEnv> {
  return bodyLimit({
    maxSize,
    onError: (c: Context<ControlEnv>) =>
      problem(c, { status: 413, detail: `The body is larger than ${maxSize} bytes.` }),
  });
}

/** JSON is UTF-8 (RFC 8259, 8.1). The framework puts U+FFFD for what is not, and two different names would be one. */
export function requireUtf8(): MiddlewareHandler<ControlEnv> {
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

/** 405 with `Allow` for the methods that a path does not have; the framework alone would say 404. */
export function addWrongMethods(app: ControlApp): void {
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

function failure(
  c: Context<ControlEnv>,
  error: Error,
  { log }: Pick<ControlContext, "log">,
): Response {
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
    log.error(
      "a request of the control plane failed",
      { request, method: c.req.method, path: c.req.path },
      error,
    );
    return problem(c, { status: 500, detail: "Something is broken; the log says what." });
  }
  if (parts.status === 503) {
    log.warn("a request of the control plane failed", {
      request,
      path: c.req.path,
      why: parts.detail,
    });
  }
  return problem(c, parts);
}
