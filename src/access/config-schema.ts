/**
 * The configuration file's shape: fields, types, bounds, descriptions. The JSON Schema that editors
 * use is generated from it. What needs more than one field (names that must exist, ports that must
 * differ) is checked by `config.ts`; defaults are filled in there as well.
 */

import * as z from "zod";
import { costMax, quotaMax } from "../base/words.ts";
import { limitsPerPlanMax } from "../limits/plan.ts";
import { clientsSchema } from "./config-clients.ts";
import { corsSchema, routeCorsSchema } from "./config-cors.ts";
import { listenerSchema } from "./config-door.ts";
import {
  duration,
  group,
  httpUrl,
  list,
  listen,
  named,
  oneOf,
  origin,
  regionName,
  size,
  text,
  wholeNumber,
} from "./config-fields.ts";
import { log } from "./config-log.ts";
import { portalSchema } from "./config-portal.ts";
import { fieldRulesSchema } from "./config-rewrite.ts";
import { shutdown } from "./config-shutdown.ts";
import { filesSchema, redirectSchema, replySchema } from "./config-targets.ts";
import { hubCa, hubClient, hubTls, listenerTls, proxyProtocol } from "./config-tls.ts";
import { upstreamSchema } from "./config-upstreams.ts";

/** Bounds of the lists and groups of a configuration. */
export const configBounds = {
  regions: 64,
  processes: 64,
  plans: 256,
  routes: 1_000,
  keySources: 8,
} as const;

/** Also of plans in keys; a leading letter keeps the names in the order of the file. */
export const planNamePattern = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const name = text(
  planNamePattern,
  "a name of 1 to 64 of A-Z, a-z, 0-9, _ and -, beginning with a letter",
);

const hub = group({
  listen: listen
    .optional()
    .describe(
      "Where hub and control plane listen; without `tls` on this machine only. Default 127.0.0.1:8080.",
    ),
  url: httpUrl
    .optional()
    .describe("Where gateways on other machines reach the hub. Default: the listen address."),
  tls: hubTls
    .optional()
    .describe("HTTPS for the control plane and the link of the gateways. Not with `dev`."),
  ca: hubCa,
  client: hubClient.optional().describe("What gateways present to a hub that has `tls.clientCa`."),
}).describe("The one process that folds usage, keeps the keys and serves the admin API.");

const region = group({
  listen: listen.describe("Where the region's gateway takes calls."),
  operations: listen
    .optional()
    .describe(
      "Health and metrics, never public; process k listens on this port + k. Default: 127.0.0.1, the port of `listen` + 100.",
    ),
  processes: wholeNumber(1, configBounds.processes)
    .optional()
    .describe("Processes that share the port; each counts on its own. Default 1."),
  url: origin
    .optional()
    .describe(
      "Where callers reach the region: there the others probe it for the status page. Default: the address of `listen`, if it is one.",
    ),
  tls: listenerTls.optional().describe("HTTPS on `listen`. Default: plain HTTP."),
  proxyProtocol,
  location: text(
    /^-?(90(\.0+)?|[0-8]?\d(\.\d+)?), ?-?(180(\.0+)?|(1[0-7]\d|\d?\d)(\.\d+)?)$/,
    'latitude and longitude in degrees: "-33.87, 151.21"',
  )
    .optional()
    .describe(
      "Where the dashboard's map shows it: latitude and longitude in degrees. Default: by the region's name, where it holds a known city or a cloud's name of a region.",
    ),
});

const keySource = text(
  /^(bearer|header:[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}|query:[A-Za-z0-9_.~-]{1,64})$/,
  "bearer, header:<name> or query:<name>",
);

const keys = group({
  prefix: text(/^[A-Za-z0-9]{1,16}$/, "1 to 16 of A-Z, a-z and 0-9")
    .optional()
    .describe("First part of every new key. Default tg."),
  from: list(keySource, 1, configBounds.keySources)
    .optional()
    .describe('Where a key may stand. Default ["header:x-api-key", "bearer"].'),
});

