/**
 * Syncs the journal's log beside the thread that writes it, so that charges are stored while the disk is busy with a sealed batch.
 *
 * The log is one file that stays in place while the database is open, and a sync covers all that was written before it began,
 * through whichever descriptor. SQLite holds no locks on it, which closing a second descriptor would drop.
 */

import { type FileHandle, open } from "node:fs/promises";

export class LogSync {
  readonly #file: string;
  readonly #onFailure: () => Promise<void>;
  #handle: FileHandle | undefined;
  #running: Promise<void> = Promise.resolve();
  /** Asked for while another runs, which began too early for it. */
  #next: Promise<void> | undefined;

  /**
   * `file`: the log, which exists by the first call of `sync`. `onFailure`: a sync failed, and a later one that succeeds says nothing
   * of what it should have covered; resolves when all that is on disk by another way.
   */
  constructor(file: string, onFailure: () => Promise<void>) {
    this.#file = file;
    this.#onFailure = onFailure;
  }

  /**
   * Resolves when all that was written before this call is on disk, in the order of the calls. One sync at a time: those asked for
   * meanwhile share the next. Rejects if `onFailure` does.
   */
  sync(): Promise<void> {
    this.#next ??= this.#running.then(
      () => this.#begin(),
      () => this.#begin(),
    );
    return this.#next;
  }

  async #begin(): Promise<void> {
    this.#running = this.#next ?? this.#running;
    this.#next = undefined;
    try {
      this.#handle ??= await open(this.#file, "r");
      await this.#handle.datasync();
    } catch {
      await this.#onFailure();
    }
  }

  /** After what is under way. */
  async close(): Promise<void> {
    await (this.#next ?? this.#running).catch(() => undefined);
    await this.#handle?.close();
  }
}
