/** Node's clock, timers and random numbers. The only place outside the link and the tests that asks Node for them. */

import { randomBytes } from "node:crypto";
import type { Clock, Random, Timer, Timers } from "../../ports/clock.ts";

/** Node fires a longer delay at once; such a delay is waited for in parts. */
const nodeDelayMaxMs = 2 ** 31 - 1;

export const nodeClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  threadCpuMs() {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  },
};

export const nodeTimers: Timers = {
  after(ms, run) {
    let handle: NodeJS.Timeout;
    const wait = (leftMs: number): void => {
      const partMs = Math.min(leftMs, nodeDelayMaxMs);
      const next = leftMs > partMs ? () => wait(leftMs - partMs) : run;
      handle = setTimeout(next, partMs).unref();
    };
    wait(ms);
    return { cancel: () => clearTimeout(handle) };
  },

  every(ms, run): Timer {
    if (ms > nodeDelayMaxMs) {
      let timer: Timer;
      const again = (): void => {
        timer = nodeTimers.after(ms, again);
        run();
      };
      timer = nodeTimers.after(ms, again);
      return { cancel: () => timer.cancel() };
    }
    const handle = setInterval(run, ms).unref();
    return { cancel: () => clearInterval(handle) };
  },

  // Node runs immediates right after it has read all input at hand.
  atTurnEnd: (run) => void setImmediate(run),
};

export const nodeRandom: Random = {
  hex: (bytes) => randomBytes(bytes).toString("hex"),
  bytes(count) {
    // Not a view of Node's shared pool: the owner may transfer it to a thread.
    return new Uint8Array(randomBytes(count));
  },
  fraction: () => Math.random(),
};
