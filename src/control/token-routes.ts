/** `/v1/tokens`: make, list, show and revoke tokens of the admin API. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { TallygateError } from "../base/errors.ts";
import type { StoredToken } from "../ports/token-store.ts";
import { bearerSecurity, type ControlApp, type ControlContext } from "./control-context.ts";
import { inOrder } from "./in-order.ts";
import { instantMs, instantOrNull } from "./key-view.ts";
import {
  type AnyAnswer,
  type ControlEnv,
  changeResponses,
  commonResponses,
  problem,
  problemResponses,
} from "./problem.ts";
import { auditOf, idempotencyHeader, jsonContent, noBody, noQuery } from "./request-parts.ts";
import { secretAnswers } from "./secret-answers.ts";
import {
  createdTokenSchema,
  type TokenJson,
  tokenIdSchema,
  tokenListSchema,
  tokenRequestSchema,
  tokenSchema,
} from "./token-schemas.ts";
import { type Tokens, tokensMax } from "./tokens.ts";

/** Changes of tokens that wait for their turn, at most. */
const changesWaitingMax = 100;

const params = z.object({ id: tokenIdSchema });
const security = bearerSecurity;

const createTokenRoute = createRoute({
  method: "post",
  path: "/v1/tokens",
  operationId: "createToken",
  summary: "Make a token of this API. Its secret is in this answer and never again.",
  security,
  request: {
    query: noQuery,
    headers: idempotencyHeader,
    body: { required: true, content: { "application/json": { schema: tokenRequestSchema } } },
  },
  responses: {
    201: jsonContent(createdTokenSchema, "The token with its secret."),
    ...changeResponses,
    409: problemResponses[409],
    422: problemResponses[422],
  },
});

const listTokensRoute = createRoute({
  method: "get",
  path: "/v1/tokens",
  operationId: "listTokens",
  summary: `Tokens in order of their making, without secrets; there are at most ${tokensMax}.`,
  security,
  request: { query: noQuery },
  responses: { 200: jsonContent(tokenListSchema, "All of them."), ...commonResponses },
});

const showTokenRoute = createRoute({
  method: "get",
  path: "/v1/tokens/{id}",
  operationId: "showToken",
  summary: "One token.",
  security,
  request: { params, query: noQuery },
  responses: {
    200: jsonContent(tokenSchema, "The token."),
    ...commonResponses,
    404: problemResponses[404],
  },
});

const revokeTokenRoute = createRoute({
  method: "delete",
  path: "/v1/tokens/{id}",
  operationId: "revokeToken",
  summary: "End a token at once and for good.",
  security,
  middleware: noBody,
  request: { params, query: noQuery },
  responses: {
    204: { description: "It opens nothing any more." },
    ...changeResponses,
    404: problemResponses[404],
  },
});

export function addTokenRoutes(app: ControlApp, context: ControlContext, tokens: Tokens): void {
  const { log, clock } = context;
  const serial = inOrder(changesWaitingMax);
  const answerOnce = secretAnswers(context);
  const tokenJson = (token: StoredToken): TokenJson => {
    const { id, name, role, owner, createdAtMs, expiresAtMs } = token;
    const createdAt = new Date(createdAtMs).toISOString();
    const expiresAt = instantOrNull(expiresAtMs);
    return { id, name, role, owner, createdAt, expiresAt, expired: tokens.isExpired(token) };
  };

  app.openapi(createTokenRoute, (c) => {
    const request = c.req.valid("json");
    const { name, role, owner } = request;
    const expiresAtMs = instantMs(request.expiresAt);
    if (expiresAtMs !== 0 && expiresAtMs <= clock.wallMs()) {
      throw new TallygateError("request-invalid", "expiresAt is in the past");
    }
    if (tokens.list().length >= tokensMax) return tooMany(c);
    const audit = auditOf(c, { clock, action: "createToken", change: request });
    return answerOnce(c, {
      body: request,
      headers: ({ id }) => ({ Location: `/v1/tokens/${id}` }),
      work: () =>
        serial(async () => {
          const { token, stored } = tokens.mint({ name, role, owner, expiresAtMs });
          await tokens.add(stored, { ...audit, target: stored.id });
          log.warn("admin token created", { token: stored.id, role, request: c.var.requestId });
          return { token, ...tokenJson(stored) };
        }),
    });
  });

  app.openapi(listTokensRoute, (c) => c.json({ tokens: tokens.list().map(tokenJson) }, 200));

  app.openapi(showTokenRoute, (c) => {
    const token = tokens.get(c.req.valid("param").id);
    return token === undefined ? noSuchToken(c) : c.json(tokenJson(token), 200);
  });

  app.openapi(revokeTokenRoute, (c) => {
    const { id } = c.req.valid("param");
    return serial(async () => {
      const token = tokens.get(id);
      if (token === undefined) return noSuchToken(c);
      const audit = auditOf(c, { clock, action: "revokeToken", change: { name: token.name } });
      await tokens.remove(token, { ...audit, target: id });
      log.warn("admin token revoked", { token: id, request: c.var.requestId });
      return c.body(null, 204);
    });
  });
}

function noSuchToken(c: Context<ControlEnv>): AnyAnswer {
  return problem(c, { status: 404, detail: "There is no token with this id.", code: "not-found" });
}

function tooMany(c: Context<ControlEnv>): AnyAnswer {
  return problem(c, {
    status: 409,
    detail: `There are ${tokensMax} tokens: revoke those that are expired or not used.`,
  });
}
