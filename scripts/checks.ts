/**
 * The checks that read the code instead of running it, one table: `npm run check` prints them,
 * `test/checks.test.ts` makes each a test.
 */

import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export const root: string = dirname(import.meta.dirname);

export interface CheckResult {
  readonly passed: boolean;
  /** What the tool printed, for people. */
  readonly output: string;
}

export interface Check {
  readonly name: string;
  run(): Promise<CheckResult>;
}

/** Longest run of one tool. The slowest takes a few seconds on two cores. */
const toolMsMax = 120_000;

/** Runs a program in the checkout; `passed` is exit code 0. A program that cannot start fails. */
export function runTool(program: string, args: readonly string[]): Promise<CheckResult> {
  const child = spawn(program, args, {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: toolMsMax,
    env: { ...process.env, NO_COLOR: "1", npm_config_loglevel: "error" },
  });
  let output = "";
  const keep = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ passed: false, output: error.message }));
    child.once("close", (code, signal) => {
      const ending = code === 0 ? "" : `\n${program} ended with ${code ?? signal}`;
      resolve({ passed: code === 0, output: output.trim() + ending });
    });
  });
}

function packageTool(name: string): string {
  return join(root, "node_modules", ".bin", name);
}

/** All that a published package may hold. */
const publishedFile =
  /^(package\.json|README\.md|LICENSE|ARCHITECTURE\.md|CHANGELOG\.md|dist\/[\w./-]+(\.js|\.d\.ts)|dist-web\/[\w./-]+\.(html|js|css|svg|json))$/;

/** The files of a listing by `npm pack --json` that must not be in the package. */
export function unwantedFiles(listing: string): string[] {
  const [packed] = JSON.parse(listing) as { files: { path: string }[] }[];
  const paths = packed?.files.map((file) => file.path) ?? [];
  return paths.filter((path) => !publishedFile.test(path) || path.includes(".test."));
}

/** Builds and packs as a release would, looks at what went in, and has publint read the tarball. */
async function checkPackage(): Promise<CheckResult> {
  const folder = await mkdtemp(join(tmpdir(), "tallygate-pack-"));
  try {
    const packed = await runTool("npm", ["pack", "--json", "--pack-destination", folder]);
    if (!packed.passed) return packed;
    const listing = packed.output.slice(
      packed.output.indexOf("["),
      packed.output.lastIndexOf("]") + 1,
    );
    const unwanted = unwantedFiles(listing);
    if (unwanted.length > 0) {
      return { passed: false, output: `the package must not hold ${unwanted.join(", ")}` };
    }
    const [tarball] = await readdir(folder);
    if (tarball === undefined) return { passed: false, output: "npm pack wrote nothing" };
    return await runTool(packageTool("publint"), ["run", join(folder, tarball), "--strict"]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function tool(name: string, program: string, ...args: string[]): Check {
  return { name, run: () => runTool(packageTool(program), args) };
}

export const checks: readonly Check[] = [
  tool("types (tsc)", "tsc", "-p", "."),
  tool("types of the pages (tsc)", "tsc", "-p", "web"),
  tool("lint (oxlint)", "oxlint", "--type-aware", "--deny-warnings"),
  tool("format (biome)", "biome", "check", "."),
  tool("dead code (knip)", "knip"),
  { name: "package (publint)", run: checkPackage },
];
