/**
 * From the configuration file to `CompiledConfig`: read, check the shape, check what fields mean
 * together, fill in the defaults. Wrong as a whole or right as a whole.
 */

import type * as z from "zod";
import type { CompiledConfig, ListenerConfig, RouteConfig } from "./compiled-config.ts";
import { compileClients } from "./config-clients.ts";
import { compileCors } from "./config-cors.ts";
import { compileListener } from "./config-door.ts";
import { compileLog } from "./config-log.ts";
import { compilePlans } from "./config-plans.ts";
import { compilePortal } from "./config-portal.ts";
import {
  type ConfigPath,
  type ConfigProblem,
  type Locator,
  nowhere,
  type ProblemList,
  problemList,
} from "./config-problem.ts";
import { compileRoutes } from "./config-routes.ts";
import { type ConfigInput, configSchema } from "./config-schema.ts";
import { compileJournal, compileKeys, compilePlaces, compileStream } from "./config-settings.ts";
import { compileShutdown } from "./config-shutdown.ts";
import { type Environment, readSource } from "./config-source.ts";
import { compileUpstreams } from "./config-upstreams.ts";

export interface CompileValueOptions {
  /** Path of the configuration: named in problems, and handlers are relative to its folder. */
  readonly file: string;
  /** Asked for each handler's resolved path; absolute if `file` is. */
  readonly fileExists: (path: string) => boolean;
  /** Text of a file that the configuration names, by its resolved path; undefined: it cannot be read. Left out: none can. */
  readonly readText?: (path: string) => string | undefined;
}

export interface CompileOptions extends CompileValueOptions {
  readonly format: "yaml" | "json";
  readonly environment: Environment;
}

/** `problems` holds at least one, in the order of the file; each `message` stands alone. */
export type CompileResult =
  | { readonly config: CompiledConfig }
  | { readonly problems: readonly ConfigProblem[] };

/** Compiles the text of a file. */
export function compileConfig(text: string, options: CompileOptions): CompileResult {
  const source = readSource(text, options);
  if ("problems" in source) return source;
  return compile(source.value, source.locator, options);
}

/** Compiles the default export of a module; problems have no lines and `${NAME}` is not replaced. */
export function compileConfigValue(value: unknown, options: CompileValueOptions): CompileResult {
  return compile(value, nowhere, options);
}

function compile(value: unknown, locator: Locator, options: CompileValueOptions): CompileResult {
  const problems = problemList(options.file, locator);
  const parsed = configSchema.safeParse(value, { reportInput: true });
  if (!parsed.success) {
    reportIssues(parsed.error.issues, value, problems);
    return { problems: inOrder(problems.all) };
  }
  const config = compileChecked(parsed.data, options, problems);
  return problems.all.length > 0 ? { problems: inOrder(problems.all) } : { config };
}

/** As a reader meets them in the file. */
function inOrder(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

function compileChecked(
  input: ConfigInput,
  options: CompileValueOptions,
  problems: ProblemList,
): CompiledConfig {
  const { file, fileExists, readText = () => undefined } = options;
  const places = compilePlaces(input, file, problems);
  const keys = compileKeys(input, problems);
  const clients = compileClients(input.clients, {
    file,
    readText,
    problems,
  });
  const upstreams = compileUpstreams(input, file, problems);
  const cors = input.cors && compileCors(input.cors, ["cors"], problems);
  const listener = compileListener(input.listener, problems);
  const context = { file, fileExists, cors, listener, problems };
  const { routes, pathParameters } = compileRoutes(input, upstreams, context);
  const plans = compilePlans(input, { keySources: keys.from, pathParameters, clients }, problems);
  return {
    ...places,
    keys,
    clients,
    listener: { ...listener, bodyOfAnyRouteMaxBytes: largestBody(listener, routes) },
    durability: input.durability ?? "os",
    signup: input.signup ?? "",
    portal: compilePortal(input, {
      ...{ file, readText, problems },
      plans: plans.plans,
    }),
    ...plans,
    upstreams: [...upstreams.values()],
    routes,
    cors,
    journal: compileJournal(input, problems),
    stream: compileStream(input, problems),
    log: compileLog(input, options),
    shutdown: compileShutdown(input, problems),
  };
}

function largestBody({ bodyMaxBytes }: ListenerConfig, routes: readonly RouteConfig[]): number {
  return Math.max(bodyMaxBytes, ...routes.map((route) => route.bodyMaxBytes));
}

/** Each place once: the schema may find several faults in one value. */
function reportIssues(
  issues: readonly z.core.$ZodIssue[],
  value: unknown,
  problems: ProblemList,
): void {
  const seen = new Set<string>();
  for (const issue of issues) {
    const path = issue.path as ConfigPath;
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) problems.unknownField([...path, key], issue.message);
      continue;
    }
    const place = JSON.stringify(path);
    if (seen.has(place)) continue;
    seen.add(place);
    if (issue.code === "invalid_key") {
      const found = { text: `the name ${JSON.stringify(path.at(-1))}` };
      problems.add(path, issue.issues[0]?.message ?? issue.message, found);
      continue;
    }
    problems.add(path, issue.message, { value: valueAt(value, path) });
  }
}

function valueAt(value: unknown, path: ConfigPath): unknown {
  let at = value;
  for (const step of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Record<string | number, unknown>)[step];
  }
  return at;
}
