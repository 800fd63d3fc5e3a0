/** `/v1/keys`: make, list, show, change, rotate and revoke keys. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { parseDuration } from "../access/config-values.ts";
import { TallygateError } from "../base/errors.ts";
import type { CreatedKey, KeyView } from "../hub/hub-api.ts";
import { presentedToken } from "./bearer.ts";
import { bearerSecurity, type ControlApp, type ControlContext } from "./control-context.ts";
import { createIdempotency, idempotencyKeyLengthMax } from "./idempotency.ts";
import { inOrder } from "./in-order.ts";
import {
  createdKeyJson,
  instantMs,
  keyJson,
  keyTag,
  matchesTag,
  restrictionsOver,
} from "./key-view.ts";
import { type ControlEnv, problem, problemResponses } from "./problem.ts";
import {
  type CreatedKeyJson,
  createdKeySchema,
  keyChangeSchema,
  keyIdSchema,
  keyListQuerySchema,
  keyListSchema,
  keyRequestSchema,
  keySchema,
  rotationSchema,
} from "./schemas.ts";

/** Changes of keys that wait for their turn, at most. */
const changesWaitingMax = 1_000;

const params = z.object({ id: keyIdSchema });
const ifMatch = z.object({ "if-match": z.string().max(256).optional() });
const idempotent = z.object({
  "idempotency-key": z.string().min(1).max(idempotencyKeyLengthMax).optional(),
});

function ok<S extends z.ZodType>(schema: S, description: string) {
  return { description, content: { "application/json": { schema } } };
}

const common = {
  400: problemResponses[400],
  401: problemResponses[401],
  503: problemResponses[503],
} as const;
const ofOneKey = { ...common, 404: problemResponses[404] } as const;
const ofOneChange = { ...ofOneKey, 412: problemResponses[412] } as const;
const ofSecret = { ...common, 409: problemResponses[409], 422: problemResponses[422] } as const;
const security = bearerSecurity;

const createKeyRoute = createRoute({
  method: "post",
  path: "/v1/keys",
  operationId: "createKey",
  summary: "Make a key. Its secret is in this answer and never again.",
  security,
  request: {
    headers: idempotent,
    body: { required: true, content: { "application/json": { schema: keyRequestSchema } } },
  },
  responses: { 201: ok(createdKeySchema, "The key with its secret."), ...ofSecret },
});

const listKeysRoute = createRoute({
  method: "get",
  path: "/v1/keys",
  operationId: "listKeys",
  summary: "Keys in order of their ids.",
  security,
  request: { query: keyListQuerySchema },
  responses: { 200: ok(keyListSchema, "One page."), ...common },
});

const showKeyRoute = createRoute({
  method: "get",
  path: "/v1/keys/{id}",
  operationId: "showKey",
  summary: "One key.",
  security,
  request: { params },
  responses: { 200: ok(keySchema, "The key."), ...ofOneKey },
});

const changeKeyRoute = createRoute({
  method: "patch",
  path: "/v1/keys/{id}",
  operationId: "changeKey",
  summary: "Change a key's plan, name, expiry or restrictions. What it has used stays.",
  security,
  request: {
    params,
    headers: ifMatch,
    body: { required: true, content: { "application/json": { schema: keyChangeSchema } } },
  },
  responses: { 200: ok(keySchema, "The key as it is now."), ...ofOneChange },
});

const revokeKeyRoute = createRoute({
  method: "delete",
  path: "/v1/keys/{id}",
  operationId: "revokeKey",
  summary: "Revoke a key for good. Doing it again changes nothing.",
  security,
  request: { params, headers: ifMatch },
  responses: { 200: ok(keySchema, "The key, revoked."), ...ofOneChange },
});

const rotateKeyRoute = createRoute({
  method: "post",
  path: "/v1/keys/{id}/rotate",
  operationId: "rotateKey",
  summary: "A new secret for the same key and count; the older ones expire after the overlap.",
  security,
  request: {
    params,
    headers: idempotent,
    body: { required: false, content: { "application/json": { schema: rotationSchema } } },
  },
  responses: {
    201: ok(createdKeySchema, "The key with its new secret."),
    ...ofSecret,
    404: problemResponses[404],
  },
});

