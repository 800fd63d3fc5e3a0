/**
 * Saves the fold in the ledger: every interval what changed since the last time, totals, rows, watermarks and cursor in
 * one transaction. One at a time; while one is being written the next gathers. A failed one is kept and tried again,
 * and nothing after it is saved before it.
 */

import { assert } from "../base/assert.ts";
import type { EpochMs, Version } from "../base/words.ts";
import type { Clock, Timer, Timers } from "../ports/clock.ts";
import type { FoldCheckpoint, LedgerDelta, LedgerStore } from "../ports/ledger-store.ts";
import type { HubState } from "./hub-state.ts";

/** Wait after a failed write. The stream keeps everything meanwhile, so there is no hurry. */
const retryMs = 1_000;

export interface CheckpointEvents {
  /** All that is folded must be published before it is saved. */
  publish(): Version;
  hubTimeMs(): EpochMs;
  onWritten(seconds: number): void;
  onFailed(error: unknown): void;
}

export class Checkpoints {
  readonly #state: HubState;
  readonly #ledger: LedgerStore;
  readonly #time: { clock: Clock; timers: Timers };
  readonly #events: CheckpointEvents;
  /** What the ledger holds. */
  saved: { fold: FoldCheckpoint; atMs: EpochMs };
  #running: Promise<void> | undefined;
  #holds = 0;
  #released: (() => void)[] = [];
  #timer: Timer | undefined;
  #retry: { timer: Timer; now: () => void } | undefined;
  #closing = false;
  failing = false;

  constructor(
    state: HubState,
    ledger: LedgerStore,
    options: { clock: Clock; timers: Timers; events: CheckpointEvents; saved: FoldCheckpoint },
  ) {
    this.#state = state;
    this.#ledger = ledger;
    this.#time = options;
    this.#events = options.events;
    this.saved = { fold: options.saved, atMs: options.events.hubTimeMs() };
  }

  start(intervalMs: number): void {
    this.#timer = this.#time.timers.every(intervalMs, () => {
      const isIdle = this.#state.position === this.saved.fold.version.position;
      if (this.#running === undefined && this.#holds === 0 && !isIdle) {
        // It rejects only while the hub stops, which says so itself.
        this.flush().catch(() => undefined);
      }
    });
  }

  /** Resolves once everything folded before the call is in the ledger. */
  async flush(): Promise<void> {
    const { position } = this.#state;
    await this.#whileHeld();
    while (this.saved.fold.version.position < position || this.#running !== undefined) {
      if (this.#running === undefined) {
        this.#running = this.#write().finally(() => {
          this.#running = undefined;
        });
      }
      await this.#running;
      await this.#whileHeld();
    }
  }

  /**
   * Saves all that is folded, then runs `use` while the ledger stays as it is: for whoever reads or copies it whole.
   */
  async hold<T>(use: (fold: FoldCheckpoint) => Promise<T>): Promise<T> {
    await this.flush();
    // Nothing ran since flush resolved but other callers of it: whoever holds first makes the others wait.
    await this.#whileHeld();
    this.#holds++;
    try {
      while (this.#running !== undefined) await this.#running;
      return await use(this.saved.fold);
    } finally {
      this.#holds--;
      if (this.#holds === 0) for (const release of this.#released.splice(0)) release();
    }
  }

  /** A last checkpoint. If the ledger cannot be written, the stream still has all that is missing in it. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#closing = true;
    this.#retry?.now();
    await this.flush().catch(() => undefined);
  }

  async #whileHeld(): Promise<void> {
    while (this.#holds > 0) await new Promise<void>((release) => this.#released.push(release));
  }

  async #write(): Promise<void> {
    const { epoch } = this.#events.publish();
    const delta = this.#state.takeDelta(epoch);
    for (;;) {
      const startMs = this.#time.clock.monotonicMs();
      try {
        await this.#ledger.checkpoint(delta);
        this.#saved(delta, startMs);
        return;
      } catch (error) {
        this.failing = true;
        this.#events.onFailed(error);
        if (this.#closing) throw error;
        await this.#pause();
      }
    }
  }

  #saved(delta: LedgerDelta, startMs: number): void {
    const before = this.saved.fold.version.position;
    assert(delta.fold.version.position >= before, "checkpoints go forward");
    this.failing = false;
    this.saved = { fold: delta.fold, atMs: this.#events.hubTimeMs() };
    this.#events.onWritten((this.#time.clock.monotonicMs() - startMs) / 1_000);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const now = (): void => {
        this.#retry?.timer.cancel();
        this.#retry = undefined;
        resolve();
      };
      this.#retry = { timer: this.#time.timers.after(retryMs, now), now };
    });
  }
}
