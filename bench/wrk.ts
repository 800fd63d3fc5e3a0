/** wrk, pinned to the core that the system under test does not use. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The generator, the upstream and the hub share this core; the system under test has core 0. */
export const otherCore = 1;

export interface Load {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly seconds: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Socket errors and replies that are not 2xx or 3xx. */
  readonly errors: number;
}

export function parseWrk(output: string): LoadResult {
  const number = (pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? 0);
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(
    output,
  );
  const socketErrors = (sockets ?? []).slice(1).reduce((sum, count) => sum + Number(count), 0);
  return {
    requests: number(/(\d+) requests in/),
    requestsPerSecond: number(/Requests\/sec:\s+([\d.]+)/),
    errors: socketErrors + number(/Non-2xx or 3xx responses: (\d+)/),
  };
}

/** Closed loop, one thread, keep-alive, no pipelining. */
export async function wrk(load: Load): Promise<LoadResult> {
  const fields = Object.entries(load.headers).flatMap(([name, value]) => [
    "-H",
    `${name}: ${value}`,
  ]);
  const shape = ["-t1", `-c${load.connections}`, `-d${load.seconds}s`];
  const { stdout } = await run(
    "taskset",
    ["-c", String(otherCore), "wrk", ...shape, ...fields, load.url],
    { timeout: (load.seconds + 20) * 1000 },
  );
  return parseWrk(stdout);
}
