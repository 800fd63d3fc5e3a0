/** Reads the configuration file: YAML, JSON, or a module with a default export. */

import { existsSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { CompiledConfig } from "../access/compiled-config.ts";
import { type CompileResult, compileConfig, compileConfigValue } from "../access/config.ts";
import { type ConfigProblem, configProblem } from "../access/config-problem.ts";
import { configLengthMax } from "../access/config-source.ts";
import { TallygateError } from "../base/errors.ts";

/** Looked for in this order where no file is named. */
export const configFileNames = [
  "tallygate.yaml",
  "tallygate.yml",
  "tallygate.json",
  "tallygate.ts",
] as const;

export interface LoadedConfig {
  /** Absolute. */
  readonly file: string;
  readonly config: CompiledConfig;
}

/** A configuration as a text, applied through the hub. */
export interface ConfigText {
  readonly format: "yaml" | "json";
  readonly text: string;
}

/** The file to read: `named`, or the first of `configFileNames` in this folder. Not absolute. */
export function findConfigFile(named?: string): string {
  if (named !== undefined) return named;
  const found = configFileNames.find((name) => existsSync(name));
  if (found !== undefined) return found;
  throw new TallygateError(
    "config-unreadable",
    `there is no ${configFileNames[0]} in this folder; \`tallygate init\` writes one, --config names another`,
  );
}

/** Fails with `config-unreadable`, or with `config-invalid` and all problems, one a line. */
export async function loadConfig(named?: string): Promise<LoadedConfig> {
  const file = findConfigFile(named);
  const result = await checkConfig(file);
  if ("config" in result) return { file: resolve(file), config: result.config };
  throw new TallygateError("config-invalid", formatProblems(result.problems));
}

/** One problem stands in the sentence; of several each gets a line. */
function formatProblems(problems: readonly ConfigProblem[]): string {
  const messages = problems.map((problem) => problem.message);
  return messages.length === 1 ? messages.join() : `\n  ${messages.join("\n  ")}`;
}

/** Compiles a text as if it stood in `file`: what it names is looked for beside that, and in this process's environment. */
export function checkConfigText({ format, text }: ConfigText, file: string): CompileResult {
  const options = { file: resolve(file), fileExists: existsSync, readText: namedText };
  return compileConfig(text, { ...options, format, environment: process.env });
}

/** Reads and compiles `file`; a changed module is read anew. Fails with `config-unreadable` only. */
export async function checkConfig(file: string): Promise<CompileResult> {
  const options = { file: resolve(file), fileExists: existsSync, readText: namedText };
  const result = /\.[mc]?[jt]s$/.test(file)
    ? await compileModule(file, options.file)
    : compileConfig(readText(file), {
        ...options,
        format: file.endsWith(".json") ? "json" : "yaml",
        environment: process.env,
      });
  if ("config" in result) return result;
  return { problems: result.problems.map((problem) => configProblem({ ...problem, file })) };
}

async function compileModule(file: string, absolute: string): Promise<CompileResult> {
  const { mtimeMs, size } = statOf(file);
  // Node keeps modules by URL for as long as the process lives: a changed file needs another one.
  const url = `${pathToFileURL(absolute).href}?changed=${mtimeMs}-${size}`;
  let loaded: { default?: unknown };
  try {
    loaded = (await import(url)) as { default?: unknown };
  } catch (error) {
    return { problems: [fileProblem(file, "", `a module that loads: ${firstLine(error)}`)] };
  }
  if (loaded.default === undefined) {
    return { problems: [fileProblem(file, "no default export", "the configuration as one")] };
  }
  return compileConfigValue(loaded.default, {
    file: absolute,
    fileExists: existsSync,
    readText: namedText,
  });
}

function fileProblem(file: string, found: string, expected: string): ConfigProblem {
  return configProblem({ file, line: 0, column: 0, path: "", found, expected });
}

function readText(file: string): string {
  // A device or an endless pipe must not be read into memory.
  if (statOf(file).size > configLengthMax * 4) {
    throw new TallygateError("config-unreadable", `${file} is larger than any configuration`);
  }
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** Bytes of a file that the configuration names: a hundred thousand addresses, each with a word why. */
const namedFileMaxBytes = 16 * 2 ** 20;

function namedText(file: string): string | undefined {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat?.isFile() !== true || stat.size > namedFileMaxBytes) return undefined;
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function statOf(file: string): { mtimeMs: number; size: number } {
  let stat: ReturnType<typeof statSync>;
  try {
    stat = statSync(file);
  } catch (error) {
    throw unreadable(file, error);
  }
  if (!stat.isFile()) throw new TallygateError("config-unreadable", `${file} is not a file`);
  return stat;
}

function unreadable(file: string, error: unknown): TallygateError {
  const code = (error as NodeJS.ErrnoException).code;
  const why =
    code === "ENOENT"
      ? "there is no such file"
      : code === "EACCES"
        ? "this user may not read it"
        : String(code);
  return new TallygateError("config-unreadable", `${file}: ${why}`, error);
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split("\n", 1)[0] ?? "";
}
