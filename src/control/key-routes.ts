/** `/v1/keys`: make, list, show, change, rotate and revoke keys. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { parseDuration } from "../access/config-values.ts";
import { TallygateError } from "../base/errors.ts";
import type { KeyView } from "../hub/hub-api.ts";
import { bearerSecurity, type ControlApp, type ControlContext } from "./control-context.ts";
import { inOrder } from "./in-order.ts";
import {
  createdKeyJson,
  instantMs,
  keyJson,
  keyTag,
  matchesTag,
  restrictionsOver,
} from "./key-view.ts";
import { keyFor, ownerFor, refuseOtherPlan } from "./owner-scope.ts";
import {
  type ControlEnv,
  changeResponses,
  commonResponses,
  problem,
  problemResponses,
} from "./problem.ts";
import { auditOf, idempotencyHeader, jsonContent, noBody, noQuery } from "./request-parts.ts";
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
import { secretAnswers } from "./secret-answers.ts";

/** Changes of keys that wait for their turn, at most. */
const changesWaitingMax = 1_000;

const params = z.object({ id: keyIdSchema });
const ifMatch = z.object({ "if-match": z.string().max(256).optional() });

const ofOneKey = { ...commonResponses, 404: problemResponses[404] } as const;
const ofOneChange = {
  ...changeResponses,
  404: problemResponses[404],
  412: problemResponses[412],
} as const;
const ofSecret = {
  ...changeResponses,
  409: problemResponses[409],
  422: problemResponses[422],
} as const;
const security = bearerSecurity;

const createKeyRoute = createRoute({
  method: "post",
  path: "/v1/keys",
  operationId: "createKey",
  summary: "Make a key. Its secret is in this answer and never again.",
  security,
  request: {
    query: noQuery,
    headers: idempotencyHeader,
    body: { required: true, content: { "application/json": { schema: keyRequestSchema } } },
  },
  responses: { 201: jsonContent(createdKeySchema, "The key with its secret."), ...ofSecret },
});

const listKeysRoute = createRoute({
  method: "get",
  path: "/v1/keys",
  operationId: "listKeys",
  summary: "Keys in order of their ids.",
  security,
  request: { query: keyListQuerySchema },
  responses: { 200: jsonContent(keyListSchema, "One page."), ...commonResponses },
});

const showKeyRoute = createRoute({
  method: "get",
  path: "/v1/keys/{id}",
  operationId: "showKey",
  summary: "One key.",
  security,
  request: { params, query: noQuery },
  responses: { 200: jsonContent(keySchema, "The key."), ...ofOneKey },
});

const changeKeyRoute = createRoute({
  method: "patch",
  path: "/v1/keys/{id}",
  operationId: "changeKey",
  summary: "Change a key's plan, name, expiry or restrictions. What it has used stays.",
  security,
  request: {
    params,
    query: noQuery,
    headers: ifMatch,
    body: { required: true, content: { "application/json": { schema: keyChangeSchema } } },
  },
  responses: { 200: jsonContent(keySchema, "The key as it is now."), ...ofOneChange },
});

const revokeKeyRoute = createRoute({
  method: "delete",
  path: "/v1/keys/{id}",
  operationId: "revokeKey",
  summary: "Revoke a key for good. Doing it again changes nothing.",
  security,
  middleware: noBody,
  request: { params, query: noQuery, headers: ifMatch },
  responses: { 200: jsonContent(keySchema, "The key, revoked."), ...ofOneChange },
});

const rotateKeyRoute = createRoute({
  method: "post",
  path: "/v1/keys/{id}/rotate",
  operationId: "rotateKey",
  summary: "A new secret for the same key and count; the older ones expire after the overlap.",
  security,
  request: {
    params,
    query: noQuery,
    headers: ifMatch.extend(idempotencyHeader.shape),
    body: { required: false, content: { "application/json": { schema: rotationSchema } } },
  },
  responses: {
    201: jsonContent(createdKeySchema, "The key with its new secret."),
    ...ofSecret,
    404: problemResponses[404],
    412: problemResponses[412],
  },
});

