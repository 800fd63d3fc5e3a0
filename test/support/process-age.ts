/** When a process was started, from the kernel's books: Linux alone has them in a file. */

import { readFileSync } from "node:fs";

/** Of `/proc/<pid>/stat`, start time in ticks since boot; USER_HZ is 100 on every Linux. */
const ticksPerSecond = 100;
const startTimeField = 22;

/** Milliseconds that a live process has been running, to 10 ms; undefined where nobody tells. */
export function processAgeMs(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name, in parentheses, is field 2 and may hold blanks.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const startSeconds = Number(fields[startTimeField - 3]) / ticksPerSecond;
    const upSeconds = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
    return Math.max(0, (upSeconds - startSeconds) * 1000);
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
