/** Bearer tokens (RFC 6750): who makes a request, and whether that token may. */

import type { MiddlewareHandler } from "hono";
import type { Clock } from "../ports/clock.ts";
import { type ControlEnv, problem } from "./problem.ts";
import type { TokenAttempts } from "./token-attempts.ts";
import { type Tokens, tokenLengthMax } from "./tokens.ts";

/** The token of an `Authorization` field. */
export function presentedToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length > tokenLengthMax + 16) return undefined;
  return /^bearer +([\x21-\x7e]+)$/i.exec(authorization)?.[1];
}

export interface Gatekeeping {
  readonly tokens: Tokens;
  readonly attempts: TokenAttempts;
  readonly clock: Pick<Clock, "monotonicMs">;
}

/** 401 unless the request carries a valid token, 403 if it may not, 429 from addresses that guess. */
export function requireToken(keep: Gatekeeping): MiddlewareHandler<ControlEnv> {
  const { tokens, attempts, clock } = keep;
  return async (c, next) => {
    const token = presentedToken(c.req.header("authorization"));
    // Outside a server there is no address, nor are there bindings.
    const address = (c.env as ControlEnv["Bindings"] | undefined)?.address ?? "";
    const nowMs = clock.monotonicMs();
    const waitMs = token === undefined ? 0 : attempts.waitMs(address, nowMs);
    if (waitMs > 0) {
      return problem(c, {
        status: 429,
        detail: "Too many wrong tokens came from this address.",
        code: "too-many-attempts",
        headers: { "Retry-After": String(Math.ceil(waitMs / 1_000)) },
      });
    }
    const principal = token === undefined ? undefined : tokens.principalOf(token);
    if (principal === undefined) {
      if (token !== undefined) attempts.failed(address, nowMs);
      return problem(c, {
        status: 401,
        detail: "The admin token is missing, wrong or expired: Authorization: Bearer <token>.",
        code: "unauthorized",
        headers: { "WWW-Authenticate": 'Bearer realm="tallygate"' },
      });
    }
    // Denied by default: what is not known to be harmless is for admins.
    const isRead = c.req.method === "GET" || c.req.method === "HEAD";
    if (principal.role !== "admin" && !isRead) {
      return problem(c, {
        status: 403,
        detail: "This token is read-only.",
        code: "forbidden",
        headers: { "WWW-Authenticate": 'Bearer realm="tallygate", error="insufficient_scope"' },
      });
    }
    c.set("principal", principal);
    return next();
  };
}
