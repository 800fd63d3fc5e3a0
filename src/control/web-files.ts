/**
 * Serves the built pages: from memory, only what is there by exactly that path, under a policy that lets a page run its
 * own scripts and reach its own origin, and nothing else.
 */

import type { Context } from "hono";
import type { WebFile, WebFiles } from "../ports/web-files.ts";
import type { ControlApp } from "./control-context.ts";
import { type ControlEnv, problem } from "./problem.ts";

/** Address → page. Where one is inside a page is in the fragment of the address. */
export const webPages: Readonly<Record<string, string>> = {
  "/": "dashboard/index.html",
  "/portal": "portal/index.html",
  "/status": "status/index.html",
  "/docs": "docs/index.html",
};

export const contentPolicy =
  "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

/** What every file of the pages is answered with. */
const guards: Readonly<Record<string, string>> = {
  "Content-Security-Policy": contentPolicy,
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
};

export function addWebFiles(app: ControlApp, files: WebFiles): void {
  for (const [address, page] of Object.entries(webPages)) {
    app.get(address, (c) => {
      const file = files.get(page);
      if (file !== undefined) return answer(c, file);
      const detail = "The pages are not built: npm run web, and start again.";
      return problem(c, { status: 404, detail });
    });
  }
  app.get("/assets/:name", (c) => {
    const file = files.get(`assets/${c.req.param("name")}`);
    return file === undefined ? c.notFound() : answer(c, file);
  });
}

function answer(c: Context<ControlEnv>, file: WebFile): Response {
  const isGzip = file.gzip !== undefined && takesGzip(c.req.header("accept-encoding"));
  // The two forms are different bytes: different strong tags (RFC 9110, 8.8.3.3).
  const tag = `"${file.tag}${isGzip ? "-gz" : ""}"`;
  const headers = {
    ...guards,
    ETag: tag,
    "Cache-Control": file.isImmutable ? "public, max-age=31536000, immutable" : "no-cache",
    Vary: "Accept-Encoding",
  };
  if (hasTag(c.req.header("if-none-match"), tag)) return c.body(null, 304, headers);
  const body = isGzip && file.gzip !== undefined ? file.gzip : file.bytes;
  return c.body(body, 200, {
    ...headers,
    "Content-Type": file.type,
    "Content-Length": String(body.length),
    ...(isGzip ? { "Content-Encoding": "gzip" } : {}),
  });
}

function takesGzip(accepted = ""): boolean {
  return accepted.split(",").some((part) => {
    const [name = "", ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    return name === "gzip" && !parameters.some((one) => /^q=0(\.0*)?$/.test(one));
  });
}

function hasTag(wanted: string | undefined, tag: string): boolean {
  if (wanted === undefined) return false;
  return wanted.split(",").some((one) => ["*", tag].includes(one.trim().replace(/^W\//, "")));
}
