/**
 * `cors`: which web sites may call from a browser, at the top for all routes and per route instead. Rules are the standard's
 * (Fetch, 3.2); what a browser may read of a reply includes the limits, without being asked for.
 */

import * as z from "zod";
import type { CorsRules } from "./compiled-config.ts";
import { duration, group, list, text } from "./config-fields.ts";
import type { ConfigPath, ProblemList } from "./config-problem.ts";
import { durationBetween } from "./config-settings.ts";

const listMax = 256;
const maxAgeMsDefault = 600_000;
const maxAgeMsMax = 86_400_000;

/** What a caller needs in order to slow down, to report and to see where it was answered. */
const exposedAlways = ["RateLimit", "RateLimit-Policy", "Retry-After", "x-request-id", "x-region"];

const origin = text(
  /^(\*|https?:\/\/(\*\.)?([a-z0-9-]+\.)*[a-z0-9-]+(:[0-9]{1,5})?|https?:\/\/\[[0-9a-f:]+\](:[0-9]{1,5})?)$/,
  "* or an origin such as https://app.example.com or https://*.example.com, in lower case",
);
const fieldName = text(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, "the name of a header field");
const method = text(/^[A-Z][A-Z-]{0,31}$/, "a method in upper case");

export const corsSchema = group({
  origins: list(origin, 1, listMax).describe(
    "Sites that may call: exact origins, https://*.example.com for all subdomains, * for every site.",
  ),
  methods: list(method, 1, 16)
    .optional()
    .describe("Methods that they may use. Default: those of the route."),
  headers: list(fieldName, 1, listMax)
    .optional()
    .describe("Request fields that they may send. Default: any."),
  exposedHeaders: list(fieldName, 0, listMax)
    .optional()
    .describe(
      "Reply fields that they may read, besides RateLimit, RateLimit-Policy, Retry-After, x-request-id and x-region.",
    ),
  credentials: z
    .boolean({ error: "true or false" })
    .optional()
    .describe("Whether cookies and the like are sent; not with origin *. Default false."),
  maxAge: duration
    .optional()
    .describe("How long a browser may keep the answer to a preflight, up to 24h. Default 10m."),
});

/** A route's own rules, or none for it. */
export const routeCorsSchema = z.union([z.literal(false), corsSchema], {
  error: "false, or a group of fields as of `cors`",
});

export function compileCors(
  written: z.infer<typeof corsSchema>,
  path: ConfigPath,
  problems: ProblemList,
): CorsRules {
  const { origins, credentials = false } = written;
  const isAny = origins.includes("*");
  if (isAny && credentials) {
    const expected = "origins without *: browsers take no credentials with it";
    problems.add([...path, "origins"], expected, { value: "*" });
  }
  const setting = { path: [...path, "maxAge"], text: written.maxAge };
  const range = { otherwiseMs: maxAgeMsDefault, minMs: 0, maxMs: maxAgeMsMax };
  const exposed = [...exposedAlways, ...(written.exposedHeaders ?? [])];
  return {
    isAny,
    origins: new Set(origins.filter((one) => !one.includes("*"))),
    subdomains: origins
      .filter((one) => one.includes("://*."))
      .map((one) => ({ scheme: one.slice(0, one.indexOf("*")), suffix: one.split("*")[1] ?? "" })),
    methods: written.methods,
    headers: written.headers?.join(", "),
    exposed: exposed.join(", "),
    credentials,
    maxAgeSeconds: Math.floor(durationBetween({ ...setting, ...range }, problems) / 1_000),
  };
}
