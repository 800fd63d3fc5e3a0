/** Processes pinned to a core, found ready by their port, ended by their own pid. */

import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export const sutCore = 0;

const readyMsMax = 15_000;
const stopMsMax = 10_000;
/** `USER_HZ`, 100 on every Linux that Node supports. */
const microsecondsPerTick = 10_000;

export interface PinnedProcess {
  readonly pid: number;
  /** What it printed last, for messages. */
  output(): string;
  /** SIGTERM, then SIGKILL if it does not end in time. */
  stop(): Promise<void>;
  hasEnded(): boolean;
}

export function spawnPinned(
  core: number,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): PinnedProcess {
  const child: ChildProcess = spawn("taskset", ["-c", String(core), program, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let output = "";
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-2_000);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  const ended = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      keep(Buffer.from(error.message));
      resolve();
    });
    child.once("exit", () => resolve());
  });
  const kill = (): void => {
    child.kill("SIGKILL");
  };
  process.once("exit", kill);
  void ended.then(() => process.removeListener("exit", kill));
  return {
    pid: child.pid ?? 0,
    output: () => output,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    stop: async () => {
      child.kill("SIGTERM");
      const timer = setTimeout(kill, stopMsMax);
      await ended;
      clearTimeout(timer);
    },
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** Waits until something of the process listens; an end or a time-out is an error with its output. */
export async function waitForPort(program: PinnedProcess, port: number): Promise<void> {
  const deadline = performance.now() + readyMsMax;
  while (!(await canConnect(port))) {
    if (program.hasEnded() || performance.now() > deadline) {
      throw new Error(`a server did not get ready on port ${port}: ${program.output()}`);
    }
    await sleep(20);
  }
}

interface Stat {
  readonly parent: number;
  readonly ticks: number;
}

/** Fields 4, 14 and 15 of /proc/PID/stat (proc(5)), counted after the name, which may hold spaces. */
function readStat(pid: string): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return undefined;
  }
}

/** CPU time so far of a process and all its descendants, in microseconds. */
export function cpuMicroseconds(pid: number): number {
  const stats = new Map<number, Stat>();
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? readStat(name) : undefined;
    if (stat) stats.set(Number(name), stat);
  }
  const isBelow = (candidate: number): boolean => {
    for (let at = candidate; at > 1; at = stats.get(at)?.parent ?? 0) if (at === pid) return true;
    return false;
  };
  let ticks = 0;
  for (const [candidate, stat] of stats) if (isBelow(candidate)) ticks += stat.ticks;
  return ticks * microsecondsPerTick;
}
