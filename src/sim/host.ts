/** One start of one simulated process: its clocks, timers and random numbers, all gone when it is killed. */

import { crc32 } from "../base/hash.ts";
import type { Clock, Random, Timer, Timers } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { Owner, World } from "./world.ts";

/** When the simulated world begins: a minute and a bit before the end of an ordinary day. */
export const worldStartMs = Date.UTC(2026, 10, 21, 23, 58, 55);

/** A machine's clock: outlives the processes on it. */
export interface MachineClock {
  /** Of the wall clock against the world's; may jump. */
  skewMs: number;
  /** How much faster than the world's both clocks run: 0.01 is 1 %. */
  readonly drift: number;
}

export class Host implements Owner, Clock, Timers {
  isDead = false;
  /** Of the thread that answers. */
  pausedUntilMs = 0;
  /** What runs beside it in the process: the disks. A stall of the event loop leaves them alone, a stop does not. */
  readonly threads: Owner & { pausedUntilMs: number };
  readonly tag: number;
  readonly name: string;
  readonly random: Random;
  readonly log: Log;
  readonly #world: World;
  readonly #clock: MachineClock;
  readonly #bornMs: number;

  constructor(world: World, name: string, clock: MachineClock) {
    this.#world = world;
    this.name = name;
    this.tag = crc32(new TextEncoder().encode(name));
    this.#clock = clock;
    this.#bornMs = world.nowMs;
    this.random = worldRandom(world);
    const isDead = (): boolean => this.isDead;
    this.threads = {
      tag: this.tag,
      pausedUntilMs: 0,
      get isDead() {
        return isDead();
      },
    };
    const note = (message: string, cause?: unknown): void =>
      world.trace(
        () => `${name} log: ${message}${cause instanceof Error ? ` (${cause.message})` : ""}`,
      );
    this.log = {
      info: (message) => note(message),
      warn: (message) => note(message),
      error: (message, _fields, cause) => note(message, cause),
    };
  }

  /** Stopped as a whole, as by SIGSTOP or with its machine. */
  pause(forMs: number): void {
    this.stall(forMs);
    this.threads.pausedUntilMs = this.pausedUntilMs;
  }

  /** Its event loop does not turn. */
  stall(forMs: number): void {
    this.pausedUntilMs = Math.max(this.pausedUntilMs, this.#world.nowMs + forMs);
  }

  wallMs(): number {
    return worldStartMs + this.#world.nowMs * (1 + this.#clock.drift) + this.#clock.skewMs;
  }

  monotonicMs(): number {
    return (this.#world.nowMs - this.#bornMs) * (1 + this.#clock.drift);
  }

  /** Nothing here takes time to compute. */
  threadCpuMs(): number {
    return 0;
  }

  after(ms: number, run: () => void): Timer {
    return this.#world.schedule(ms, this, run);
  }

  every(ms: number, run: () => void): Timer {
    let next: Timer;
    const turn = (): void => {
      next = this.#world.schedule(ms, this, turn);
      run();
    };
    next = this.#world.schedule(ms, this, turn);
    return { cancel: () => next.cancel() };
  }

  atTurnEnd(run: () => void): void {
    this.#world.schedule(0, this, run);
  }
}

function worldRandom(world: World): Random {
  const bytes = (count: number): Uint8Array =>
    Uint8Array.from({ length: count }, () => world.random.below(256));
  return {
    bytes,
    hex: (count) => Array.from(bytes(count), (byte) => byte.toString(16).padStart(2, "0")).join(""),
    fraction: () => world.random.next(),
  };
}

const child = { add: () => {}, observe: () => {}, set: () => {} };
const family = { child: () => child };

/** Nobody reads them here. */
export const noMetrics: Metrics = {
  counter: () => family,
  histogram: () => family,
  gauge: () => family,
  onCollect: () => {},
  expose: async () => "",
};
