/**
 * What the control plane asks of requests that come with a cookie. Against requests that another site makes a browser
 * send (CSRF) stand, each alone enough: `SameSite=Strict`, the check of where the request comes from, and a token
 * that only a page of this origin can have read.
 */

import type { Context } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { type AnyAnswer, type ControlEnv, problem } from "./problem.ts";
import { isCsrfTokenOf, type SessionKind } from "./sessions.ts";

/** One each, so that a browser can be an operator and a person of the portal at a time. */
const cookieNames: Readonly<Record<SessionKind, string>> = {
  operator: "__Host-tallygate",
  person: "__Host-tallygate-portal",
};

/** Base62 of 32 bytes is 43 characters. */
const sessionIdLengthMax = 64;

export function sessionIdOf(c: Context, kind: SessionKind): string | undefined {
  const id = getCookie(c, cookieNames[kind]);
  return id === undefined || id === "" || id.length > sessionIdLengthMax ? undefined : id;
}

/** Also on plain HTTP, which is this machine's only: browsers take `Secure` from loopback addresses. */
const attributes = { path: "/", httpOnly: true, secure: true, sameSite: "Strict" } as const;

export function setSessionCookie(c: Context, kind: SessionKind, id: string): void {
  setCookie(c, cookieNames[kind], id, attributes);
}

export function dropSessionCookie(c: Context, kind: SessionKind): void {
  setCookie(c, cookieNames[kind], "", { ...attributes, maxAge: 0 });
}

/** Undefined: the request comes from a page of this origin. */
export function foreignOrigin(c: Context<ControlEnv>): AnyAnswer | undefined {
  return isSameOrigin(c)
    ? undefined
    : refused(c, "This request does not come from a page of ours.");
}

/** Undefined: a page of this origin, one that knows the session's token, makes the request. */
export function forgery(c: Context<ControlEnv>, sessionId: string): AnyAnswer | undefined {
  if (!isSameOrigin(c)) return foreignOrigin(c);
  if (isCsrfTokenOf(sessionId, c.req.header("x-csrf-token"))) return undefined;
  return refused(c, "x-csrf-token is missing or not that of the session: read it anew.");
}

/**
 * Browsers say what they know in `Sec-Fetch-Site`, which no script can set; those that are too old for it send `Origin`.
 * A request with neither comes from no browser: it has to use a token.
 */
function isSameOrigin(c: Context): boolean {
  const site = c.req.header("sec-fetch-site");
  if (site !== undefined) return site === "same-origin";
  const origin = c.req.header("origin");
  const host = c.req.header("host") ?? new URL(c.req.url).host;
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host;
}

function refused(c: Context<ControlEnv>, detail: string): AnyAnswer {
  return problem(c, { status: 403, detail, code: "forbidden" });
}
