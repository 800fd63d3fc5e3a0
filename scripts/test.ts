/**
 * `npm test`: everything that continuous integration runs, under node's own test runner, with one
 * summary at the end.
 *
 * In phases, because the runner has one concurrency: most tests; those that state how long something takes; and, one file at a
 * time, those that keep both cores busy. Closing figures of the earlier phases are held back and added to the last one's.
 *
 * The runner starts a process for each file, which loads for longer than most tests of pure code take: some of their files share one.
 *
 *     node scripts/test.ts [--long] [--name PATTERN]… [part of a path…]
 */

import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { root } from "./checks.ts";
import { addSummaries, isSummaryLine, type TestEvent } from "./test-summary.ts";

interface Phase {
  readonly patterns: readonly string[];
  readonly concurrency: number;
}

const besideSource = "{src,scripts,bench,claims,examples,web}/**/*.test.ts";
/** The longest begin, so that the end does not wait for one of them. */
const longest = "{src/sim/plants/plants,test/{status-page,crash,checks,admin}}.test.ts";
/** More than there are cores: whole systems wait for half of their time. */
const mostTests: Phase = {
  patterns: [longest, "test/{,door/}*.test.ts", besideSource],
  concurrency: 3,
};
/** They keep both cores busy, or say how long a call takes beside what else goes on. */
const busy = [
  ...["disk-full", "distance", "door/slow-clients", "hub-away", "lag", "overload", "simulator"],
  ...["strangers", "sync-fails", "upstreams"],
];
/**
 * They say how long something takes that is mostly waiting: two of them leave each other room, what keeps a core busy does not.
 * The longest first.
 */
const timed = [
  "three-regions",
  "portal",
  "reload",
  "dashboard",
  "keys",
  "partitions",
  "graceful-stop",
  "pauses",
];
const timedTests: Phase = { patterns: timed.map((name) => `test/${name}.test.ts`), concurrency: 2 };
const busyTests: Phase = { patterns: [`test/{${busy.join(",")}}.test.ts`], concurrency: 1 };
const sourceTests: Phase = { patterns: [besideSource], concurrency: 2 };
const longTests: Phase = { patterns: ["test/{,door/,long/}*.test.ts"], concurrency: 1 };

/** A test that takes longer hangs. Long forms state their own limits up to this one. */
const testMsMax = 180_000;
const longTestMsMax = 4_500_000;

interface Options {
  readonly long: boolean;
  readonly names: readonly string[];
  /** Run only files whose path holds one of these; all if empty. */
  readonly parts: readonly string[];
}

function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { long: { type: "boolean" }, name: { type: "string", multiple: true } },
  });
  return { long: values.long ?? false, names: values.name ?? [], parts: positionals };
}

/** What a test that may share its process with others does not speak of: what is the process's, and how long something takes. */
const ownProcess =
  /^(before|after)|\bprocess\.|child_process|\bmock\.|performance\.now|globalThis/m;
const processesShared = 6;

/** The same tests in fewer files: those that may share a process are imported by a few that are made for it. */
function shareProcesses(files: readonly string[]): string[] {
  const isShared = (file: string): boolean =>
    !file.startsWith("test/") && !ownProcess.test(readFileSync(join(root, file), "utf8"));
  const shared = files.filter(isShared);
  const folder = join(root, "node_modules", ".cache", "tests");
  mkdirSync(folder, { recursive: true });
  const made = Array.from({ length: Math.min(processesShared, shared.length) }, (_, i) => {
    const imported = shared.filter((_file, at) => at % processesShared === i);
    const lines = imported.map(
      (file) => `import ${JSON.stringify(pathToFileURL(join(root, file)))};\n`,
    );
    const path = join(folder, `shared-${i + 1}.test.mjs`);
    writeFileSync(path, lines.join(""));
    return relative(root, path);
  });
  return [...made, ...files.filter((file) => !isShared(file))];
}

/** The phases' files in order, each file once: in the last phase that asks for it. */
function planFiles(phases: readonly Phase[], parts: readonly string[]): string[][] {
  const seen = new Set<string>();
  const files = phases.toReversed().map(({ patterns }) =>
    patterns
      .flatMap((pattern) =>
        globSync(pattern, { cwd: root, exclude: ["**/node_modules/**"] }).sort(),
      )
      .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)))
      .filter((file) => !seen.has(file) && seen.add(file)),
  );
  return files.toReversed();
}

async function* runPhases(options: Options, signal: AbortSignal): AsyncGenerator<TestEvent> {
  const phases = options.long ? [sourceTests, longTests] : [mostTests, timedTests, busyTests];
  const isEverything = options.parts.length === 0 && options.names.length === 0;
  const files = planFiles(phases, options.parts).map((all) =>
    isEverything ? shareProcesses(all) : all,
  );
  if (files.flat().length === 0) throw new Error("no test file matches");
  const summaries: TestEvent[][] = [];
  let lastEnd: TestEvent | undefined;
  for (const [index, phase] of phases.entries()) {
    const phaseFiles = files[index] ?? [];
    if (phaseFiles.length === 0 || signal.aborted) continue;
    const events = run({
      files: phaseFiles.map((file) => join(root, file)),
      cwd: root,
      concurrency: phase.concurrency,
      timeout: options.long ? longTestMsMax : testMsMax,
      testNamePatterns: options.names.map((name) => new RegExp(name)),
      signal,
    });
    const summary: TestEvent[] = [];
    for await (const event of events as AsyncIterable<TestEvent>) {
      if (isSummaryLine(event)) {
        summary.push(event);
      } else if (event.type === "test:summary" && event.data.file === undefined) {
        // The reporter lists all failures when it sees this: once, at the very end.
        lastEnd = event;
        if (event.data.success === false) process.exitCode = 1;
      } else {
        yield event;
      }
    }
    summaries.push(summary);
  }
  if (lastEnd) yield lastEnd;
  yield* addSummaries(summaries);
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options.long) process.env["TALLYGATE_LONG"] = "1";
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      process.exitCode = 1;
      stop.abort();
    });
  }
  await pipeline(Readable.from(runPhases(options, stop.signal)), new spec(), process.stdout, {
    end: false,
  });
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
});
