/** When a process was started and how much it has worked since, from the kernel's books: Linux alone has them in a file. */

import { readFileSync } from "node:fs";

/** Of `/proc/<pid>/stat`, start time in ticks since boot; USER_HZ is 100 on every Linux. */
const ticksPerSecond = 100;
const userTimeField = 14;
const systemTimeField = 15;
const startTimeField = 22;

export interface ProcessAge {
  /** Since its start. */
  readonly ms: number;
  /** Of all its threads; on a busy machine this says more about the process. */
  readonly cpuMs: number;
}

/** Age of a live process, to 10 ms; undefined where nobody tells. */
export function processAge(pid: number): ProcessAge | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name, in parentheses, is field 2 and may hold blanks.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const seconds = (field: number): number => Number(fields[field - 3]) / ticksPerSecond;
    const upSeconds = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
    const ms = Math.max(0, (upSeconds - seconds(startTimeField)) * 1000);
    return { ms, cpuMs: (seconds(userTimeField) + seconds(systemTimeField)) * 1000 };
  } catch {
    return undefined;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
