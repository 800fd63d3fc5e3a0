/**
 * Takes a changed configuration while the process runs: when its file or the module of a handler has changed, and at SIGHUP. It is
 * taken as a whole or refused as a whole; then the one in use stays.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { CompiledConfig } from "../access/compiled-config.ts";
import { changeConfig, type ProcessRole, rulesVersion } from "../access/config-change.ts";
import { TallygateError } from "../base/errors.ts";
import type { Log } from "../ports/log.ts";
import type { Metrics } from "../ports/metrics.ts";
import { checkConfig, type LoadedConfig } from "./load-config.ts";
import { reloadMetrics } from "./reload-metrics.ts";
import { watchFiles } from "./watch-files.ts";

export interface ReloadOptions {
  /** What the process runs with. */
  readonly loaded: LoadedConfig;
  readonly role: ProcessRole;
  /** Between noticing a change and taking it, so that another process is first. */
  readonly delayMs: number;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Puts it into use. If it rejects with a `TallygateError`, nothing has changed. */
  take(config: CompiledConfig): Promise<void>;
}

export interface ConfigReload {
  /** Reads the file again, whether it has changed or not. Resolves when it is taken or refused. */
  now(): Promise<void>;
  /** A reload that runs is finished first. */
  stop(): Promise<void>;
}

export function reloadConfig(options: ReloadOptions): ConfigReload {
  const { loaded, log, delayMs } = options;
  const results = reloadMetrics(options.metrics);
  let config = loaded.config;
  let isStopped = false;
  let running: Promise<void> = Promise.resolve();
  let waiting: Promise<void> | undefined;

  const reload = async (): Promise<void> => {
    const outcome = await prepare(loaded.file, config, options.role);
    if ("problems" in outcome) return refuse(outcome.problems);
    try {
      await options.take(outcome.config);
    } catch (cause) {
      if (!(cause instanceof TallygateError)) throw cause;
      return refuse([cause.detail]);
    }
    config = outcome.config;
    const version = rulesVersion(config);
    log.info("the changed configuration is in use", { file: loaded.file, version });
    for (const part of outcome.waiting) {
      log.warn("a change of the configuration waits for the next start of this process", { part });
    }
    results.taken(outcome.waiting.length);
  };
  const refuse = (problems: readonly string[]): void => {
    for (const problem of problems) {
      log.error("the changed configuration is refused; the one in use stays", { problem });
    }
    results.refused();
  };

  /** One at a time, and what is asked for while one waits is one. */
  const now = (): Promise<void> => {
    waiting ??= running.then(async () => {
      await sleep(delayMs);
      waiting = undefined;
      if (!isStopped) await reload();
    });
    running = waiting.catch((cause: unknown) => {
      results.refused();
      log.error("the changed configuration could not be taken", {}, cause);
    });
    return running;
  };

  const unwatch = watchFiles(
    () => [loaded.file, ...handlerFiles(config)],
    () => void now(),
  );
  // It may have changed since it was read, before anybody looked.
  void prepare(loaded.file, config, options.role).then((outcome) => {
    const isSame = "config" in outcome && JSON.stringify(outcome.config) === JSON.stringify(config);
    if (!isSame && !isStopped) void now();
  });
  return {
    now,
    stop() {
      isStopped = true;
      unwatch();
      return running;
    },
  };
}

type Prepared =
  | { readonly config: CompiledConfig; readonly waiting: readonly string[] }
  | { readonly problems: readonly string[] };

async function prepare(
  file: string,
  present: CompiledConfig,
  role: ProcessRole,
): Promise<Prepared> {
  try {
    const result = await checkConfig(file);
    if ("problems" in result) return { problems: result.problems.map(({ message }) => message) };
    const change = changeConfig(present, result.config, role);
    return "problem" in change ? { problems: [`${file}: ${change.problem}`] } : change;
  } catch (cause) {
    if (!(cause instanceof TallygateError)) throw cause;
    return { problems: [cause.detail] };
  }
}

function handlerFiles({ routes }: CompiledConfig): string[] {
  return routes.flatMap(({ target }) => (target.kind === "handler" ? [target.file] : []));
}
