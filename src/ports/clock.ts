/** Time and timers. Only adapters and the simulator implement them. */

export interface Clock {
  /** Wall clock, milliseconds since 1970; may jump. */
  wallMs(): number;
  /** Milliseconds since some start, with fractions; never goes back. */
  monotonicMs(): number;
  /** Milliseconds that this thread has computed since some start, with fractions: what others took of its core is not in it. */
  threadCpuMs(): number;
}

export interface Timer {
  cancel(): void;
}

export interface Timers {
  /** Calls `run` once, `ms` from now. Does not keep the process alive. */
  after(ms: number, run: () => void): Timer;
  /** Calls `run` every `ms`, first after `ms`. An overrun is not made up for. */
  every(ms: number, run: () => void): Timer;
  /** Calls `run` at the end of this turn of the event loop, after all input at hand was read. */
  atTurnEnd(run: () => void): void;
}

/** Unpredictable random numbers. */
export interface Random {
  /** `bytes` random bytes as lower-case hex. */
  hex(bytes: number): string;
  bytes(count: number): Uint8Array;
  /** A double in [0, 1), for jitter. */
  fraction(): number;
}
