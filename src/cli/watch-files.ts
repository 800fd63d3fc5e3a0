/**
 * Notices that files have changed, by looking at them: what the kernel reports about changes (inotify) is silent on network file
 * systems and bind mounts, and differs with how an editor or an orchestrator puts a new file in the place of the old one.
 */

import { stat } from "node:fs/promises";

/** A change is noticed after one to two of these: a file that differs between two looks is still being written. */
const lookMs = 200;

/**
 * Calls `onChange` when a file has changed, appeared or gone, and has stayed so for a look. `files` is asked at each look;
 * one that is new among them has not changed. Returns how to stop.
 */
export function watchFiles(files: () => readonly string[], onChange: () => void): () => void {
  let known: ReadonlyMap<string, string> = new Map();
  let seen: ReadonlyMap<string, string> = new Map();
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    const now = new Map<string, string>();
    for (const file of files()) now.set(file, await trace(file));
    isLooking = false;
    const before = seen;
    seen = now;
    let hasChanged = false;
    const taken = new Map<string, string>();
    for (const [file, is] of now) {
      const was = known.get(file) ?? is;
      const isSettled = is === before.get(file);
      hasChanged ||= is !== was && isSettled;
      taken.set(file, isSettled ? is : was);
    }
    known = taken;
    if (hasChanged) onChange();
  };
  void look();
  const timer = setInterval(() => void look(), lookMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Differs when the file does. Follows links, as the reader will. */
async function trace(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await stat(file);
    return `${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch {
    return "gone";
  }
}
