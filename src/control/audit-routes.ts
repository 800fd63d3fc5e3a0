/** `/v1/audit`: what was changed through this API, by whom, and whether the log is whole. */

import { createRoute } from "@hono/zod-openapi";
import type { AuditEntry } from "../ports/audit-log.ts";
import { checkAudit } from "./audit-check.ts";
import { bearerSecurity, type ControlApp, type ControlContext } from "./control-context.ts";
import { commonResponses } from "./problem.ts";
import { jsonContent } from "./request-parts.ts";
import {
  auditCheckQuerySchema,
  auditCheckSchema,
  auditListSchema,
  auditQuerySchema,
} from "./token-schemas.ts";

const security = bearerSecurity;

const listAuditRoute = createRoute({
  method: "get",
  path: "/v1/audit",
  operationId: "listAudit",
  summary: "Changes made through this API, newest first.",
  security,
  request: { query: auditQuerySchema },
  responses: { 200: jsonContent(auditListSchema, "One page."), ...commonResponses },
});

const checkAuditRoute = createRoute({
  method: "get",
  path: "/v1/audit/check",
  operationId: "checkAudit",
  summary:
    "Recompute the chain of the audit log; with a noted `seq` and `hash`, whether that entry is still the same.",
  security,
  request: { query: auditCheckQuerySchema },
  responses: { 200: jsonContent(auditCheckSchema, "What was found."), ...commonResponses },
});

export function addAuditRoutes(app: ControlApp, context: ControlContext): void {
  const { audit, timers } = context;
  /** One check at a time; who asks meanwhile gets the same. */
  let running: ReturnType<typeof checkAudit> | undefined;

  app.openapi(listAuditRoute, (c) => {
    const { before, limit, actor, target } = c.req.valid("query");
    // One more than asked for tells whether there is another page.
    const entries = audit.before(before ?? Number.MAX_SAFE_INTEGER, limit + 1, { actor, target });
    const page = entries.slice(0, limit);
    const next = entries.length > limit ? (page.at(-1)?.seq ?? null) : null;
    return c.json({ entries: page.map(entryJson), next }, 200);
  });

  app.openapi(checkAuditRoute, async (c) => {
    const { seq, hash } = c.req.valid("query");
    running ??= checkAudit(audit, timers).finally(() => {
      running = undefined;
    });
    const { entries, archivedTo, firstBroken, head } = await running;
    const base = audit.base();
    const found = seq === base.seq ? base : audit.get(seq ?? 0);
    const noted = seq === undefined || seq < base.seq ? null : found?.hash === hash;
    const ok = firstBroken === null && noted !== false;
    return c.json({ ok, entries, archivedTo, firstBroken, head, noted }, 200);
  });
}

function entryJson({ atMs, ...entry }: AuditEntry) {
  return { ...entry, at: new Date(atMs).toISOString() };
}
