/** How the portal looks and what it says of the API: for everybody, before they log in. */

import { createRoute } from "@hono/zod-openapi";
import type { CompiledConfig } from "../../access/compiled-config.ts";
import type { PortalConfig } from "../../access/config-portal.ts";
import { sha256Hex } from "../../base/hash.ts";
import type { ControlApp } from "../control-context.ts";
import { problem, problemResponses } from "../problem.ts";
import { jsonContent, noQuery } from "../request-parts.ts";
import { keySourceText, plansJson, regionsJson } from "../status-view.ts";
import type { PortalParts } from "./portal-app.ts";
import { type BrandJson, brandSchema } from "./portal-schemas.ts";

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

/** A drawing runs nothing, wherever it is opened. */
const drawingPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

export function addBrandRoutes(app: ControlApp, { context, portal, signUp }: PortalParts): void {
  app.openapi(brandRoute, (c) => {
    const status = context.hub.status();
    const listens = regionsJson(context.config(), status);
    return c.json(
      brandJson(context.config(), { portal: portal(), canSignUp: signUp.canMail, listens }),
      200,
    );
  });

  const serve = (
    path: string,
    type: string,
    text: () => string | undefined,
    policy = "default-src 'none'",
  ) =>
    app.get(path, (c) => {
      const body = text();
      if (body === undefined) return problem(c, { status: 404, detail: "There is none." });
      const etag = `"${sha256Hex(body).slice(0, 32)}"`;
      const headers = {
        "Cache-Control": "no-cache",
        ETag: etag,
        "Content-Security-Policy": policy,
      };
      if (c.req.header("if-none-match") === etag) return c.body(null, 304, headers);
      const kind = { "Content-Type": type, "X-Content-Type-Options": "nosniff" };
      return c.body(body, 200, { ...headers, ...kind });
    });
  serve("/portal/api/brand.css", "text/css; charset=utf-8", () => brandCss(portal()));
  serve("/portal/api/logo.svg", "image/svg+xml", () => portal().logo || undefined, drawingPolicy);
  serve("/portal/api/reference.json", "application/json", () => {
    const { reference } = portal();
    return reference === undefined ? undefined : JSON.stringify(reference);
  });
}

/** Colours were checked when the configuration was read: nothing else gets into this text. */
export function brandCss({ accent }: PortalConfig): string {
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
  },
): BrandJson {
  const { portal, canSignUp } = of;
  const plan = plansJson(config).plans.find(({ name }) => name === portal.plan);
  const [from] = config.keys.from;
  return {
    name: portal.name,
    logo: portal.logo !== "",
    reference: portal.reference !== undefined,
    canSignUp,
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
