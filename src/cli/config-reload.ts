/**
 * Takes a changed configuration while the process runs: when its file or the module of a handler has changed, and at SIGHUP. It is
 * taken as a whole or refused as a whole; then the one in use stays.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { CompiledConfig } from "../access/compiled-config.ts";
import { changeConfig, type ProcessRole, rulesVersion } from "../access/config-change.ts";
import type { ConfigProblem } from "../access/config-problem.ts";
import { TallygateError } from "../base/errors.ts";
import type { Log } from "../ports/log.ts";
import type { Metrics } from "../ports/metrics.ts";
import { type ConfigText, checkConfig, checkConfigText, type LoadedConfig } from "./load-config.ts";
import { reloadMetrics } from "./reload-metrics.ts";
import { watchFiles } from "./watch-files.ts";

export interface ReloadOptions {
  /** What the process runs with. */
  readonly loaded: LoadedConfig;
  /** The text that it runs with in place of its file. */
  readonly text?: ConfigText | undefined;
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
  /**
   * Goes by this text instead of the file, or by the file again. Resolves with what is wrong; then nothing has changed. Until it is told
   * otherwise it does not look at the file any more, but at handlers' modules.
   */
  use(text: ConfigText | undefined): Promise<readonly ConfigFault[]>;
  /** A reload that runs is finished first. */
  stop(): Promise<void>;
}

/** What is wrong with a configuration; line and path are empty where it is none of its places. */
export type ConfigFault = Omit<ConfigProblem, "file">;

export function reloadConfig(options: ReloadOptions): ConfigReload {
  const { loaded, log, delayMs } = options;
  const results = reloadMetrics(options.metrics);
  let { config } = loaded;
  let { text } = options;
  let isStopped = false;
  let running: Promise<void> = Promise.resolve();
  let waiting: Promise<void> | undefined;

  const reload = async (from: ConfigText | undefined): Promise<readonly ConfigFault[]> => {
    const outcome = await prepare({ file: loaded.file, text: from }, config, options.role);
    if ("problems" in outcome) return refuse(outcome.problems);
    try {
      await options.take(outcome.config);
    } catch (cause) {
      if (!(cause instanceof TallygateError)) throw cause;
      return refuse([fault(cause.detail)]);
    }
    config = outcome.config;
    text = from;
    const version = rulesVersion(config);
    const source = from === undefined ? loaded.file : "applied through the hub";
    log.info("the changed configuration is in use", { source, version });
    for (const part of outcome.waiting) {
      log.warn("a change of the configuration waits for the next start of this process", { part });
    }
    results.taken(outcome.waiting.length);
    return [];
  };
  const refuse = (problems: readonly ConfigFault[]): readonly ConfigFault[] => {
    for (const { message } of problems) {
      log.error("the changed configuration is refused; the one in use stays", { problem: message });
    }
    results.refused();
    return problems;
  };
  const failed = (cause: unknown): void => {
    results.refused();
    log.error("the changed configuration could not be taken", {}, cause);
  };

  /** One at a time, and what is asked for while one waits is one. */
  const now = (): Promise<void> => {
    waiting ??= running.then(async () => {
      await sleep(delayMs);
      waiting = undefined;
      if (!isStopped) await reload(text);
    });
    running = waiting.catch(failed);
    return running;
  };
  const use = (from: ConfigText | undefined): Promise<readonly ConfigFault[]> => {
    const used = running.then(() => (isStopped ? [fault("the process stops")] : reload(from)));
    running = used.then(() => undefined).catch(failed);
    return used;
  };

  const unwatch = watchFiles(
    () => [...(text === undefined ? [loaded.file] : []), ...handlerFiles(config)],
    () => void now(),
  );
  // It may have changed since it was read, before anybody looked.
  void prepare({ file: loaded.file, text }, config, options.role).then((outcome) => {
    const isSame = "config" in outcome && JSON.stringify(outcome.config) === JSON.stringify(config);
    if (!isSame && !isStopped) void now();
  });
  return {
    now,
    use,
    stop() {
      isStopped = true;
      unwatch();
      return running;
    },
  };
}

interface ConfigSource {
  readonly file: string;
  /** In place of what the file holds. */
  readonly text: ConfigText | undefined;
}

type Prepared =
  | { readonly config: CompiledConfig; readonly waiting: readonly string[] }
  | { readonly problems: readonly ConfigFault[] };

async function prepare(
  { file, text }: ConfigSource,
  present: CompiledConfig,
  role: ProcessRole,
): Promise<Prepared> {
  try {
    const result = text === undefined ? await checkConfig(file) : checkConfigText(text, file);
    if ("problems" in result) return result;
    const change = changeConfig(present, result.config, role);
    return "problem" in change ? { problems: [fault(`${file}: ${change.problem}`)] } : change;
  } catch (cause) {
    if (!(cause instanceof TallygateError)) throw cause;
    return { problems: [fault(cause.detail)] };
  }
}

function fault(sentence: string): ConfigFault {
  return { line: 0, column: 0, path: "", found: "", expected: sentence, message: sentence };
}

function handlerFiles({ routes }: CompiledConfig): string[] {
  return routes.flatMap(({ target }) => (target.kind === "handler" ? [target.file] : []));
}