export function addKeyRoutes(app: ControlApp, context: ControlContext): void {
  const { registry } = context.hub;
  const { log } = context;
  // One at a time, so that nothing changes between the check of an If-Match and the change.
  const serial = inOrder(changesWaitingMax);
  const answerOnce = secretAnswers(context);

  app.openapi(createKeyRoute, (c) => {
    const request = c.req.valid("json");
    const expiresAtMs = instantMs(request.expiresAt);
    refusePastExpiry(expiresAtMs, context);
    return answerOnce(c, request, async () => {
      const restrict = restrictionsOver(unrestricted, request.restrict);
      const { plan, name, owner, mode } = request;
      const created = await registry.create({ plan, name, owner, mode, expiresAtMs, restrict });
      log.info("key created", { key: created.id, plan, request: c.var.requestId });
      return created;
    });
  });

  app.openapi(listKeysRoute, (c) => {
    const { after, limit, owner } = c.req.valid("query");
    // One more than asked for tells whether there is another page.
    const keys = registry.list({
      after: after ?? "",
      limit: limit + 1,
      ...(owner === undefined ? {} : { owner }),
    });
    const page = keys.slice(0, limit);
    const next = keys.length > limit ? (page.at(-1)?.id ?? null) : null;
    return c.json({ keys: page.map(keyJson), next }, 200);
  });

  app.openapi(showKeyRoute, (c) => {
    const key = registry.get(c.req.valid("param").id);
    if (key === undefined) return noSuchKey(c);
    return c.json(keyJson(key), 200, { ETag: keyTag(key) });
  });

  app.openapi(changeKeyRoute, (c) => {
    const { id } = c.req.valid("param");
    const change = c.req.valid("json");
    return serial(async () => {
      const key = registry.get(id);
      if (key === undefined) return noSuchKey(c);
      if (!matchesTag(c.req.valid("header")["if-match"], key)) return changedMeanwhile(c, key);
      const { plan, name, expiresAt, restrict } = change;
      if (expiresAt !== undefined) refusePastExpiry(instantMs(expiresAt), context);
      const changed = await registry.update(id, {
        ...(plan === undefined ? {} : { plan }),
        ...(name === undefined ? {} : { name }),
        ...(expiresAt === undefined ? {} : { expiresAtMs: instantMs(expiresAt) }),
        ...(restrict === undefined ? {} : { restrict: restrictionsOver(key.restrict, restrict) }),
      });
      const fields = Object.keys(change).join(" ");
      log.info("key changed", { key: id, fields, request: c.var.requestId });
      return c.json(keyJson(changed), 200, { ETag: keyTag(changed) });
    });
  });

  app.openapi(revokeKeyRoute, (c) => {
    const { id } = c.req.valid("param");
    return serial(async () => {
      const key = registry.get(id);
      if (key === undefined) return noSuchKey(c);
      if (!matchesTag(c.req.valid("header")["if-match"], key)) return changedMeanwhile(c, key);
      const revoked = await registry.revoke(id);
      log.info("key revoked", { key: id, request: c.var.requestId });
      return c.json(keyJson(revoked), 200, { ETag: keyTag(revoked) });
    });
  });

  app.openapi(rotateKeyRoute, (c) => {
    const { id } = c.req.valid("param");
    if (registry.get(id) === undefined) return noSuchKey(c);
    const { overlap } = rotationSchema.parse(c.req.valid("json"));
    const overlapMs = parseDuration(overlap) as number;
    return answerOnce(c, { id, overlap }, () =>
      serial(async () => {
        const rotated = await registry.rotate(id, overlapMs);
        log.info("key rotated", { key: id, overlapMs, request: c.var.requestId });
        return rotated;
      }),
    );
  });
}

const unrestricted = { referers: [], addresses: [], routes: [] };

/** Answers with a secret, the same one again where the request carries an Idempotency-Key. */
function secretAnswers(context: ControlContext) {
  const { clock, random } = context;
  const idempotency = createIdempotency({ store: context.idempotency, clock, random });

  return async (c: Context<ControlEnv>, body: unknown, work: () => Promise<CreatedKey>) => {
    const reply = (created: CreatedKeyJson, replayed: boolean) =>
      c.json(created, 201, {
        ETag: keyTag(created),
        Location: `/v1/keys/${created.id}`,
        ...(replayed ? { "Idempotent-Replayed": "true" } : {}),
      });
    const key = c.req.header("idempotency-key");
    if (key === undefined) return reply(createdKeyJson(await work()), false);

    const token = presentedToken(c.req.header("authorization")) ?? "";
    const request = `${c.req.method} ${c.req.path} ${JSON.stringify(body)}`;
    const outcome = await idempotency.run({ key, token, request }, async () =>
      JSON.stringify(createdKeyJson(await work())),
    );
    switch (outcome.kind) {
      case "done":
        return reply(JSON.parse(outcome.answer) as CreatedKeyJson, outcome.replayed);
      case "mismatch":
        return problem(c, {
          status: 422,
          detail: "This Idempotency-Key was used with another request within the last 24 hours.",
        });
      case "running":
        return problem(c, {
          status: 409,
          detail: "A request with this Idempotency-Key is still running.",
          headers: { "Retry-After": "1" },
        });
      case "interrupted":
        return problem(c, {
          status: 409,
          detail:
            "A request with this Idempotency-Key was interrupted and may have taken effect: look at GET /v1/keys, then use a new one.",
        });
      case "gone":
        return problem(c, {
          status: 409,
          detail:
            "The request with this Idempotency-Key is done, but the admin token has changed since and its secret cannot be shown again.",
        });
    }
  };
}

function refusePastExpiry(expiresAtMs: number, context: ControlContext): void {
  if (expiresAtMs !== 0 && expiresAtMs <= context.clock.wallMs()) {
    throw new TallygateError(
      "request-invalid",
      "expiresAt is in the past; to end a key, revoke it",
    );
  }
}

function noSuchKey(c: Context<ControlEnv>) {
  return problem(c, { status: 404, detail: "There is no key with this id.", code: "not-found" });
}

function changedMeanwhile(c: Context<ControlEnv>, key: KeyView) {
  return problem(c, {
    status: 412,
    detail: `The key has changed since: its version is ${key.version}.`,
    headers: { ETag: keyTag(key) },
  });
}
