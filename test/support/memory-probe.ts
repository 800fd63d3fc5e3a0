/**
 * Preloaded into a process that a test watches: at each SIGUSR2 it collects everything that is dead, gives free pages of
 * the heap back to the system, and appends a line that says what it holds then (`MemoryLine`).
 *
 * Threads are not collected: their young generations are bounded (`adapters/sqlite/thread.ts`).
 */

import { appendFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Where lines go: the name of the variable of the environment. */
const fileVariable = "TALLYGATE_TEST_MEMORY_FILE";
/** V8 gives pages back in the background; a second collection finds that done. */
const givenBackMs = 100;

export interface MemoryLine {
  readonly pid: number;
  /** Monotonic, of the process's own: wall clocks are the test's making. */
  readonly atMs: number;
  /** Resident memory, all of it: heaps of all threads, code, caches of SQLite, what malloc keeps. */
  readonly residentBytes: number;
  /** Of these: objects of the main thread. */
  readonly heapBytes: number;
  /** Of these: buffers and other memory that such objects hold. */
  readonly externalBytes: number;
}

/** The environment of a process that is to be watched. */
export function probed(file: string): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import=${import.meta.url}`, [fileVariable]: file };
}

const file = process.env[fileVariable];
if (file !== undefined) {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as NodeJS.GCFunction;
  // V8's last resort before it gives up: all that is dead, however it is held, and free pages are unmapped. An ordinary
  // collection leaves the young generation as large as it once was, up to 192 MB.
  const collect = (): void => gc({ type: "major", execution: "sync", flavor: "last-resort" });
  const note = (): void => {
    collect();
    const { rss, heapUsed, external } = process.memoryUsage();
    const line: MemoryLine = {
      pid: process.pid,
      atMs: performance.now(),
      residentBytes: rss,
      heapBytes: heapUsed,
      externalBytes: external,
    };
    appendFileSync(file, `${JSON.stringify(line)}\n`);
  };
  process.on("SIGUSR2", () => {
    collect();
    setTimeout(note, givenBackMs).unref();
  });
}
