/** A line on a terminal that says that work goes on; nothing where nobody watches. */

import { shortMs } from "./output.ts";

export interface Progress {
  /** Takes the line away. */
  stop(): void;
}

const redrawMs = 250;
/** Work that is done by then gets no line at all. */
const quietMs = 1_000;

export function startProgress(what: string): Progress {
  const { stderr } = process;
  if (!stderr.isTTY) return { stop: () => {} };
  const startedMs = performance.now();
  let drawn = false;
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs < quietMs) return;
    drawn = true;
    stderr.write(`\r\x1b[K${what} … ${shortMs(elapsedMs)}`);
  }, redrawMs);
  return {
    stop() {
      clearInterval(timer);
      if (drawn) stderr.write("\r\x1b[K");
    },
  };
}
