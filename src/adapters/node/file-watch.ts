/**
 * Notices that files have changed. It looks at them by `stat`, which follows the links that secret stores turn over, where
 * `fs.watch` would watch the link.
 */

import { statSync } from "node:fs";
import { stat } from "node:fs/promises";

export interface FileWatch {
  /** Looked at now. */
  files(): readonly string[];
  /** Stamps, joined by a comma, of those that were read last. */
  taken(): string;
  /** They are others than those, and have been so for two looks: whoever writes several files is done. */
  changed(): void;
  /** After each look. */
  looked(): void;
}

/** Every change is told once, also one that was refused. */
export function watchFiles(pollMs: number, watch: FileWatch): { close(): void } {
  let seen = "";
  let told = "";
  let isClosed = false;
  let timer: NodeJS.Timeout;
  const look = async (): Promise<void> => {
    const now = (await Promise.all(watch.files().map(stamp))).join();
    if (isClosed) return;
    if (now !== watch.taken() && now === seen && now !== told) {
      told = now;
      watch.changed();
    }
    seen = now;
    watch.looked();
  };
  const wait = (): void => {
    timer = setTimeout(() => void look().then(() => isClosed || wait()), pollMs).unref();
  };
  wait();
  return {
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

const gone = "gone";

async function stamp(file: string): Promise<string> {
  try {
    return stampOf(await stat(file));
  } catch {
    return gone;
  }
}

/** What changes with a file: which one it is, its size, when it was written. */
export function stampNow(file: string): string {
  try {
    return stampOf(statSync(file));
  } catch {
    return gone;
  }
}

function stampOf({ ino, size, mtimeMs }: { ino: number; size: number; mtimeMs: number }): string {
  return `${ino}/${size}/${mtimeMs}`;
}
