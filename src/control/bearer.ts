/** Who makes a request, and whether they may: by a bearer token (RFC 6750), or by an operator's session at a browser. */

import type { Context, MiddlewareHandler } from "hono";
import type { Clock } from "../ports/clock.ts";
import { forgery, sessionIdOf } from "./browser-requests.ts";
import { type AnyAnswer, type ControlEnv, problem } from "./problem.ts";
import type { Session, Sessions } from "./sessions.ts";
import type { TokenAttempts } from "./token-attempts.ts";
import { type Principal, type Tokens, tokenLengthMax } from "./tokens.ts";

/** The token of an `Authorization` field. */
function presentedToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length > tokenLengthMax + 16) return undefined;
  return /^bearer +([\x21-\x7e]+)$/i.exec(authorization)?.[1];
}

export interface Gatekeeping {
  readonly tokens: Tokens;
  readonly sessions: Sessions;
  readonly attempts: TokenAttempts;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly addressOf: (c: Context<ControlEnv>) => string;
}

/** 401 unless the request carries a valid token or session, 403 if it may not, 429 from addresses that guess. */
export function requireToken(keep: Gatekeeping): MiddlewareHandler<ControlEnv> {
  const { tokens, sessions, attempts, clock, addressOf } = keep;
  /** A session holds as long as the token that it was made from. */
  const operatorOf = (session: Session | undefined): Principal | undefined =>
    session === undefined ? undefined : tokens.principalOfHash(session.subject);
  return async (c, next) => {
    const authorization = c.req.header("authorization");
    // A request that presents a token is that token's, whatever cookies go with it.
    const sessionId = (authorization ?? "") === "" ? sessionIdOf(c, "operator") : undefined;
    if (sessionId !== undefined) {
      const principal = operatorOf(sessions.use("operator", sessionId));
      if (principal === undefined) return unauthorized(c, "The session is over: log in again.");
      const isForged = isRead(c) ? undefined : forgery(c, sessionId);
      if (isForged !== undefined) return isForged;
      c.set("sessionId", sessionId);
      c.set("secret", sessionId);
      // A page that is left open is no use of the session.
      const find = () => sessions.find("operator", sessionId);
      c.set("isStillAllowed", () => operatorOf(find()) !== undefined);
      return admit(c, principal, next);
    }
    const token = presentedToken(authorization);
    const address = addressOf(c);
    const nowMs = clock.monotonicMs();
    const waitMs = token === undefined ? 0 : attempts.waitMs(address, nowMs);
    if (waitMs > 0) return tooManyWrongTokens(c, waitMs);
    const principal = token === undefined ? undefined : tokens.principalOf(token);
    if (token === undefined || principal === undefined) {
      if (token !== undefined) attempts.failed(address, nowMs);
      return unauthorized(
        c,
        "The admin token is missing, wrong or expired: Authorization: Bearer <token>.",
      );
    }
    c.set("secret", token);
    c.set("isStillAllowed", () => tokens.principalOf(token) !== undefined);
    return admit(c, principal, next);
  };
}

/** Denied by default: what is not known to be harmless is for admins. */
function admit(
  c: Context<ControlEnv>,
  principal: Principal,
  next: () => Promise<void>,
): Promise<void> | AnyAnswer {
  if (principal.role !== "admin" && !isRead(c)) {
    return problem(c, {
      status: 403,
      detail: "This token is read-only.",
      code: "forbidden",
      headers: { "WWW-Authenticate": 'Bearer realm="tallygate", error="insufficient_scope"' },
    });
  }
  c.set("principal", principal);
  return next();
}

function isRead(c: Context): boolean {
  return c.req.method === "GET" || c.req.method === "HEAD";
}

export function unauthorized(c: Context<ControlEnv>, detail: string): AnyAnswer {
  return problem(c, {
    status: 401,
    detail,
    code: "unauthorized",
    headers: { "WWW-Authenticate": 'Bearer realm="tallygate"' },
  });
}

export function tooManyWrongTokens(c: Context<ControlEnv>, waitMs: number): AnyAnswer {
  return problem(c, {
    status: 429,
    detail: "Too many wrong tokens came from this address.",
    code: "too-many-attempts",
    headers: { "Retry-After": String(Math.ceil(waitMs / 1_000)) },
  });
}
