/** Asking for a link, entering with it, who one is, logging out, leaving for good. */

import { createRoute, type z } from "@hono/zod-openapi";
import type { Context } from "hono";
import {
  dropSessionCookie,
  foreignOrigin,
  sessionIdOf,
  setSessionCookie,
} from "../browser-requests.ts";
import { callerAddress } from "../caller-address.ts";
import type { ControlApp } from "../control-context.ts";
import {
  type AnyAnswer,
  type ControlEnv,
  changeResponses,
  problem,
  problemResponses,
} from "../problem.ts";
import { jsonContent, noBody, noQuery } from "../request-parts.ts";
import { TokenAttempts } from "../token-attempts.ts";
import { allKeysOf, makeKey, personAudit, personCreatedKeyJson } from "./person-keys.ts";
import { personJson } from "./person-view.ts";
import type { PortalParts } from "./portal-app.ts";
import {
  enteredSchema,
  linkSchema,
  openLinkSchema,
  personSchema,
  signUpSchema,
} from "./portal-schemas.ts";

function body<S extends z.ZodType>(schema: S) {
  return { required: true, content: { "application/json": { schema } } };
}

const signUpRoute = createRoute({
  method: "post",
  path: "/portal/api/sign-up",
  operationId: "signUp",
  summary: "Ask for a link by mail. The answer is the same for every address.",
  request: { query: noQuery, body: body(signUpSchema) },
  responses: { 202: { description: "A mail is on its way." }, ...changeResponses },
});

const lookRoute = createRoute({
  method: "post",
  path: "/portal/api/link",
  operationId: "lookAtLink",
  summary: "Whose link it is. It stays good.",
  request: { query: noQuery, body: body(linkSchema) },
  responses: { 200: jsonContent(openLinkSchema, "Whose it is."), ...changeResponses },
});

const enterRoute = createRoute({
  method: "post",
  path: "/portal/api/session",
  operationId: "enter",
  summary: "Use a link: begins a session; whoever is new gets a first key with it.",
  request: { query: noQuery, body: body(linkSchema) },
  responses: { 200: jsonContent(enteredSchema, "Who has entered."), ...changeResponses },
});

const showRoute = createRoute({
  method: "get",
  path: "/portal/api/session",
  operationId: "showPerson",
  summary: "Who one is.",
  request: { query: noQuery },
  responses: { 200: jsonContent(personSchema, "Who it is."), 401: problemResponses[401] },
});

const leaveRoute = createRoute({
  method: "delete",
  path: "/portal/api/session",
  operationId: "logOutOfPortal",
  summary: "End the session.",
  middleware: noBody,
  request: { query: noQuery },
  responses: { 204: { description: "The cookie opens nothing any more." }, ...changeResponses },
});

const deleteRoute = createRoute({
  method: "delete",
  path: "/portal/api/person",
  operationId: "deletePerson",
  summary: "Revoke all keys and forget the address. What was used stays in the operator's count.",
  middleware: noBody,
  request: { query: noQuery },
  responses: { 204: { description: "All sessions are over." }, ...changeResponses },
});

