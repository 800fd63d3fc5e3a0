/** Compiles `routes`. */

import { present } from "../base/assert.ts";
import type { RouteConfig, RouteTarget, UpstreamConfig } from "./compiled-config.ts";
import { resolveBeside } from "./config-paths.ts";
import type { ConfigPath, ProblemList } from "./config-problem.ts";
import type { ConfigInput, RouteInput } from "./config-schema.ts";
import { durationBetween } from "./config-settings.ts";
import { parseRoutePattern } from "./route-pattern.ts";

const timeoutMsDefault = 30_000;
const timeoutMsMax = 3_600_000;

export interface RouteSurroundings {
  /** The configuration's own path, against which handlers are resolved. */
  readonly file: string;
  readonly fileExists: (path: string) => boolean;
}

/** The routes, and the names of all their parameters. */
export function compileRoutes(
  input: ConfigInput,
  upstreams: ReadonlyMap<string, UpstreamConfig>,
  context: RouteSurroundings & { readonly problems: ProblemList },
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
    const target = compileTarget(route, { path, upstreams, context });
    if (target === undefined) continue;
    routes.push({
      index,
      path: route.path,
      methods: [...new Set(route.methods ?? [])],
      target,
      cost: route.cost ?? 1,
      refundOn: [...new Set(route.refundOn ?? (["not-attempted"] as const))],
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

function overlaps(a: RouteInput, b: RouteInput): boolean {
  const { methods } = b;
  if (a.methods === undefined || methods === undefined) return true;
  return a.methods.some((method) => methods.includes(method));
}

function compileTarget(
  route: RouteInput,
  at: {
    readonly path: ConfigPath;
    readonly upstreams: ReadonlyMap<string, UpstreamConfig>;
    readonly context: RouteSurroundings & { readonly problems: ProblemList };
  },
): RouteTarget | undefined {
  const { path, upstreams, context } = at;
  const { problems } = context;
  if ((route.upstream === undefined) === (route.handler === undefined)) {
    problems.add(path, "exactly one of upstream and handler", {
      text:
        route.upstream === undefined ? "neither upstream nor handler" : "both upstream and handler",
    });
    return undefined;
  }
  if (route.handler !== undefined) {
    if (route.stripPrefix !== undefined) {
      problems.add([...path, "stripPrefix"], "stripPrefix only with an upstream", {
        value: route.stripPrefix,
      });
    }
    const file = resolveBeside(context.file, route.handler);
    if (!context.fileExists(file)) {
      problems.add(
        [...path, "handler"],
        "a module that exists, relative to the configuration file",
        {
          value: route.handler,
        },
      );
    }
    return { kind: "handler", file };
  }
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
  return { kind: "upstream", upstream, stripPrefix };
}
