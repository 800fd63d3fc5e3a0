/**
 * The admin API: REST and JSON under `/v1`, for holders of a token and for browsers that logged in with one. The app has no socket;
 * the hub's process puts it on one.
 *
 * Every answer carries `x-request-id` and `Cache-Control: no-store`; every error is a problem. Tokens,
 * keys and bodies never reach the log. `/openapi.json` (and `/v1/openapi.json`) and `/health/*` need none: they hold
 * nothing that this source does not. `/metrics` needs it: on this port no firewall tells scrapers from callers.
 */

import type { MiddlewareHandler } from "hono";
import { addWrongMethods, apiApp, limitBody, requireUtf8 } from "./api-app.ts";
import { addAuditRoutes } from "./audit-routes.ts";
import { type Gatekeeping, requireToken } from "./bearer.ts";
import { callerAddress } from "./caller-address.ts";
import { addClusterRoutes } from "./cluster-routes.ts";
import { addConfigRoutes } from "./config-routes.ts";
import { addConfigVersionRoutes } from "./config-version-routes.ts";
import type { ControlApp, ControlContext } from "./control-context.ts";
import { addIncidentRoutes } from "./incident-routes.ts";
import { addKeyRoutes } from "./key-routes.ts";
import { addLiveRoutes } from "./live-routes.ts";
import { addOutcomeRoutes } from "./outcome-routes.ts";
import { withinScope } from "./owner-scope.ts";
import { createPortal } from "./portal/portal-app.ts";
import { type ControlEnv, problem } from "./problem.ts";
import { addPublicStatus } from "./public-status.ts";
import { addLogIn, addWhoAmI } from "./session-routes.ts";
import { Sessions } from "./sessions.ts";
import { addStatusRoutes } from "./status-routes.ts";
import { TokenAttempts } from "./token-attempts.ts";
import { addTokenRoutes } from "./token-routes.ts";
import { Tokens } from "./tokens.ts";
import { addUsageRoutes } from "./usage-routes.ts";
import { addVerifyRoutes } from "./verify-routes.ts";
import { addWebFiles } from "./web-files.ts";

export const bodyMaxBytes = 65_536;
/** Of the requests that carry a configuration. */
export const configBodyMaxBytes = 262_144;
const configPaths: ReadonlySet<string> = new Set(["/v1/config/check", "/v1/config/versions"]);

const metricsType = "text/plain; version=0.0.4; charset=utf-8";
const documentPaths = ["/v1/openapi.json", "/openapi.json"] as const;

export function createControl(context: ControlContext): ControlApp {
  const app = apiApp(context);
  addHealth(app, context);
  addDocument(app);
  const { clock, random, adminTokenHash } = context;
  const tokens = new Tokens({ store: context.tokens, adminTokenHash, clock, random });
  const sessions = new Sessions({ store: context.portal.store, log: context.log, clock, random });
  const keep: Gatekeeping = {
    ...{ tokens, sessions, attempts: new TokenAttempts(), clock },
    addressOf: (c) => callerAddress(c, context.config().clients.trustedProxies),
  };
  const limited = limitBody(bodyMaxBytes);
  app.use("/v1/session", limited);
  app.use("/v1/session", requireUtf8());
  addLogIn(app, context, keep);
  const withToken = requireToken(keep);
  app.use("/v1/*", withToken);
  app.use("/v1/*", withinScope());
  addWhoAmI(app, { sessions });
  app.get("/metrics", withToken, withinScope(), async (c) =>
    c.text(await context.exposeMetrics(), 200, { "Content-Type": metricsType }),
  );
  const limitedConfig = limitBody(configBodyMaxBytes);
  const limitedByPath: MiddlewareHandler<ControlEnv, string, object> = (c, next) =>
    (configPaths.has(c.req.path) ? limitedConfig : limited)(c, next);
  app.use("/v1/*", limitedByPath);
  app.use("/v1/*", requireUtf8());
  addKeyRoutes(app, context);
  addUsageRoutes(app, context);
  addStatusRoutes(app, context);
  addVerifyRoutes(app, context);
  addTokenRoutes(app, context, tokens);
  addAuditRoutes(app, context);
  addClusterRoutes(app, context);
  addConfigRoutes(app, context);
  addConfigVersionRoutes(app, context);
  addIncidentRoutes(app, context);
  addPublicStatus(app, context);
  addLiveRoutes(app, context);
  addOutcomeRoutes(app, context);
  addWebFiles(app, context.web);
  addWrongMethods(app);
  const portal = createPortal(context, sessions);
  app.all("/portal/api/*", (c) => portal.fetch(c.req.raw, c.env));
  return app;
}

function addHealth(app: ControlApp, context: ControlContext): void {
  app.get("/health/live", (c) => c.json({ status: "live" }, 200));
  app.get("/health/ready", (c) => {
    const reason = context.notReady();
    if (reason === undefined) return c.json({ status: "ready" }, 200);
    return problem(c, { status: 503, detail: reason, headers: { "Retry-After": "1" } });
  });
}

function addDocument(app: ControlApp): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "The token in `<data>/admin-token` of the hub, or one made with `createToken`.",
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "session", {
    type: "apiKey",
    in: "cookie",
    name: "__Host-tallygate",
    description: "A browser's, from `logIn`. Changes need its `csrfToken` in `x-csrf-token`.",
  });
  const info = { title: "Tallygate admin API", version: "1" };
  for (const path of documentPaths) {
    app.get(path, (c) => c.json(app.getOpenAPI31Document({ openapi: "3.1.0", info }), 200));
  }
}
