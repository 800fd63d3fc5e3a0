/**
 * The `UsageStream` port on SQLite. Group commit: one group is on its way to the disk, the next
 * is what gathers meanwhile.
 */

import { assert } from "../../base/assert.ts";
import { TallygateError } from "../../base/errors.ts";
import type { Position } from "../../base/words.ts";
import type { StreamRecord, UsageStream } from "../../ports/usage-stream.ts";
import { databaseBytes } from "./folder.ts";
import { Thread } from "./thread.ts";
import type { StreamApi, StreamReady, StreamStart } from "./usage-stream-protocol.ts";

export interface UsageStreamOptions {
  /** The folder must be locked by this process (`lockFolder`). */
  readonly file: string;
  /** Bytes appended and not yet durable, at most; an append beyond is refused. Default `pendingBytesMaxDefault`. */
  readonly pendingBytesMax?: number;
  /** Positions given are greater than this, also in a stream that is new: what a restored ledger has seen. */
  readonly startAfter?: Position;
}

/** Callers stop reading from producers long before. */
const pendingBytesMaxDefault = 256 * 1024 * 1024;
/** Bytes of one group, at most (one record may exceed it): a commit of some ten milliseconds. */
const groupBytesMax = 4 * 1024 * 1024;

interface Pending {
  readonly bytes: Uint8Array;
  readonly resolve: (position: Position) => void;
  readonly reject: (error: unknown) => void;
}

/** Fails with `data-newer`, `data-damaged`, `data-unwritable` or `stream-failed`. */
export async function openUsageStream(options: UsageStreamOptions): Promise<UsageStream> {
  const data: StreamStart = { file: options.file, startAfter: options.startAfter ?? 0 };
  const { thread, ready } = await Thread.start<StreamApi, StreamReady>({
    from: import.meta.url,
    module: "usage-stream-thread",
    data,
    failed: "stream-failed",
  });
  return new SqliteUsageStream(options, thread, ready);
}

class SqliteUsageStream implements UsageStream {
  readonly #file: string;
  readonly #pendingBytesMax: number;
  readonly #thread: Thread<StreamApi>;
  #first: Position;
  #last: Position;
  #waiting: Pending[] = [];
  #pendingBytes = 0;
  /** Settles when no group is on its way any more. */
  #storing: Promise<void> | undefined;
  #closed = false;
  #onDurable: (records: readonly StreamRecord[]) => void = () => {};

  constructor(options: UsageStreamOptions, thread: Thread<StreamApi>, ready: StreamReady) {
    this.#file = options.file;
    this.#pendingBytesMax = options.pendingBytesMax ?? pendingBytesMaxDefault;
    this.#thread = thread;
    this.#first = ready.first;
    this.#last = ready.last;
  }

  get last(): Position {
    return this.#last;
  }

  get first(): Position {
    return this.#first;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  onDurable(listener: (records: readonly StreamRecord[]) => void): void {
    this.#onDurable = listener;
  }

  append(bytes: Uint8Array): Promise<Position> {
    assert(bytes.length > 0, "a record is not empty");
    if (this.#closed) return Promise.reject(failure("The usage stream is closed."));
    if (this.#pendingBytes + bytes.length > this.#pendingBytesMax) {
      return Promise.reject(failure("Too much waits to be written to the usage stream."));
    }
    this.#pendingBytes += bytes.length;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, resolve, reject });
      this.#storing ??= this.#storeAll();
    });
  }

  async #storeAll(): Promise<void> {
    // Everything appended in this turn goes into the first group.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#storeGroup(this.#takeGroup());
    this.#storing = undefined;
  }

  #takeGroup(): Pending[] {
    let count = 0;
    let bytes = 0;
    for (const pending of this.#waiting) {
      bytes += pending.bytes.length;
      if (count > 0 && bytes > groupBytesMax) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #storeGroup(group: readonly Pending[]): Promise<void> {
    const lengths = Uint32Array.from(group, ({ bytes }) => bytes.length);
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const bytes = new Uint8Array(total);
    let at = 0;
    for (const pending of group) {
      bytes.set(pending.bytes, at);
      at += pending.bytes.length;
    }
    let last: Position;
    try {
      last = await this.#thread.call(
        "append",
        { bytes, lengths },
        { transfer: [bytes.buffer, lengths.buffer] },
      );
    } catch (error) {
      this.#pendingBytes -= total;
      for (const { reject } of group) reject(error);
      return;
    }
    this.#pendingBytes -= total;
    const records = group.map((pending, i) => ({
      position: last - group.length + 1 + i,
      bytes: pending.bytes,
    }));
    this.#last = last;
    for (const [i, { resolve }] of group.entries()) resolve(last - group.length + 1 + i);
    this.#onDurable(records);
  }

  read(from: Position, bytesMax: number): Promise<readonly StreamRecord[]> {
    return this.#thread.call("read", { from, bytesMax });
  }

  async trimBefore(position: Position): Promise<void> {
    const before = Math.min(position, this.#last + 1);
    for (let more = before > this.#first; more; ) {
      const trimmed = await this.#thread.call("trimSome", { before });
      this.#first = trimmed.first;
      more = trimmed.more;
    }
  }

  bytes(): number {
    return databaseBytes(this.#file);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#storing;
    try {
      await this.#thread.call("close", undefined);
    } finally {
      await this.#thread.end();
    }
  }
}

function failure(detail: string): TallygateError {
  return new TallygateError("stream-failed", detail);
}
