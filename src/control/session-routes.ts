/** `/v1/session`: an operator logs in at a browser with a token of this API, asks who they are, logs out. */

import { createRoute, z } from "@hono/zod-openapi";
import { type Gatekeeping, tooManyWrongTokens, unauthorized } from "./bearer.ts";
import {
  dropSessionCookie,
  foreignOrigin,
  forgery,
  sessionIdOf,
  setSessionCookie,
} from "./browser-requests.ts";
import { bearerSecurity, type ControlApp, type ControlContext } from "./control-context.ts";
import { changeResponses, commonResponses, problemResponses } from "./problem.ts";
import { auditOf, jsonContent, noBody, noQuery } from "./request-parts.ts";
import { instant } from "./schemas.ts";
import { csrfTokenOf, endsAtMs, type Session } from "./sessions.ts";
import { type Principal, tokenLengthMax } from "./tokens.ts";

const loginSchema = z
  .strictObject({
    token: z.string().min(1).max(tokenLengthMax).openapi({ description: "A token of this API." }),
  })
  .openapi("Login");

const sessionSchema = z
  .object({
    id: z.string().openapi({ description: "Of the token; `admin`: that of the data folder." }),
    name: z.string(),
    role: z.enum(["admin", "read-only"]),
    csrfToken: z.string().nullable().openapi({
      description: "To be sent in `x-csrf-token` with every change; null: not in a session.",
    }),
    endsAt: instant.nullable().openapi({ description: "Unless it is used again before." }),
  })
  .openapi("Session");

const logInRoute = createRoute({
  method: "post",
  path: "/v1/session",
  operationId: "logIn",
  summary: "Begin a session at a browser: a cookie in place of the token.",
  security: [],
  request: {
    query: noQuery,
    body: { required: true, content: { "application/json": { schema: loginSchema } } },
  },
  responses: { 200: jsonContent(sessionSchema, "Who has logged in."), ...changeResponses },
});

const logOutRoute = createRoute({
  method: "delete",
  path: "/v1/session",
  operationId: "logOut",
  summary: "End the session.",
  security: bearerSecurity,
  middleware: noBody,
  request: { query: noQuery },
  responses: { 204: { description: "The cookie opens nothing any more." }, ...changeResponses },
});

const showSessionRoute = createRoute({
  method: "get",
  path: "/v1/session",
  operationId: "showSession",
  summary: "Who makes this request.",
  security: bearerSecurity,
  request: { query: noQuery },
  responses: {
    200: jsonContent(sessionSchema, "Who it is."),
    ...commonResponses,
    403: problemResponses[403],
  },
});

/** Log-in and log-out: in front of the check of who asks. */
export function addLogIn(app: ControlApp, context: ControlContext, keep: Gatekeeping): void {
  const { tokens, sessions, attempts, addressOf } = keep;
  const { clock, log, audit } = context;

  app.openapi(logInRoute, async (c) => {
    const refused = foreignOrigin(c);
    if (refused !== undefined) return refused;
    const address = addressOf(c);
    const nowMs = clock.monotonicMs();
    const waitMs = attempts.waitMs(address, nowMs);
    if (waitMs > 0) return tooManyWrongTokens(c, waitMs);
    const found = tokens.find(c.req.valid("json").token);
    if (found === undefined) {
      attempts.failed(address, nowMs);
      return unauthorized(c, "The token is wrong or expired.");
    }
    c.set("principal", found.principal);
    await audit.append({ ...auditOf(c, { clock, action: "logIn", change: {} }), target: "" });
    // A session that the browser had before ends: the next one gets an id of its own.
    const present = sessionIdOf(c, "operator");
    const before = present === undefined ? undefined : sessions.use("operator", present);
    if (before !== undefined) await sessions.end(before);
    const id = await sessions.begin("operator", found.hash);
    setSessionCookie(c, "operator", id);
    log.info("operator logged in", { token: found.principal.id, request: c.var.requestId });
    return c.json(sessionJson(found.principal, id, sessions.use("operator", id)), 200);
  });

  app.openapi(logOutRoute, async (c) => {
    const id = sessionIdOf(c, "operator");
    const session = id === undefined ? undefined : sessions.use("operator", id);
    if (id === undefined || session === undefined) return unauthorized(c, "There is no session.");
    const refused = forgery(c, id);
    if (refused !== undefined) return refused;
    await sessions.end(session);
    const principal = tokens.principalOfHash(session.subject);
    if (principal !== undefined) {
      c.set("principal", principal);
      await audit.append({ ...auditOf(c, { clock, action: "logOut", change: {} }), target: "" });
    }
    dropSessionCookie(c, "operator");
    return c.body(null, 204);
  });
}

/** Behind the check of who asks. */
export function addWhoAmI(app: ControlApp, { sessions }: Pick<Gatekeeping, "sessions">): void {
  app.openapi(showSessionRoute, (c) => {
    const { principal, sessionId } = c.var;
    const session = sessionId === undefined ? undefined : sessions.use("operator", sessionId);
    return c.json(sessionJson(principal, sessionId, session), 200);
  });
}

function sessionJson(
  { id, name, role }: Principal,
  sessionId: string | undefined,
  session: Session | undefined,
): z.infer<typeof sessionSchema> {
  const csrfToken = sessionId === undefined ? null : csrfTokenOf(sessionId);
  const endsAt = session === undefined ? null : new Date(endsAtMs(session)).toISOString();
  return { id, name, role, csrfToken, endsAt };
}