const limit = group({
  name: text(
    /^[ !#-[\]-~]{1,64}$/,
    'a name of 1 to 64 printable ASCII characters without " and \\',
  ).describe("Unique within the plan; callers see it in RateLimit-Policy."),
  per: text(
    /^(key|owner|ip|referer|header:[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}|query:[A-Za-z0-9_.~-]{1,64}|path:[A-Za-z_][A-Za-z0-9_]{0,63})$/,
    "key, owner, ip, referer, header:<name>, query:<name> or path:<parameter>",
  ).describe("What is counted."),
  quota: wholeNumber(1, quotaMax).describe("Units per window."),
  window: z
    .string({ error: "a window such as second, minute, hour, day, week, month, 15m or 6h" })
    .describe(
      "second, minute, hour, day, week (from Monday), month (UTC calendar), month@key, or a divisor of the next unit such as 2s, 15m, 6h.",
    ),
  scope: oneOf(["region", "global"])
    .optional()
    .describe("Whose calls count together. Default: region under a minute, else global."),
  enforcement: oneOf(["soft", "strict", "shadow"])
    .optional()
    .describe(
      "soft can be overshot by what other processes admit within the lag; strict (window of a minute or more, per key or owner) never is, and answers 503 for a moment where a process holds none of the quota; shadow only reports. Default soft.",
    ),
  missing: oneOf(["skip", "share", "deny"])
    .optional()
    .describe(
      "For a call that has no such thing: skip the limit, share one count among all such calls, or deny with 400. Default skip for referer and owner, else deny. The same for all limits of a plan on one `per`.",
    ),
  staleness: duration
    .optional()
    .describe(
      "Refuse with 503 once the gateway has been cut off for longer, 100ms to 366d: the age of its oldest charge that the hub has not given back, or of the hub's last answer, whichever is longer. Below half a second and a round trip it refuses now and then with nothing wrong. Default: never.",
    ),
  onFailure: oneOf(["allow", "deny"])
    .optional()
    .describe(
      "While usage cannot be stored: deny with 503, or allow uncounted, if all limits of the plan allow. Default deny.",
    ),
});

const plan = group({
  limits: list(limit, 0, limitsPerPlanMax).describe("All must hold; an empty list limits nothing."),
});

const route = group({
  path: z
    .string({ error: "a path such as /users, /users/{id} or /api/*" })
    .describe("Exact, with {parameter} for one segment, or ending in /* for everything below."),
  methods: list(
    text(/^(?!CONNECT$|TRACE$)[A-Z][A-Z-]{0,31}$/, "a method in upper case, not CONNECT or TRACE"),
    1,
    16,
  )
    .optional()
    .describe("Default: all."),
  upstream: z.string({ error: "the name of an upstream" }).optional().describe("Forward to it."),
  handler: z
    .string({ error: "the path of a module" })
    .min(1, { error: "the path of a module" })
    .optional()
    .describe("Answer with a module's default export; relative to this file."),
  redirect: redirectSchema.optional(),
  reply: replySchema.optional(),
  files: filesSchema.optional(),
  stripPrefix: text(/^\/[^\s?#]*[^\s?#/]$/, "a path prefix such as /api, without a trailing /")
    .optional()
    .describe("Taken off the path before forwarding."),
  rewritePath: z
    .string({ error: "a path such as /v2/{id} or /v2/{*}" })
    .optional()
    .describe(
      "Path to ask the upstream for instead; {name} and {*} stand for what the route's path matched.",
    ),
  requestHeaders: fieldRulesSchema.optional().describe("Changes what the upstream gets."),
  responseHeaders: fieldRulesSchema.optional().describe("Changes the replies to admitted calls."),
  bodyMax: size
    .optional()
    .describe("Of a request's body, 0B to 1TiB; more is 413. Default: that of `listener`."),
  cost: wholeNumber(0, costMax).optional().describe("Units of one call. Default 1."),
  refundOn: list(oneOf(["not-attempted", "5xx"]), 0, 2)
    .optional()
    .describe("Outcomes whose units are given back. Default [not-attempted]."),
  cors: routeCorsSchema
    .optional()
    .describe("Instead of the rules of `cors` at the top; false: none for this route."),
  timeout: duration
    .optional()
    .describe("A handler may take this long before 504, 1ms to 1h. Default 30s."),
});

const journal = group({
  flushInterval: duration.optional().describe("Between batches, 1ms to 10s. Default 50ms."),
  sizeMax: size
    .optional()
    .describe("Of a gateway's journal, 1MiB to 1TiB; reaching it is a full disk. Default 8GiB."),
  retention: duration
    .optional()
    .describe(
      "Keep batches that the hub has this long where no backups are made, up to 366d. Default 24h.",
    ),
});

const stream = group({
  checkpointInterval: duration
    .optional()
    .describe("Between saves of the ledger, 100ms to 1h. Default 2s."),
  publishInterval: duration
    .optional()
    .describe("Between updates to gateways, 1ms to 10s. Default 10ms."),
  retention: duration
    .optional()
    .describe("Of records below a sealed checkpoint, up to 366d. Default 7d."),
  sealInterval: duration
    .optional()
    .describe("Between sealed checkpoints, 1s to 366d. Default 24h."),
});

export const configSchema = group({
  version: z.literal(1, { error: "1" }).describe("Of this file's format."),
  hub: hub.optional(),
  regions: named(regionName, region, configBounds.regions).describe(
    "Gateways by region, in the order in which `dev` gives them ports.",
  ),
  keys: keys.optional().describe("The form of API keys and where calls carry them."),
  clients: clientsSchema
    .optional()
    .describe("How a call's address is found and grouped, and what strangers together can take."),
  listener: listenerSchema
    .optional()
    .describe("What a gateway takes from one client, and for how long."),
  durability: oneOf(["os", "disk"])
    .optional()
    .describe(
      "What a reply waits for: its charge given to the operating system, or on disk. Default os.",
    ),
  signup: httpUrl.optional().describe("Named in the 429 of the anonymous plan."),
  portal: portalSchema.optional(),
  plans: named(name, plan, configBounds.plans).describe("Named sets of limits."),
  anonymousPlan: z
    .string({ error: "the name of a plan" })
    .optional()
    .describe("For calls without a key. Left out: such a call is 401."),
  upstreams: z
    .record(name, upstreamSchema, { error: "a group of names" })
    .optional()
    .describe("Servers that calls are forwarded to."),
  cors: corsSchema
    .optional()
    .describe(
      "Which web sites may call from a browser. Preflights are answered by the gateway, free of charge. Default: the matter is left to what is behind the routes.",
    ),
  routes: list(route, 1, configBounds.routes).describe(
    "What is served; exact segments win over parameters, parameters over *.",
  ),
  journal: journal.optional().describe("A gateway's local record of charges."),
  log: log.optional().describe("What a process writes down."),
  shutdown: shutdown.optional().describe("How a gateway stops."),
  stream: stream.optional().describe("The hub's record of all batches."),
});

export type ConfigInput = z.infer<typeof configSchema>;
export type LimitInput = ConfigInput["plans"][string]["limits"][number];
export type RouteInput = ConfigInput["routes"][number];

/** JSON Schema (2020-12) of the file, for editors. Checks less than `compileConfig`. */
export function configJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(configSchema, { io: "input" });
  return { ...schema, title: "Tallygate configuration" };
}
