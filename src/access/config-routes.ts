/** Compiles `routes`. */

import { present } from "../base/assert.ts";
import type {
  CorsRules,
  ListenerConfig,
  RouteConfig,
  RouteTarget,
  UpstreamConfig,
} from "./compiled-config.ts";
import { compileCors } from "./config-cors.ts";
import { resolveBeside } from "./config-paths.ts";
import type { ConfigPath, ProblemList } from "./config-problem.ts";
import { compileFieldRules } from "./config-rewrite.ts";
import type { ConfigInput, RouteInput } from "./config-schema.ts";
import { durationBetween } from "./config-settings.ts";
import { compileFiles, compileRedirect, compileReply } from "./config-targets.ts";
import { parseSize } from "./config-values.ts";
import { type PathTemplate, parsePathTemplate } from "./path-template.ts";
import { parseRoutePattern, type RoutePattern } from "./route-pattern.ts";

const timeoutMsDefault = 30_000;
const timeoutMsMax = 3_600_000;
const bodyMaxBytesMax = 2 ** 40;

export interface RouteSurroundings {
  /** The configuration's own path, against which handlers are resolved. */
  readonly file: string;
  readonly fileExists: (path: string) => boolean;
}

/** The routes, and the names of all their parameters. */
export function compileRoutes(
  input: ConfigInput,
  upstreams: ReadonlyMap<string, UpstreamConfig>,
  context: RouteSurroundings & {
    readonly problems: ProblemList;
    readonly cors: CorsRules | undefined;
    readonly listener: Pick<ListenerConfig, "bodyMaxBytes">;
  },
): { routes: readonly RouteConfig[]; pathParameters: ReadonlySet<string> } {
  const { problems } = context;
  const pathParameters = new Set<string>();
  const byShape = new Map<string, number[]>();
  const routes: RouteConfig[] = [];
  for (const [index, route] of input.routes.entries()) {
    const path: ConfigPath = ["routes", index];
    const pattern = parseRoutePattern(route.path);
    if ("error" in pattern) {
      problems.add([...path, "path"], pattern.error, { value: route.path });
      continue;
    }
    for (const parameter of pattern.parameters) pathParameters.add(parameter);
    const twins = byShape.get(pattern.shape) ?? [];
    const twin = twins.find((other) => overlaps(route, present(input.routes[other], "twin")));
    if (twin !== undefined) {
      problems.add(
        [...path, "path"],
        `a path and methods that routes[${twin}] does not take already`,
        {
          value: route.path,
        },
      );
    }
    byShape.set(pattern.shape, [...twins, index]);
    const target = compileTarget(route, { path, pattern, upstreams, context });
    if (target === undefined) continue;
    const isFiles = target.kind === "files";
    routes.push({
      index,
      path: route.path,
      // HEAD goes wherever GET does.
      methods: [...new Set(route.methods ?? (isFiles ? ["GET"] : []))],
      target,
      cost: route.cost ?? 1,
      refundOn: [...new Set(route.refundOn ?? (["not-attempted"] as const))],
      bodyMaxBytes: bodyMaxOf(route, context, path),
      requestFields: compileFieldRules(route.requestHeaders, "request", {
        path: [...path, "requestHeaders"],
        problems,
      }),
      responseFields: compileFieldRules(route.responseHeaders, "response", {
        path: [...path, "responseHeaders"],
        problems,
      }),
      cors: corsOf(route, context.cors, { path, problems }),
      timeoutMs: durationBetween(
        {
          path: [...path, "timeout"],
          text: route.timeout,
          otherwiseMs: timeoutMsDefault,
          minMs: 1,
          maxMs: timeoutMsMax,
        },
        problems,
      ),
    });
  }
  return { routes, pathParameters };
}

function corsOf(
  route: RouteInput,
  general: CorsRules | undefined,
  { path, problems }: { path: ConfigPath; problems: ProblemList },
): CorsRules | undefined {
  if (route.cors === undefined) return general;
  return route.cors === false ? undefined : compileCors(route.cors, [...path, "cors"], problems);
}

