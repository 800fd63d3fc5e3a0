/** Parts that the requests of several routes have. */

import { z } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import type { KeyAudit } from "../hub/hub-api.ts";
import type { Clock } from "../ports/clock.ts";
import { idempotencyKeyLengthMax } from "./idempotency.ts";
import { type ControlEnv, problem } from "./problem.ts";

export const idempotencyHeader = z.object({
  "idempotency-key": z.string().min(1).max(idempotencyKeyLengthMax).optional(),
});

/** Of a route without parameters: what is there is refused, and not read past. */
export const noQuery = z.strictObject({});

/** Of a route that takes no body. */
export const noBody: MiddlewareHandler<ControlEnv> = async (c, next) => {
  const { byteLength } = await c.req.arrayBuffer();
  if (byteLength === 0) return next();
  return problem(c, {
    status: 400,
    detail: "This request takes no body.",
    code: "request-invalid",
  });
};

export function jsonContent<S extends z.ZodType>(schema: S, description: string) {
  return { description, content: { "application/json": { schema } } };
}

/** What the audit log says of this request. `change` must hold no secret. */
export function auditOf(
  c: Context<ControlEnv>,
  { clock, action, change }: { clock: Pick<Clock, "wallMs">; action: string; change: unknown },
): KeyAudit {
  return {
    atMs: Math.floor(clock.wallMs()),
    actor: c.var.principal.id,
    action,
    request: c.var.requestId,
    change: JSON.stringify(change),
  };
}
