/** `/portal/api/keys`: a person's own keys. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { parseDuration } from "../../access/config-values.ts";
import { TallygateError } from "../../base/errors.ts";
import type { KeyView } from "../../hub/hub-api.ts";
import type { ControlApp } from "../control-context.ts";
import { inOrder } from "../in-order.ts";
import { instantMs, restrictionsOver } from "../key-view.ts";
import {
  type AnyAnswer,
  type ControlEnv,
  changeResponses,
  commonResponses,
  problem,
  problemResponses,
} from "../problem.ts";
import { RateTable } from "../rate-table.ts";
import { jsonContent, noBody, noQuery } from "../request-parts.ts";
import { keyIdSchema } from "../schemas.ts";
import {
  keysOf,
  makeKey,
  ownKey,
  personAudit,
  personCreatedKeyJson,
  personKeyJson,
} from "./person-keys.ts";
import type { PortalParts } from "./portal-app.ts";
import {
  personCreatedKeySchema,
  personKeyChangeSchema,
  personKeyListSchema,
  personKeyRequestSchema,
  personKeySchema,
  personRotationSchema,
} from "./portal-schemas.ts";
import { peopleMax } from "./sign-up.ts";

/** Changes of keys that one person makes in one go, and how often after that: each is told to every gateway. */
export const personChangesMax = 30;
export const personChangeEveryMs = 20_000;
/** Changes of all people that wait for their turn. */
const changesWaitingMax = 200;

const params = z.object({ id: keyIdSchema });
const ofOne = { ...changeResponses, 404: problemResponses[404] } as const;

const listRoute = createRoute({
  method: "get",
  path: "/portal/api/keys",
  operationId: "listOwnKeys",
  summary: "One's keys, the newest first.",
  request: { query: noQuery },
  responses: { 200: jsonContent(personKeyListSchema, "All of them."), ...commonResponses },
});

const createKeyRoute = createRoute({
  method: "post",
  path: "/portal/api/keys",
  operationId: "createOwnKey",
  summary: "Make a key. Its secret is in this answer and never again.",
  request: {
    query: noQuery,
    body: { required: true, content: { "application/json": { schema: personKeyRequestSchema } } },
  },
  responses: {
    201: jsonContent(personCreatedKeySchema, "The key with its secret."),
    ...changeResponses,
  },
});

const changeRoute = createRoute({
  method: "patch",
  path: "/portal/api/keys/{id}",
  operationId: "changeOwnKey",
  summary: "Change a key's name, expiry or restrictions.",
  request: {
    params,
    query: noQuery,
    body: { required: true, content: { "application/json": { schema: personKeyChangeSchema } } },
  },
  responses: { 200: jsonContent(personKeySchema, "The key as it is now."), ...ofOne },
});

const rotateRoute = createRoute({
  method: "post",
  path: "/portal/api/keys/{id}/rotate",
  operationId: "rotateOwnKey",
  summary: "A new secret for the same key and count; the older ones expire after the overlap.",
  request: {
    params,
    query: noQuery,
    body: { required: true, content: { "application/json": { schema: personRotationSchema } } },
  },
  responses: { 201: jsonContent(personCreatedKeySchema, "The key with its new secret."), ...ofOne },
});

const revokeRoute = createRoute({
  method: "delete",
  path: "/portal/api/keys/{id}",
  operationId: "revokeOwnKey",
  summary: "Revoke a key for good.",
  middleware: noBody,
  request: { params, query: noQuery },
  responses: { 200: jsonContent(personKeySchema, "The key, revoked."), ...ofOne },
});

