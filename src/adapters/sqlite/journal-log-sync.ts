/**
 * Syncs the journal's log beside the thread that writes it, so that charges are stored while the disk is busy with a sealed batch.
 *
 * The log is one file that stays in place while the database is open, and a sync covers all that was written before it began,
 * through whichever descriptor. SQLite holds no locks on it, which closing a second descriptor would drop.
 */

import { type FileHandle, open, realpath } from "node:fs/promises";

export class LogSync {
  readonly #handle: FileHandle;
  readonly #onFailure: () => Promise<void>;
  /** The last sync that began. */
  #running: Promise<void> = Promise.resolve();
  /** Asked for while another runs, which began too early for it. */
  #next: Promise<void> | undefined;
  /** A sync failed: that a later one succeeds says nothing of what it should have covered. */
  #isDoubtful = false;

  private constructor(handle: FileHandle, onFailure: () => Promise<void>) {
    this.#handle = handle;
    this.#onFailure = onFailure;
  }

  /**
   * `database`: the file whose log it is, open and written to: a descriptor hears of failures since it was opened alone.
   * `onFailure`: a sync has failed; resolves when all that was written is on disk by another way.
   */
  static async open(database: string, onFailure: () => Promise<void>): Promise<LogSync> {
    return new LogSync(await open(`${await realpath(database)}-wal`, "r"), onFailure);
  }

  /**
   * Resolves when all that was written before this call is on disk, in the order of the calls. One sync at a time: those asked for
   * meanwhile share the next. Rejects if `onFailure` does.
   */
  sync(): Promise<void> {
    const begin = (): Promise<void> => {
      this.#running = this.#sync();
      this.#next = undefined;
      return this.#running;
    };
    this.#next ??= this.#running.then(begin, begin);
    return this.#next;
  }

  async #sync(): Promise<void> {
    try {
      if (!this.#isDoubtful) return await this.#handle.datasync();
    } catch {
      this.#isDoubtful = true;
    }
    await this.#onFailure();
    this.#isDoubtful = false;
  }

  /** After what is under way. */
  async close(): Promise<void> {
    await (this.#next ?? this.#running).catch(() => undefined);
    await this.#handle.close();
  }
}
