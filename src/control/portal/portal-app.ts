/**
 * The portal's API under `/portal/api`: for people who use the operator's API, each within what is their own. Another
 * person's things are answered as things that do not exist. Not part of the admin API: no token opens it, and its sessions
 * open nothing else.
 */

import type { Context, MiddlewareHandler } from "hono";
import type { PortalConfig } from "../../access/config-portal.ts";
import type { StoredPerson } from "../../ports/portal-store.ts";
import { addWrongMethods, apiApp, limitBody, requireUtf8 } from "../api-app.ts";
import { forgery, sessionIdOf } from "../browser-requests.ts";
import type { ControlApp, ControlContext } from "../control-context.ts";
import { type ControlEnv, problem } from "../problem.ts";
import type { Sessions } from "../sessions.ts";
import { addBrandRoutes, styleAnswer } from "./brand-routes.ts";
import { addPersonKeyRoutes } from "./person-key-routes.ts";
import { addEnterRoutes, addPersonRoutes } from "./person-routes.ts";
import { addPersonUsageRoutes } from "./person-usage-routes.ts";
import { SignUp } from "./sign-up.ts";

/** A name and lists of restrictions. */
export const portalBodyMaxBytes = 32_768;

export interface PortalParts {
  readonly context: ControlContext;
  readonly sessions: Sessions;
  readonly signUp: SignUp;
  /** That of the configuration in force: asked for every time, behind the check that there is one. */
  portal(): PortalConfig;
  /** Whose session the request carries, if anybody's. Counts as a use of it. */
  visitor(c: Context<ControlEnv>): Visitor | undefined;
}

export interface Visitor {
  readonly sessionId: string;
  readonly person: StoredPerson;
}

export function createPortal(context: ControlContext, sessions: Sessions): ControlApp {
  const app = apiApp(context);
  const { store, mailer, hubUrl } = context.portal;
  const { clock, random } = context;
  const signUp = new SignUp({ store, mailer, hubUrl, clock, random });
  const parts: PortalParts = {
    ...{ context, sessions, signUp },
    portal: () => context.config().portal as PortalConfig,
    visitor(c) {
      const sessionId = sessionIdOf(c, "person");
      const session = sessionId === undefined ? undefined : sessions.use("person", sessionId);
      const person = session === undefined ? undefined : store.person(session.subject);
      return sessionId === undefined || person === undefined ? undefined : { sessionId, person };
    },
  };
  const whereThereIsOne: MiddlewareHandler<ControlEnv> = async (c, next) => {
    if (context.config().portal !== undefined) return next();
    return problem(c, { status: 404, detail: "The operator has configured no portal." });
  };
  // The page names it, so that it is there whatever is configured.
  app.get("/portal/api/brand.css", (c) => styleAnswer(c, context.config().portal));
  app.use("/portal/api/*", whereThereIsOne);
  app.use("/portal/api/*", limitBody(portalBodyMaxBytes));
  app.use("/portal/api/*", requireUtf8());
  addBrandRoutes(app, parts);
  addEnterRoutes(app, parts);
  app.use("/portal/api/*", requirePerson(parts));
  addPersonRoutes(app, parts);
  addPersonKeyRoutes(app, parts);
  addPersonUsageRoutes(app, parts);
  addWrongMethods(app);
  return app;
}

/** 401 without a session of somebody who is still there; 403 for a change that may not be theirs. */
function requirePerson({ visitor }: PortalParts): MiddlewareHandler<ControlEnv> {
  return async (c, next) => {
    const who = visitor(c);
    if (who === undefined) {
      return problem(c, { status: 401, detail: "Log in first.", code: "unauthorized" });
    }
    const isRead = c.req.method === "GET" || c.req.method === "HEAD";
    const forged = isRead ? undefined : forgery(c, who.sessionId);
    if (forged !== undefined) return forged;
    c.set("sessionId", who.sessionId);
    c.set("person", who.person);
    return next();
  };
}
