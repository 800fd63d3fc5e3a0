/** The house rules, each a function from files to violations (`path: what`). */

import { posix } from "node:path";
import { folderOf, ruleFor } from "./import-table.ts";
import { type Import, importsOf, scan } from "./scan.ts";

export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export type Rule = (files: readonly SourceFile[]) => string[];

const isTest = (path: string): boolean => /\.test\.ts$|\/(testdata|testing)\//.test(path);

/** Files of src that a release runs, with their path below src. */
function production(files: readonly SourceFile[]): { file: SourceFile; below: string }[] {
  return files
    .filter(({ path }) => /^src\/.*\.ts$/.test(path) && !isTest(path))
    .map((file) => ({ file, below: file.path.slice("src/".length) }));
}

function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

function importViolation(below: string, { specifier, typeOnly }: Import): string | undefined {
  const rule = ruleFor(below);
  if (!rule) return "is in a folder that the import table does not know";
  if (specifier.startsWith("node:")) {
    const isAllowed = rule.node?.some((name) => name === "*" || specifier === `node:${name}`);
    return isAllowed ? undefined : `must not import ${specifier}`;
  }
  if (!specifier.startsWith(".")) {
    const isAllowed = folderOf(below) === "cli" || rule.packages?.includes(packageOf(specifier));
    return isAllowed ? undefined : `must not import the package ${specifier}`;
  }
  const target = posix.join(posix.dirname(below), specifier);
  if (target.startsWith("..")) return `must not import ${specifier} from outside src`;
  // The simulator is not published: fakes of a folder's own tests are its material.
  const isFakeForSim = folderOf(below) === "sim" && target.includes("/testing/");
  if (isTest(target) && !isFakeForSim) return `must not import the test ${specifier}`;
  if (folderOf(target) === folderOf(below)) return undefined;
  const among = (folders: readonly string[] = []): boolean =>
    folders.includes(folderOf(target)) || folders.includes(target.split("/")[0] ?? "");
  if (among(rule.values) || (typeOnly && among(rule.types))) return undefined;
  return `must not import ${typeOnly ? "types" : "values"} of ${target}`;
}

export const importsFollowTable: Rule = (files) =>
  production(files).flatMap(({ file, below }) =>
    importsOf(scan(file.text)).flatMap((found) => {
      const violation = importViolation(below, found);
      return violation ? [`${file.path}: ${violation}`] : [];
    }),
  );

/** Cycles of imports that are really loaded; types are erased before anything runs. */
export const noImportCycles: Rule = (files) => {
  const targets = new Map<string, string[]>();
  for (const { path, text } of files) {
    if (!path.endsWith(".ts")) continue;
    const local = importsOf(scan(text)).filter((i) => i.specifier.startsWith(".") && !i.typeOnly);
    targets.set(
      path,
      local.map((i) => posix.join(posix.dirname(path), i.specifier)),
    );
  }
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      cycles.push(
        `${path}: import cycle ${[...trail.slice(trail.indexOf(path)), path].join(" > ")}`,
      );
      return;
    }
    if (done.has(path)) return;
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of targets.keys()) visit(path, []);
  return cycles;
};

/**
 * Things of the world outside. `new Date(ms)` and `Date.UTC` are arithmetic, the ciphers of
 * `crypto.subtle` too. A variable of one's own called `process` or `console` counts: call it
 * something else.
 */