export function addPersonKeyRoutes(app: ControlApp, parts: PortalParts): void {
  const { context, portal } = parts;
  const { registry } = context.hub;
  const { clock, log } = context;
  const serial = inOrder(changesWaitingMax);
  const changes = new RateTable({
    ...{ burst: personChangesMax, everyMs: personChangeEveryMs, entriesMax: peopleMax },
  });

  /** One after the other, so that a person's keys are counted and made without another in between. */
  const change = async (
    c: Context<ControlEnv>,
    work: () => Promise<AnyAnswer>,
  ): Promise<AnyAnswer> => {
    const nowMs = clock.monotonicMs();
    const waitMs = changes.waitMs(c.var.person.id, nowMs);
    if (waitMs > 0) {
      return problem(c, {
        ...{ status: 429, detail: "Too many changes.", code: "too-many-attempts" },
        headers: { "Retry-After": String(Math.ceil(waitMs / 1_000)) },
      });
    }
    changes.note(c.var.person.id, nowMs);
    return serial(work);
  };
  const ofOwn = (
    c: Context<ControlEnv>,
    id: string,
    work: (key: KeyView) => Promise<AnyAnswer>,
  ): Promise<AnyAnswer> =>
    change(c, async () => {
      const key = ownKey(registry, c.var.person.id, id);
      return key === undefined ? noSuchKey(c) : work(key);
    });
  const note = (c: Context<ControlEnv>, what: string, key: string): void =>
    log.info(what, { key, person: c.var.person.id, request: c.var.requestId });

  app.openapi(listRoute, (c) => {
    const keys = keysOf(registry, c.var.person.id).map(personKeyJson);
    return c.json({ keys, keysMax: portal().keysMax }, 200);
  });

  app.openapi(createKeyRoute, (c) => {
    const { name, mode, expiresAt, restrict } = c.req.valid("json");
    const draft = { name, mode, expiresAtMs: future(expiresAt, clock.wallMs()) };
    return change(c, async () => {
      const lists = restrictionsOver(unrestricted, restrict);
      const made = await makeKey(c, parts, { ...draft, restrict: lists });
      return c.json(personCreatedKeyJson(made), 201) as Response as AnyAnswer;
    });
  });

  app.openapi(changeRoute, (c) => {
    const { name, expiresAt, restrict } = c.req.valid("json");
    return ofOwn(c, c.req.valid("param").id, async (key) => {
      const update = {
        ...(name === undefined ? {} : { name }),
        ...(expiresAt === undefined ? {} : { expiresAtMs: future(expiresAt, clock.wallMs()) }),
        ...(restrict === undefined ? {} : { restrict: restrictionsOver(key.restrict, restrict) }),
      };
      const audit = personAudit(c, context, "changeKey", c.req.valid("json"));
      const changed = await registry.update(key.id, update, audit);
      note(c, "key changed", key.id);
      return c.json(personKeyJson(changed), 200) as Response as AnyAnswer;
    });
  });

  app.openapi(rotateRoute, (c) => {
    const { overlap } = c.req.valid("json");
    return ofOwn(c, c.req.valid("param").id, async (key) => {
      const audit = personAudit(c, context, "rotateKey", { overlap });
      const rotated = await registry.rotate(key.id, parseDuration(overlap) as number, audit);
      note(c, "key rotated", key.id);
      return c.json(personCreatedKeyJson(rotated), 201) as Response as AnyAnswer;
    });
  });

  app.openapi(revokeRoute, (c) =>
    ofOwn(c, c.req.valid("param").id, async (key) => {
      const revoked = await registry.revoke(key.id, personAudit(c, context, "revokeKey", {}));
      note(c, "key revoked", key.id);
      return c.json(personKeyJson(revoked), 200) as Response as AnyAnswer;
    }),
  );
}

const unrestricted = { referers: [], addresses: [], routes: [] };

function future(expiresAt: string | null, nowMs: number): number {
  const expiresAtMs = instantMs(expiresAt);
  if (expiresAtMs !== 0 && expiresAtMs <= nowMs) {
    const detail = "expiresAt is in the past; to end a key, revoke it";
    throw new TallygateError("request-invalid", detail);
  }
  return expiresAtMs;
}

function noSuchKey(c: Context<ControlEnv>): AnyAnswer {
  return problem(c, { status: 404, detail: "There is no key with this id.", code: "not-found" });
}
