/** `/v1/owners` and `/v1/events`: whose keys there are, and what happened. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { StoredEvent } from "../ports/event-store.ts";
import {
  eventHeadersSchema,
  eventListSchema,
  eventQuerySchema,
  ownerListQuerySchema,
  ownerListSchema,
  ownerNameSchema,
  ownerSchema,
} from "./cluster-schemas.ts";
import { bearerSecurity, type ControlApp, type ControlContext } from "./control-context.ts";
import { eventStream, listenersMax } from "./event-stream.ts";
import { maySee } from "./owner-scope.ts";
import {
  type AnyAnswer,
  type ControlEnv,
  commonResponses,
  problem,
  problemResponses,
} from "./problem.ts";
import { jsonContent, noQuery } from "./request-parts.ts";

const security = bearerSecurity;

const listOwnersRoute = createRoute({
  method: "get",
  path: "/v1/owners",
  operationId: "listOwners",
  summary: "Owners of keys, by name. What they used: `GET /v1/usage?by=owner`.",
  security,
  request: { query: ownerListQuerySchema },
  responses: { 200: jsonContent(ownerListSchema, "One page."), ...commonResponses },
});

const showOwnerRoute = createRoute({
  method: "get",
  path: "/v1/owners/{owner}",
  operationId: "showOwner",
  summary: "One owner: keys and plans.",
  security,
  request: { params: z.object({ owner: ownerNameSchema }), query: noQuery },
  responses: {
    200: jsonContent(ownerSchema, "The owner."),
    ...commonResponses,
    404: problemResponses[404],
  },
});

const listEventsRoute = createRoute({
  method: "get",
  path: "/v1/events",
  operationId: "listEvents",
  summary: "Regions going up and down, warnings, lost batches, backups, changed configurations.",
  description:
    "With `Accept: text/event-stream` those to come, as server-sent events: each `data` is one event, `id` its number.",
  security,
  request: { query: eventQuerySchema, headers: eventHeadersSchema },
  responses: {
    200: {
      description: "One page, or the stream.",
      content: {
        "application/json": { schema: eventListSchema },
        "text/event-stream": { schema: { type: "string" as const } },
      },
    },
    ...commonResponses,
  },
});

export function addClusterRoutes(app: ControlApp, context: ControlContext): void {
  const { hub, events, timers } = context;
  let listeners = 0;

  app.openapi(listOwnersRoute, (c) => {
    const { after = "", limit } = c.req.valid("query");
    const owners = hub.registry.owners(after, limit + 1);
    const page = owners.slice(0, limit);
    const next = owners.length > limit ? (page.at(-1) ?? null) : null;
    return c.json({ owners: page.map((owner) => ({ owner })), next }, 200);
  });

  app.openapi(showOwnerRoute, (c) => {
    const { owner: name } = c.req.valid("param");
    const found = maySee(c.var.principal, name) ? hub.registry.owner(name) : undefined;
    if (found === undefined) {
      const detail = "No key has this owner.";
      return problem(c, { status: 404, detail, code: "not-found" });
    }
    const { sinceMs, ...owner } = found;
    const since = new Date(sinceMs).toISOString();
    return c.json({ ...owner, plans: [...owner.plans], since }, 200);
  });

  app.openapi(listEventsRoute, (c) => {
    if (/\btext\/event-stream\b/i.test(c.req.header("accept") ?? "")) return listen(c);
    const { before, limit, kind, subject } = c.req.valid("query");
    // One more than asked for tells whether there is another page.
    const found = events.before(before ?? Number.MAX_SAFE_INTEGER, limit + 1, { kind, subject });
    const page = found.slice(0, limit);
    const next = found.length > limit ? (page.at(-1)?.seq ?? null) : null;
    return c.json({ events: page.map(eventJson), next }, 200);
  });

  function listen(c: Context<ControlEnv>): AnyAnswer {
    if (listeners >= listenersMax) {
      const detail = `${listenersMax} clients listen already.`;
      return problem(c, { status: 503, detail, code: "too-busy", headers: { "Retry-After": "5" } });
    }
    const newest = events.before(Number.MAX_SAFE_INTEGER, 1, {})[0]?.seq ?? 0;
    const seen = c.req.header("last-event-id");
    const headers = { "Content-Type": "text/event-stream" };
    if (c.req.raw.method === "HEAD") return c.body(null, 200, headers) as Response as AnyAnswer;
    listeners++;
    const body = eventStream({
      ...{ events, timers, json: eventJson },
      after: seen === undefined ? newest : Number(seen),
      isAllowed: c.var.isStillAllowed,
      onEnd: () => {
        listeners--;
      },
    });
    return c.body(body, 200, headers) as Response as AnyAnswer;
  }
}

function eventJson({ atMs, ...event }: StoredEvent) {
  return { ...event, at: new Date(atMs).toISOString() };
}