/** In front of the check of who asks. */
export function addEnterRoutes(app: ControlApp, parts: PortalParts): void {
  const { context, sessions, signUp, portal } = parts;
  const { clock, log } = context;
  const attempts = new TokenAttempts();
  const addressOf = (c: Context<ControlEnv>): string =>
    callerAddress(c, context.config().clients.trustedProxies);
  /** A wrong link counts as a wrong token does. */
  const guarded = (c: Context<ControlEnv>): AnyAnswer | undefined => {
    const waitMs = attempts.waitMs(addressOf(c), clock.monotonicMs());
    return (
      foreignOrigin(c) ?? (waitMs > 0 ? tooOften(c, waitMs, "Too many wrong links.") : undefined)
    );
  };
  const linkIsOver = (c: Context<ControlEnv>): AnyAnswer => {
    attempts.failed(addressOf(c), clock.monotonicMs());
    const detail = "This link was used or is over. Ask for another one.";
    return problem(c, { status: 401, detail, code: "unauthorized" });
  };

  app.openapi(signUpRoute, async (c) => {
    const foreign = foreignOrigin(c);
    if (foreign !== undefined) return foreign;
    const outcome = await signUp.sendLink(c.req.valid("json").email, addressOf(c), portal());
    switch (outcome.kind) {
      case "sent":
        return c.body(null, 202);
      case "no-mail":
        return problem(c, {
          status: 503,
          detail: "Mails cannot be sent yet: the operator has configured no mail server.",
        });
      case "too-often":
        return tooOften(c, outcome.waitMs, whyTooOften[outcome.what]);
    }
  });

  app.openapi(lookRoute, (c) => {
    const refused = guarded(c);
    if (refused !== undefined) return refused;
    const link = signUp.look(c.req.valid("json").token);
    return link === undefined ? linkIsOver(c) : c.json(link, 200);
  });

  app.openapi(enterRoute, async (c) => {
    const refused = guarded(c);
    if (refused !== undefined) return refused;
    const outcome = await signUp.enter(c.req.valid("json").token);
    if (outcome.kind === "over") return linkIsOver(c);
    if (outcome.kind === "full") {
      return problem(c, { status: 503, detail: "There is no room for more people here." });
    }
    const { person, isNew } = outcome;
    // A session that the browser had before ends: the next one gets an id of its own.
    const present = sessionIdOf(c, "person");
    const before = present === undefined ? undefined : sessions.find("person", present);
    if (before !== undefined) await sessions.end(before);
    const id = await sessions.begin("person", person.id);
    c.set("person", person);
    const made = isNew ? await makeKey(c, parts, firstKey) : undefined;
    setSessionCookie(c, "person", id);
    log.info(isNew ? "a person signed up" : "a person logged in", {
      ...{ person: person.id, request: c.var.requestId },
    });
    const first = made === undefined ? null : personCreatedKeyJson(made);
    return c.json({ ...personJson(person, id), firstKey: first }, 200);
  });
}

const firstKey = {
  name: "First key",
  mode: "live" as const,
  expiresAtMs: 0,
  restrict: { referers: [], addresses: [], routes: [] },
};

const whyTooOften = {
  address: "Too many links were asked for from this address.",
  mailbox: "Mails went to this mailbox a moment ago: look there, in the spam folder too.",
  all: "Too many people ask for links now.",
} as const;

function tooOften(c: Context<ControlEnv>, waitMs: number, detail: string): AnyAnswer {
  return problem(c, {
    ...{ status: 429, detail, code: "too-many-attempts" },
    headers: { "Retry-After": String(Math.ceil(waitMs / 1_000)) },
  });
}

/** Behind the check of who asks. */
export function addPersonRoutes(app: ControlApp, parts: PortalParts): void {
  const { context, sessions } = parts;
  const { store } = context.portal;
  const endSession = async (c: Context<ControlEnv>): Promise<void> => {
    const session = sessions.find("person", c.var.sessionId ?? "");
    if (session !== undefined) await sessions.end(session);
    dropSessionCookie(c, "person");
  };

  app.openapi(showRoute, (c) => c.json(personJson(c.var.person, c.var.sessionId ?? ""), 200));

  app.openapi(leaveRoute, async (c) => {
    await endSession(c);
    return c.body(null, 204);
  });

  app.openapi(deleteRoute, async (c) => {
    const { person } = c.var;
    for (const { id, revoked } of allKeysOf(context.hub.registry, person.id)) {
      if (!revoked) await context.hub.registry.revoke(id, personAudit(c, context, "revokeKey", {}));
    }
    await endSession(c);
    await sessions.endAllOf(person.id);
    await store.removePerson(person.id);
    context.log.info("a person left", { person: person.id, request: c.var.requestId });
    return c.body(null, 204);
  });
}
