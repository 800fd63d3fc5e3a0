/** How the portal looks and what it says of the API: for everybody, before they log in. */

import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { CompiledConfig } from "../../access/compiled-config.ts";
import type { PortalConfig } from "../../access/config-portal.ts";
import { sha256Hex } from "../../base/hash.ts";
import type { ControlApp } from "../control-context.ts";
import { type ControlEnv, problem, problemResponses } from "../problem.ts";
import { jsonContent, noQuery } from "../request-parts.ts";
import { keySourceText, plansJson, regionsJson } from "../status-view.ts";
import { personJson } from "./person-view.ts";
import type { PortalParts } from "./portal-app.ts";
import { type BrandJson, brandSchema, type PersonJson } from "./portal-schemas.ts";

/** Routes that are shown for a first call. */
const routesShown = 20;

const brandRoute = createRoute({
  method: "get",
  path: "/portal/api/brand",
  operationId: "showBrand",
  summary: "Name, links, plan and regions.",
  request: { query: noQuery },
  responses: { 200: jsonContent(brandSchema, "As configured."), 404: problemResponses[404] },
});

const nothingPolicy = "default-src 'none'";
/** A drawing runs nothing, wherever it is opened. */
const drawingPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

export function addBrandRoutes(app: ControlApp, parts: PortalParts): void {
  const { context, portal, signUp } = parts;
  app.openapi(brandRoute, (c) => {
    const who = parts.visitor(c);
    const brand = brandJson(context.config(), {
      portal: portal(),
      canSignUp: signUp.canMail,
      listens: regionsJson(context.config(), context.hub.status()),
      person: who === undefined ? null : personJson(who.person, who.sessionId),
    });
    return c.json(brand, 200);
  });
  app.get("/portal/api/logo.svg", (c) => {
    const file = { type: "image/svg+xml", text: portal().logo, policy: drawingPolicy };
    return fileAnswer(c, file);
  });
  app.get("/portal/api/reference.json", (c) => {
    const { reference } = portal();
    const text = reference === undefined ? "" : JSON.stringify(reference);
    return fileAnswer(c, { type: "application/json", text, policy: nothingPolicy });
  });
}

/** Empty where there are no colours, or no portal. */
export function styleAnswer(c: Context<ControlEnv>, portal: PortalConfig | undefined): Response {
  const text = `/* brand */\n${portal === undefined ? "" : brandCss(portal)}`;
  return fileAnswer(c, { type: "text/css; charset=utf-8", text, policy: nothingPolicy });
}

/** 404 for an empty text. */
function fileAnswer(
  c: Context<ControlEnv>,
  { type, text, policy }: { readonly type: string; readonly text: string; readonly policy: string },
): Response {
  if (text === "") return problem(c, { status: 404, detail: "There is none." });
  const etag = `"${sha256Hex(text).slice(0, 32)}"`;
  const headers = { "Cache-Control": "no-cache", ETag: etag, "Content-Security-Policy": policy };
  if (c.req.header("if-none-match") === etag) return c.body(null, 304, headers);
  const kind = { "Content-Type": type, "X-Content-Type-Options": "nosniff" };
  return c.body(text, 200, { ...headers, ...kind });
}

/** Colours were checked when the configuration was read: nothing else gets into this text. */
function brandCss({ accent }: PortalConfig): string {
  if (accent === undefined) return "";
  const { light, dark } = accent;
  const pair = (a: string, b: string): string => `light-dark(${a}, ${b})`;
  const mixed = (color: string, share: number, ground: string): string =>
    `color-mix(in srgb, ${color} ${share}%, ${ground})`;
  return [
    ":root:root {",
    `  --accent: ${pair(light, dark)};`,
    `  --accent-strong: ${pair(mixed(light, 80, "black"), mixed(dark, 70, "white"))};`,
    `  --on-accent: ${pair("#ffffff", "#0f1412")};`,
    `  --accent-tint: ${pair(mixed(light, 10, "white"), mixed(dark, 14, "#0f1412"))};`,
    "}",
    "",
  ].join("\n");
}

function brandJson(
  config: CompiledConfig,
  of: {
    readonly portal: PortalConfig;
    readonly canSignUp: boolean;
    readonly listens: readonly { readonly name: string; readonly listen: string }[];
    readonly person: PersonJson | null;
  },
): BrandJson {
  const { portal, canSignUp, person } = of;
  const plan = plansJson(config).plans.find(({ name }) => name === portal.plan);
  const [from] = config.keys.from;
  return {
    name: portal.name,
    logo: portal.logo !== "",
    reference: portal.reference !== undefined,
    canSignUp,
    person,
    plan: {
      name: portal.plan,
      limits: (plan?.limits ?? []).map(({ name, per, quota, window }) => {
        return { name, per, quota, window };
      }),
    },
    keyFrom: from === undefined ? "bearer" : keySourceText(from),
    links: portal.links.map((link) => ({ ...link })),
    regions: config.regions.map(({ name, tls }) => {
      const listen = of.listens.find((one) => one.name === name)?.listen ?? "";
      const own = `${tls === undefined ? "http" : "https"}://${listen}`;
      return { name, url: portal.endpoints.get(name) ?? own };
    }),
    routes: config.routes.slice(0, routesShown).map(({ path, methods }) => {
      return { method: methods.includes("GET") ? "GET" : (methods[0] ?? "GET"), path };
    }),
  };
}