export function addKeyRoutes(app: ControlApp, context: ControlContext): void {
  const { registry } = context.hub;
  const { log, clock } = context;
  // One at a time, so that nothing changes between the check of an If-Match and the change.
  const serial = inOrder(changesWaitingMax);
  const answerOnce = secretAnswers(context);

  app.openapi(createKeyRoute, (c) => {
    const request = c.req.valid("json");
    const expiresAtMs = instantMs(request.expiresAt);
    refusePastExpiry(expiresAtMs, context);
    const { principal } = c.var;
    const owner = ownerFor(principal, request.owner) ?? "";
    refuseOtherPlan(principal, registry, request.plan);
    return answerOnce(c, {
      body: request,
      headers: headersOfCreated,
      work: async () => {
        const restrict = restrictionsOver(unrestricted, request.restrict);
        const { plan, name, mode } = request;
        const change = { ...request, owner };
        const audit = auditOf(c, { clock, action: "createKey", change });
        const key = { plan, name, owner, mode, expiresAtMs, restrict };
        const created = await registry.create(key, audit);
        log.info("key created", { key: created.id, plan, request: c.var.requestId });
        return createdKeyJson(created);
      },
    });
  });

  app.openapi(listKeysRoute, (c) => {
    const { after, limit, ...named } = c.req.valid("query");
    const owner = ownerFor(c.var.principal, named.owner);
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
    const key = keyFor(c.var.principal, registry, c.req.valid("param").id);
    if (key === undefined) return noSuchKey(c);
    return c.json(keyJson(key), 200, { ETag: keyTag(key) });
  });

  app.openapi(changeKeyRoute, (c) => {
    const { id } = c.req.valid("param");
    const change = c.req.valid("json");
    return serial(async () => {
      const key = keyFor(c.var.principal, registry, id);
      if (key === undefined) return noSuchKey(c);
      if (!matchesTag(c.req.valid("header")["if-match"], key)) return changedMeanwhile(c, key);
      const { plan, name, expiresAt, restrict } = change;
      refuseOtherPlan(c.var.principal, registry, plan);
      if (expiresAt !== undefined) refusePastExpiry(instantMs(expiresAt), context);
      const update = {
        ...(plan === undefined ? {} : { plan }),
        ...(name === undefined ? {} : { name }),
        ...(expiresAt === undefined ? {} : { expiresAtMs: instantMs(expiresAt) }),
        ...(restrict === undefined ? {} : { restrict: restrictionsOver(key.restrict, restrict) }),
      };
      const audit = auditOf(c, { clock, action: "changeKey", change });
      const changed = await registry.update(id, update, audit);
      const fields = Object.keys(change).join(" ");
      log.info("key changed", { key: id, fields, request: c.var.requestId });
      return c.json(keyJson(changed), 200, { ETag: keyTag(changed) });
    });
  });

  app.openapi(revokeKeyRoute, (c) => {
    const { id } = c.req.valid("param");
    return serial(async () => {
      const key = keyFor(c.var.principal, registry, id);
      if (key === undefined) return noSuchKey(c);
      if (!matchesTag(c.req.valid("header")["if-match"], key)) return changedMeanwhile(c, key);
      const revoked = await registry.revoke(
        id,
        auditOf(c, { clock, action: "revokeKey", change: {} }),
      );
      log.info("key revoked", { key: id, request: c.var.requestId });
      return c.json(keyJson(revoked), 200, { ETag: keyTag(revoked) });
    });
  });

  app.openapi(rotateKeyRoute, (c) => {
    const { id } = c.req.valid("param");
    if (keyFor(c.var.principal, registry, id) === undefined) return noSuchKey(c);
    const { overlap } = rotationSchema.parse(c.req.valid("json"));
    const overlapMs = parseDuration(overlap) as number;
    const ifMatched = c.req.valid("header")["if-match"];
    const audit = auditOf(c, { clock, action: "rotateKey", change: { overlap } });
    return answerOnce(c, {
      body: { id, overlap, ifMatched },
      headers: headersOfCreated,
      work: () =>
        serial(async () => {
          const key = keyFor(c.var.principal, registry, id);
          if (key !== undefined && !matchesTag(ifMatched, key)) throw changedSince(key);
          const rotated = await registry.rotate(id, overlapMs, audit);
          log.info("key rotated", { key: id, overlapMs, request: c.var.requestId });
          return createdKeyJson(rotated);
        }),
    });
  });
}

function headersOfCreated(created: CreatedKeyJson): Readonly<Record<string, string>> {
  return { ETag: keyTag(created), Location: `/v1/keys/${created.id}` };
}

const unrestricted = { referers: [], addresses: [], routes: [] };

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

function changedSince({ version }: KeyView): TallygateError {
  return new TallygateError("changed-meanwhile", `the key's version is ${version}`);
}

function changedMeanwhile(c: Context<ControlEnv>, key: KeyView) {
  return problem(c, {
    status: 412,
    detail: `The key has changed since: its version is ${key.version}.`,
    code: "changed-meanwhile",
    headers: { ETag: keyTag(key) },
  });
}
