/** `upstreams`: the servers that calls are forwarded to, and what is done when they fail. */

import * as z from "zod";
import { triesMax } from "../upstreams/retry-policy.ts";
import type { HealthRules } from "../upstreams/target-health.ts";
import type {
  CheckConfig,
  FallbackConfig,
  TargetConfig,
  UpstreamConfig,
} from "./compiled-config.ts";
import { duration, group, list, oneOf, regionName, text, wholeNumber } from "./config-fields.ts";
import type { ConfigPath, ProblemList } from "./config-problem.ts";
import type { ConfigInput } from "./config-schema.ts";
import { durationBetween } from "./config-settings.ts";
import { compileUpstreamTls, upstreamTls } from "./config-tls.ts";
import { addressKind, hostOf } from "./upstream-address.ts";

export const upstreamsMax = 256;
export const targetsMax = 64;
const regionsMax = 64;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

const origin = text(/^https?:\/\/[^\s/?#@]+\/?$/, "an origin such as http://127.0.0.1:8091");

const targets = list(
  z.union(
    [
      origin,
      group({
        url: origin.describe("The origin."),
        weight: wholeNumber(1, 100)
          .optional()
          .describe("Share of the calls, beside the others' weights. Default 1."),
      }),
    ],
    { error: "an origin such as http://127.0.0.1:8091, or a group of fields (url, weight)" },
  ),
  1,
  targetsMax,
);

const flag = z.boolean({ error: "true or false" });

const ejection = group({
  failures: wholeNumber(1, 1_000)
    .optional()
    .describe(
      "Failures in a row that take a target out of service: no connection, a time-out, a broken reply, 502, 503 or 504. Default 3; never for one address without a fallback.",
    ),
  errorShare: wholeNumber(1, 100)
    .optional()
    .describe(
      "Percent of 5xx among the replies of the last ten seconds (20 at least) above which a target is taken out while others are in service. 100: never. Default 50.",
    ),
  time: duration
    .optional()
    .describe("For how long at first, then twice as long each time, 100ms to 1h. Default 1s."),
  timeMax: duration.optional().describe("For how long at most, 100ms to 1h. Default 30s."),
});

const check = group({
  path: text(/^\/[!-~]{0,1023}$/, "a path such as /healthz").describe(
    "Asked of every target with GET.",
  ),
  interval: duration.optional().describe("100ms to 1h. Default 2s."),
  timeout: duration.optional().describe("For the reply's head, 10ms to 1m. Default 1s."),
  status: list(wholeNumber(200, 599), 1, 2)
    .optional()
    .describe("Lowest and highest status that passes, or the only one. Default [200, 299]."),
  failures: wholeNumber(1, 100)
    .optional()
    .describe("Failed checks in a row that take a target out of service. Default 2."),
  successes: wholeNumber(1, 100)
    .optional()
    .describe("Passed checks in a row that bring it back. Default 1."),
});

export const upstreamSchema = group({
  targets: targets.describe(
    "Origins that calls are spread over, each a text or `{ url, weight }`. A name with several addresses counts as several targets.",
  ),
  regions: z
    .record(regionName, targets, { error: "a group of regions" })
    .optional()
    .describe("Targets for the gateways of a region, by its name, in place of `targets`."),
  fallback: z
    .union(
      [
        z.string({ error: "the name of an upstream" }),
        group({ region: regionName.describe("The same upstream's targets in that region.") }),
      ],
      { error: "the name of an upstream, or { region: <name> }" },
    )
    .optional()
    .describe(
      "Where a call goes that no target takes: another upstream, or `{ region: <name> }` for this one's targets in another region.",
    ),
  allowPrivate: flag
    .optional()
    .describe(
      "Names may stand for private and loopback addresses; link-local and metadata addresses never. Addresses written in `targets` need no permission. Default false.",
    ),
  connectTimeout: duration.optional().describe("1ms to 1h. Default 2s."),
  responseTimeout: duration
    .optional()
    .describe("To the reply's header fields, 1ms to 1h. Default 30s."),
  idleTimeout: duration
    .optional()
    .describe("Between parts of the reply's body, and of a WebSocket, 1ms to 24h. Default 60s."),
  timeout: duration
    .optional()
    .describe("To the end of the reply, all tries together, 1ms to 24h. Default: no bound."),
  connectionsMax: wholeNumber(1, 65_536).optional().describe("Sockets per target. Default 256."),
  concurrency: oneOf(["adaptive", "off"])
    .optional()
    .describe(
      "How many calls may wait for an answer at once. adaptive: as many as it answers about as fast as when nothing waits; more are 503 at once. off: the sockets and the queue of each target are the only bound. Default adaptive.",
    ),
  tries: wholeNumber(1, triesMax)
    .optional()
    .describe(
      "Of one call in all. What may have reached a target is sent again only if the method is idempotent, and for at most 10 % of the calls. Default 3.",
    ),
  ejection: ejection.optional().describe("When calls that fail take a target out of service."),
  check: check.optional().describe("Checks of the gateway's own. Left out: none."),
  tls: upstreamTls.optional().describe("For https targets, whose certificates are always checked."),
  slowStart: duration
    .optional()
    .describe("Until a target that comes back has its whole share, 0ms to 1h. Default 10s."),
  forwardKey: flag.optional().describe("The caller's key goes along. Default false."),
  webSocket: flag
    .optional()
    .describe("Calls may turn into WebSockets, each charged as one call. Default false."),
});

type UpstreamInput = z.infer<typeof upstreamSchema>;

interface UpstreamSurroundings {
  readonly input: ConfigInput;
  /** The configuration's own path. */
  readonly file: string;
  readonly problems: ProblemList;
}

export function compileUpstreams(
  input: ConfigInput,
  file: string,
  problems: ProblemList,
): ReadonlyMap<string, UpstreamConfig> {
  const upstreams = new Map<string, UpstreamConfig>();
  for (const [name, written] of Object.entries(input.upstreams ?? {})) {
    upstreams.set(name, compileUpstream(name, written, { input, file, problems }));
  }
  if (upstreams.size > upstreamsMax) {
    problems.add(["upstreams"], `at most ${upstreamsMax} upstreams`, {
      text: String(upstreams.size),
    });
  }
  return upstreams;
}

function compileUpstream(
  name: string,
  written: UpstreamInput,
  { input, file, problems }: UpstreamSurroundings,
): UpstreamConfig {
  const path: ConfigPath = ["upstreams", name];
  const time = timeReader(path, written, problems);
  const regions = new Map<string, readonly TargetConfig[]>();
  for (const [region, list] of Object.entries(written.regions ?? {})) {
    if (!(region in input.regions)) {
      problems.add([...path, "regions", region], "the name of a region", { value: region });
    }
    regions.set(region, compileTargets(list, [...path, "regions", region], problems));
  }
  if (regions.size > regionsMax) {
    problems.add([...path, "regions"], `at most ${regionsMax} regions`);
  }
  const targets = compileTargets(written.targets, [...path, "targets"], problems);
  const urls = [targets, ...regions.values()].flat().map(({ url }) => url);
  return {
    name,
    targets,
    regions,
    tls: compileUpstreamTls(written.tls, urls, { path: [...path, "tls"], file, problems }),
    fallback: compileFallback(name, written, { input, problems }),
    allowPrivate: written.allowPrivate ?? false,
    forwardKey: written.forwardKey ?? false,
    webSocket: written.webSocket ?? false,
    connectTimeoutMs: time("connectTimeout", { otherwiseMs: 2_000, minMs: 1, maxMs: hourMs }),
    responseTimeoutMs: time("responseTimeout", { otherwiseMs: 30_000, minMs: 1, maxMs: hourMs }),
    idleTimeoutMs: time("idleTimeout", { otherwiseMs: 60_000, minMs: 1, maxMs: dayMs }),
    timeoutMs: time("timeout", { otherwiseMs: 0, minMs: 1, maxMs: dayMs }),
    connectionsMax: written.connectionsMax ?? 256,
    hasConcurrencyLimit: written.concurrency !== "off",
    tries: written.tries ?? triesMax,
    health: compileHealth(written, path, problems),
    sparesOnlyAddress: written.ejection?.failures === undefined && written.fallback === undefined,
    check: written.check && compileCheck(written.check, [...path, "check"], problems),
  };
}

interface TimeRange {
  readonly otherwiseMs: number;
  readonly minMs: number;
  readonly maxMs: number;
}

function timeReader<Fields extends object>(
  path: ConfigPath,
  fields: Fields,
  problems: ProblemList,
): (field: keyof Fields & string, range: TimeRange) => number {
  return (field, range) => {
    const text = fields[field] as string | undefined;
    return durationBetween({ path: [...path, field], text, ...range }, problems);
  };
}

function compileTargets(
  list: UpstreamInput["targets"],
  path: ConfigPath,
  problems: ProblemList,
): readonly TargetConfig[] {
  const compiled = list.map((written): TargetConfig => {
    const { url, weight = 1 } = typeof written === "string" ? { url: written } : written;
    return { url: url.replace(/\/$/, ""), weight };
  });
  for (const [i, { url }] of compiled.entries()) {
    if (!URL.canParse(url)) {
      problems.add([...path, i], "an origin such as http://127.0.0.1:8091", { value: url });
    } else if (compiled.findIndex((other) => other.url === url) !== i) {
      problems.add([...path, i], "each target once", { value: url });
    } else if (addressKind(hostOf(url)) === "forbidden") {
      problems.add([...path, i], "no link-local, metadata or multicast address", { value: url });
    }
  }
  return compiled;
}

function compileFallback(
  name: string,
  written: UpstreamInput,
  { input, problems }: { readonly input: ConfigInput; readonly problems: ProblemList },
): FallbackConfig | undefined {
  const { fallback } = written;
  if (fallback === undefined) return undefined;
  const path: ConfigPath = ["upstreams", name, "fallback"];
  if (typeof fallback !== "string") {
    const { region } = fallback;
    if (written.regions?.[region] === undefined) {
      problems.add([...path, "region"], "a region that `regions` of this upstream has", {
        value: region,
      });
    }
    return { kind: "region", region };
  }
  if (fallback === name || input.upstreams?.[fallback] === undefined) {
    problems.add(path, "the name of another upstream", { value: fallback });
  }
  return { kind: "upstream", name: fallback };
}

function compileHealth(
  written: UpstreamInput,
  path: ConfigPath,
  problems: ProblemList,
): HealthRules {
  const fields = written.ejection ?? {};
  const time = timeReader([...path, "ejection"], fields, problems);
  const ejectMs = time("time", { otherwiseMs: 1_000, minMs: 100, maxMs: hourMs });
  const ejectMaxMs = time("timeMax", { otherwiseMs: 30_000, minMs: 100, maxMs: hourMs });
  return {
    failuresMax: fields.failures ?? 3,
    errorShareMax: (fields.errorShare ?? 50) / 100,
    ejectMs,
    ejectMaxMs: Math.max(ejectMs, ejectMaxMs),
    slowStartMs: timeReader(
      path,
      written,
      problems,
    )("slowStart", {
      otherwiseMs: 10_000,
      minMs: 0,
      maxMs: hourMs,
    }),
    checksFailedMax: written.check?.failures ?? 2,
    checksPassedMin: written.check?.successes ?? 1,
  };
}

function compileCheck(
  fields: NonNullable<UpstreamInput["check"]>,
  path: ConfigPath,
  problems: ProblemList,
): CheckConfig {
  const time = timeReader(path, fields, problems);
  const [statusMin = 200, statusMax = statusMin] = fields.status ?? [200, 299];
  if (statusMax < statusMin) {
    problems.add([...path, "status"], "the lower status first", { value: fields.status });
  }
  return {
    path: fields.path,
    intervalMs: time("interval", { otherwiseMs: 2_000, minMs: 100, maxMs: hourMs }),
    timeoutMs: time("timeout", { otherwiseMs: 1_000, minMs: 10, maxMs: 60_000 }),
    statusMin,
    statusMax,
  };
}
