/** `/status.json` and `/status.atom`: what everybody may know, without a token. What the page at `/status` shows. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { servedStatus } from "../status/public-status.ts";
import { atomFeed } from "./atom-feed.ts";
import type { ControlApp, ControlContext } from "./control-context.ts";
import { publicStatusSchema } from "./incident-schemas.ts";
import type { AnyAnswer, ControlEnv } from "./problem.ts";
import { jsonContent } from "./request-parts.ts";

const statusRoute = createRoute({
  method: "get",
  path: "/status.json",
  operationId: "publicStatus",
  summary: "Availability and latency of each region, and incidents. Open to all.",
  security: [],
  responses: {
    200: jsonContent(publicStatusSchema, "As of now."),
    304: { description: "As before." },
  },
});

const feedRoute = createRoute({
  method: "get",
  path: "/status.atom",
  operationId: "statusFeed",
  summary: "Incidents as an Atom feed (RFC 4287). Open to all.",
  security: [],
  responses: {
    200: {
      description: "The newest incidents.",
      content: { "application/atom+xml": { schema: z.string() } },
    },
    304: { description: "As before." },
  },
});

export function addPublicStatus(app: ControlApp, { status }: ControlContext): void {
  app.openapi(statusRoute, (c) => {
    const { text, edition } = status.document();
    return shared(c, { edition, type: "application/json", body: () => served(text) });
  });
  app.openapi(feedRoute, (c) => {
    const { status: shown, edition } = status.document();
    const body = (): string => atomFeed(shown, status.feedId);
    return shared(c, { edition, type: "application/atom+xml; charset=utf-8", body });
  });
}

function served(text: string): string {
  return servedStatus(text, { region: null, ageMs: 0 });
}

/** For readers of any site, who ask again and again: 304 while nothing has changed. */
function shared(
  c: Context<ControlEnv>,
  of: { readonly edition: string; readonly type: string; readonly body: () => string },
): AnyAnswer {
  const tag = `"${of.edition}"`;
  const headers = {
    "Cache-Control": "no-cache",
    ETag: tag,
    "Access-Control-Allow-Origin": "*",
    "X-Content-Type-Options": "nosniff",
  };
  const known = c.req.header("if-none-match")?.split(",") ?? [];
  if (known.some((one) => one.trim().replace(/^W\//, "") === tag)) {
    return c.body(null, 304, headers) as Response as AnyAnswer;
  }
  return c.body(of.body(), 200, { ...headers, "Content-Type": of.type }) as Response as AnyAnswer;
}
