/** `UsageStream` in memory. What a test does to `records` is done to the disk. */

import { TallygateError } from "../../base/errors.ts";
import type { Position } from "../../base/words.ts";
import type { StreamRecord, UsageStream } from "../../ports/usage-stream.ts";

export class MemoryStream implements UsageStream {
  records: Uint8Array[] = [];
  first: Position = 1;
  pendingBytes = 0;
  /** While true every append fails. */
  failing = false;
  #listener: (records: readonly StreamRecord[]) => void = () => {};

  constructor(startAfter: Position = 0) {
    this.first = startAfter + 1;
  }

  get last(): Position {
    return this.first + this.records.length - 1;
  }

  async append(bytes: Uint8Array): Promise<Position> {
    if (this.failing) throw new TallygateError("stream-failed", "the disk is full");
    this.pendingBytes += bytes.length;
    await undefined;
    this.pendingBytes -= bytes.length;
    this.records.push(bytes);
    const position = this.last;
    this.#listener([{ position, bytes }]);
    return position;
  }

  onDurable(listener: (records: readonly StreamRecord[]) => void): void {
    this.#listener = listener;
  }

  async read(from: Position, bytesMax: number): Promise<readonly StreamRecord[]> {
    await undefined;
    const records: StreamRecord[] = [];
    let total = 0;
    for (let i = Math.max(0, from - this.first); i < this.records.length; i++) {
      const bytes = this.records[i] as Uint8Array;
      if (records.length > 0 && total + bytes.length > bytesMax) break;
      total += bytes.length;
      records.push({ position: this.first + i, bytes });
    }
    return records;
  }

  async trimBefore(position: Position): Promise<void> {
    while (this.first < position && this.records.length > 0) {
      this.records.shift();
      this.first++;
    }
  }

  bytes(): number {
    return this.records.reduce((sum, { length }) => sum + length, 0);
  }

  async close(): Promise<void> {}
}
