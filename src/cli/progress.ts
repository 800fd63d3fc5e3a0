/** A line on a terminal that says that work goes on; nothing where nobody watches. */

import { Transform } from "node:stream";
import { shortMs } from "./output.ts";

export interface Progress {
  /** Shown from the next drawing on: how far it is. */
  tell(how: string): void;
  /** Takes the line away. */
  stop(): void;
}

const redrawMs = 250;
/** Work that is done by then gets no line at all. */
const quietMs = 1_000;

export function startProgress(what: string): Progress {
  const { stderr } = process;
  if (!stderr.isTTY) return { tell: () => {}, stop: () => {} };
  const startedMs = performance.now();
  let drawn = false;
  let far = "";
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs < quietMs) return;
    drawn = true;
    stderr.write(`\r\x1b[K${what} … ${shortMs(elapsedMs)}${far}`);
  }, redrawMs);
  return {
    tell(how) {
      far = `, ${how}`;
    },
    stop() {
      clearInterval(timer);
      if (drawn) stderr.write("\r\x1b[K");
    },
  };
}

/** Passes bytes on and says how many there were. */
export function countBytes(onBytes: (soFar: number) => void): Transform {
  let soFar = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      soFar += chunk.length;
      onBytes(soFar);
      done(null, chunk);
    },
  });
}
