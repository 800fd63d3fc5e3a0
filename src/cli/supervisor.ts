/** One child process of `dev`: started, watched, started again when it dies, stopped. */

import { type ChildProcess, spawn } from "node:child_process";
import { childLine, lineSplitter } from "./child-log.ts";
import type { ChildPlan } from "./dev-plan.ts";
import { countDeath, restartDelayMs } from "./restart-delay.ts";

export interface ChildEvents {
  /** A line to show. */
  onLine(name: string, line: string): void;
  /** It is ready to serve: after its start and after each restart. */
  onReady(name: string): void;
  /** It ended by itself. The answer says whether to start it again. */
  onDeath(name: string, how: string): boolean;
}

export interface SupervisedChild {
  readonly plan: ChildPlan;
  /** Of the process that was ready last: what is written into dev.json answers. */
  readonly pid: number;
  readonly isReady: boolean;
  /** To the process that runs now, if one does. */
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL to what is still there after 10 s. Resolves when it is gone. */
  stop(): Promise<void>;
}

/** A stop that takes longer has failed. */
const stopMsMax = 10_000;

/** Between two looks at whether a starting child is ready: well below what a person notices. */
const readyPollMs = 25;

/** One look, at most; a child busy loading a large ledger answers late. */
const readyAnswerMsMax = 2_000;

/** `program` is the script that gets the plan's arguments. Starts it at once. */
export function superviseChild(
  plan: ChildPlan,
  program: string,
  events: ChildEvents,
): SupervisedChild {
  let child: ChildProcess | undefined;
  let pid = 0;
  let isReady = false;
  let isStopping = false;
  let deaths = 0;
  let restart: NodeJS.Timeout | undefined;

  function start(): void {
    const startedMs = performance.now();
    // The channel carries nothing: its end tells the child that we are gone.
    const started = spawn(process.execPath, [program, ...plan.arguments], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    child = started;
    isReady = false;
    for (const stream of [started.stdout, started.stderr]) {
      const lines = lineSplitter((line) => {
        const text = childLine(line);
        if (text !== undefined) events.onLine(plan.name, text);
      });
      stream?.setEncoding("utf8");
      stream?.on("data", (chunk: string) => lines.push(chunk));
      stream?.on("end", () => lines.end());
    }
    let ended = false;
    const onEnd = (how: string): void => {
      if (ended) return;
      ended = true;
      child = undefined;
      isReady = false;
      if (isStopping || !events.onDeath(plan.name, how)) return;
      deaths = countDeath(deaths, performance.now() - startedMs);
      restart = setTimeout(start, restartDelayMs(deaths));
    };
    started.once("error", (error) => onEnd(`cannot be started: ${error.message}`));
    // Not "exit": by "close" all that it said has been read.
    started.once("close", (code, signal) => onEnd(`ended with ${signal ?? `code ${code}`}`));
    void watchReady(started);
  }

  async function watchReady(started: ChildProcess): Promise<void> {
    while (child === started && !isStopping) {
      if (await answersReady(plan.readyUrl)) {
        // Not its predecessor's last answer.
        if (child !== started || isStopping) return;
        pid = started.pid ?? 0;
        isReady = true;
        events.onReady(plan.name);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, readyPollMs));
    }
  }

  async function stop(): Promise<void> {
    isStopping = true;
    clearTimeout(restart);
    const running = child;
    if (running === undefined) return;
    const gone = new Promise<void>((resolve) => running.once("close", () => resolve()));
    running.kill("SIGTERM");
    const bound = setTimeout(() => running.kill("SIGKILL"), stopMsMax);
    await gone;
    clearTimeout(bound);
  }

  start();
  return {
    plan,
    get pid() {
      return pid;
    },
    get isReady() {
      return isReady;
    },
    signal: (signal) => void child?.kill(signal),
    stop,
  };
}

async function answersReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(readyAnswerMsMax) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
