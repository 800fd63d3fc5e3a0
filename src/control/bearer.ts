/** The admin token (RFC 6750), compared in constant time. */

import type { MiddlewareHandler } from "hono";
import { equalSecrets, sha256 } from "../base/hash.ts";
import { type ControlEnv, problem } from "./problem.ts";

/** Characters of a token, at most: a longer one is refused unread. */
const tokenLengthMax = 512;

/** The token of an `Authorization` field. */
export function presentedToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length > tokenLengthMax + 16) return undefined;
  return /^bearer +([\x21-\x7e]+)$/i.exec(authorization)?.[1];
}

/** 401 unless the request carries the token whose SHA-256 `tokenHash` gives. */
export function requireToken(tokenHash: () => Uint8Array): MiddlewareHandler<ControlEnv> {
  return async (c, next) => {
    const token = presentedToken(c.req.header("authorization"));
    // Hashing first makes both sides equally long and the comparison independent of the token.
    if (token !== undefined && equalSecrets(sha256(token), tokenHash())) return next();
    return problem(c, {
      status: 401,
      detail: "The admin token is missing or wrong: Authorization: Bearer <token>.",
      code: "unauthorized",
      headers: { "WWW-Authenticate": 'Bearer realm="tallygate"' },
    });
  };
}