function bodyMaxOf(
  { bodyMax }: RouteInput,
  context: {
    readonly listener: Pick<ListenerConfig, "bodyMaxBytes">;
    readonly problems: ProblemList;
  },
  path: ConfigPath,
): number {
  if (bodyMax === undefined) return context.listener.bodyMaxBytes;
  const bytes = present(parseSize(bodyMax), "a checked size");
  if (bytes > bodyMaxBytesMax) {
    context.problems.add([...path, "bodyMax"], "up to 1TiB", { value: bodyMax });
  }
  return bytes;
}

function overlaps(a: RouteInput, b: RouteInput): boolean {
  const { methods } = b;
  if (a.methods === undefined || methods === undefined) return true;
  return a.methods.some((method) => methods.includes(method));
}

/** Fields that say what answers a route; one of them stands there. */
const targetFields = ["upstream", "handler", "redirect", "reply", "files"] as const;

interface TargetPlace {
  readonly path: ConfigPath;
  readonly pattern: RoutePattern;
  readonly upstreams: ReadonlyMap<string, UpstreamConfig>;
  readonly context: RouteSurroundings & { readonly problems: ProblemList };
}

function compileTarget(route: RouteInput, at: TargetPlace): RouteTarget | undefined {
  const { path, pattern, context } = at;
  const { problems } = context;
  const written = targetFields.filter((field) => route[field] !== undefined);
  const [kind] = written;
  if (kind === undefined || written.length > 1) {
    problems.add(path, `exactly one of ${targetFields.join(", ")}`, {
      text: kind === undefined ? "none of them" : written.join(" and "),
    });
    return undefined;
  }
  if (kind !== "upstream") {
    for (const field of ["stripPrefix", "rewritePath", "requestHeaders"] as const) {
      if (route[field] === undefined) continue;
      problems.add([...path, field], `${field} only with an upstream`, { value: route[field] });
    }
  }
  const place = { path, pattern, problems };
  if (route.redirect !== undefined) return compileRedirect(route.redirect, place);
  if (route.reply !== undefined) return compileReply(route.reply, place);
  if (route.files !== undefined) return compileFiles(route.files, { ...context, ...place });
  return route.handler === undefined
    ? compileUpstreamTarget(route, at)
    : compileHandler(route.handler, at);
}

function compileHandler(handler: string, { path, context }: TargetPlace): RouteTarget {
  const file = resolveBeside(context.file, handler);
  if (!context.fileExists(file)) {
    context.problems.add(
      [...path, "handler"],
      "a module that exists, relative to the configuration file",
      { value: handler },
    );
  }
  return { kind: "handler", file };
}

function compileUpstreamTarget(route: RouteInput, at: TargetPlace): RouteTarget | undefined {
  const { path, pattern, upstreams, context } = at;
  const { problems } = context;
  const upstream = upstreams.get(route.upstream as string);
  if (upstream === undefined) {
    const names = [...upstreams.keys()].join(", ");
    problems.add(
      [...path, "upstream"],
      names === "" ? "an upstream named under upstreams" : `one of the upstreams ${names}`,
      { value: route.upstream },
    );
    return undefined;
  }
  const stripPrefix = route.stripPrefix ?? "";
  if (
    stripPrefix !== "" &&
    route.path !== stripPrefix &&
    !route.path.startsWith(`${stripPrefix}/`)
  ) {
    problems.add([...path, "stripPrefix"], `the first segments of ${route.path}`, {
      value: stripPrefix,
    });
  }
  if (route.timeout !== undefined) {
    problems.add(
      [...path, "timeout"],
      "timeout only with a handler; an upstream has responseTimeout",
      {
        value: route.timeout,
      },
    );
  }
  let rewrite: PathTemplate | undefined;
  if (route.rewritePath !== undefined) {
    const parsed = parsePathTemplate(route.rewritePath, pattern);
    const expected =
      "error" in parsed ? parsed.error : stripPrefix === "" ? "" : "one of stripPrefix and this";
    if (expected !== "") {
      problems.add([...path, "rewritePath"], expected, { value: route.rewritePath });
    }
    if (!("error" in parsed)) rewrite = parsed;
  }
  return { kind: "upstream", upstream, stripPrefix, rewrite };
}