const outsideCalls =
  /(?<![\w$.#])(?:Date\.now|new Date\(\s*\)|Date\(\s*\)|Math\.random|crypto\.(?:randomUUID|getRandomValues)|setTimeout|setInterval|setImmediate|queueMicrotask|performance\s*\.|fetch\s*\(|process\s*\.|console\s*\.)|\bglobalThis\b(?!\.crypto\b(?!\.(?:randomUUID|getRandomValues)))/g;

/** Interfaces may name the outside in their members: declared there, it is not called. */
const declared =
  /^\s*(?:readonly\s+)?(?:setTimeout|setInterval|setImmediate|fetch)\??\s*(?::|\(.*\)\s*:).*$/gm;

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

function matches(file: SourceFile, code: string, pattern: RegExp, why: string): string[] {
  return [...code.matchAll(pattern)].map(
    (match) => `${file.path}:${lineOf(code, match.index)}: ${why}: ${match[0].trim()}`,
  );
}

export const outsideOnlyInAdapters: Rule = (files) =>
  production(files).flatMap(({ file, below }) => {
    if (ruleFor(below)?.outside) return [];
    const code = scan(file.text).code.replace(declared, (text) => " ".repeat(text.length));
    return matches(file, code, outsideCalls, "only adapters and cli may use");
  });

export const pureFoldersArePure: Rule = (files) =>
  production(files).flatMap(({ file, below }) => {
    if (!ruleFor(below)?.pure) return [];
    const pattern = /\basync\b|\bawait\b|\bnew Promise\b|\bPromise\s*[.<]/g;
    return matches(file, scan(file.text).code, pattern, "pure folders have no");
  });

/** Folders of one machine. Written in parts, so that this file does not hold what it forbids. */
const machinePath = new RegExp(
  `(?<![\\w.~\\-/:*}$<])/(?:${["work", "root", "tmp", "home/[\\w.-]+", "Users/[\\w.-]+", "mnt"].join("|")})(?=[/\\s"'\`)]|$)(?:/[\\w.-]+)?`,
  "gm",
);

export const noMachinePaths: Rule = (files) =>
  files.flatMap((file) => matches(file, file.text, machinePath, "a path of one machine"));

const registryHost =
  /"resolved":\s*"|\b(?:registry|npm|mirror|proxy|artifactory|nexus)(?:\.[a-z0-9-]+)+\.(?:cloud|com|corp|dev|internal|io|lan|local|net|org)\b/g;

/** Lock files hold checksums, never where somebody's npm got a package from. */
export const noRegistryHosts: Rule = (files) =>
  files
    .filter(({ path }) => !path.startsWith("test/house-rules"))
    .flatMap((file) => matches(file, file.text, registryHost, "a registry's host"));

const linesMax: readonly (readonly [pattern: RegExp, max: number])[] = [
  [/^README\.md$/, 150],
  [/^ARCHITECTURE\.md$/, 250],
  [/\.(ts|tsx|js)$/, 400],
];

/** A source file may be longer if its first comment says why, with the words `Longer than 400 lines`. */
export const filesAreShort: Rule = (files) =>
  files.flatMap(({ path, text }) => {
    const max = linesMax.find(([pattern]) => pattern.test(path))?.[1] ?? Number.POSITIVE_INFINITY;
    const lines = text.trimEnd().split("\n").length;
    if (lines <= max || /^\/\*\*[\s\S]{0,2000}?Longer than 400 lines/.test(text)) return [];
    return [`${path}: ${lines} lines, ${max} are allowed`];
  });

export const versionsAreExact: Rule = (files) =>
  files.flatMap(({ path, text }) => {
    if (posix.basename(path) !== "package.json") return [];
    const manifest = JSON.parse(text) as Record<string, Record<string, string> | undefined>;
    const kinds = ["dependencies", "devDependencies", "optionalDependencies"];
    return kinds
      .flatMap((kind) => Object.entries(manifest[kind] ?? {}))
      .filter(([, version]) => !/^\d+\.\d+\.\d+[\w.-]*$/.test(version))
      .map(([name, version]) => `${path}: ${name} must have an exact version, not ${version}`);
  });

/** `npm ci` refuses a lock without the other platforms' packages: see scripts/complete-lock.ts. */
export const locksAreComplete: Rule = (files) =>
  files.flatMap(({ path, text }) => {
    if (posix.basename(path) !== "package-lock.json") return [];
    type Entry = { optionalDependencies?: Record<string, string> };
    const { packages } = JSON.parse(text) as { packages: Record<string, Entry> };
    return Object.values(packages)
      .flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
      .filter((name) => !packages[`node_modules/${name}`])
      .map((name) => `${path}: lacks ${name}; run node scripts/complete-lock.ts`);
  });

/**
 * A published package holds `.js`: an address of a `.ts` file, unlike an import, is not rewritten
 * by the compiler.
 */
export const addressesSurviveTheBuild: Rule = (files) =>
  production(files).flatMap(({ file }) => {
    const pattern = /new URL\(\s*["'`][^"'`]*\.ts["'`]/g;
    return matches(file, scan(file.text).withoutComments, pattern, "breaks once built");
  });
