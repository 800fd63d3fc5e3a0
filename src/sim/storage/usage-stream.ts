/** `UsageStream` on a simulated disk. */

import { TallygateError } from "../../base/errors.ts";
import type { Position } from "../../base/words.ts";
import type { StreamRecord, UsageStream } from "../../ports/usage-stream.ts";
import type { World } from "../world.ts";
import type { MountedDisk } from "./disk.ts";

/** What is on the disk. */
export class StreamImage {
  records: StreamRecord[] = [];
  last: Position = 0;
  /** Of a stream that was made for a restored ledger: what that ledger holds. */
  before: readonly StreamRecord[] = [];

  /** All that led to what the hub holds. */
  get all(): readonly StreamRecord[] {
    return this.before.length === 0 ? this.records : [...this.before, ...this.records];
  }

  /** The ledger was restored from a backup that holds everything up to `position`: a new stream goes on behind it. */
  restart(position: Position): void {
    this.before = this.all.filter((record) => record.position <= position);
    this.records = [];
    this.last = position;
  }
}

export class SimStream implements UsageStream {
  pendingBytes = 0;
  /** Share of the records that the stream repeats, as brokers do. */
  repeats = 0;
  readonly #image: StreamImage;
  readonly #disk: MountedDisk;
  readonly #world: World;
  #isClosed = false;
  #listener: (records: readonly StreamRecord[]) => void = () => {};

  constructor(image: StreamImage, disk: MountedDisk, world: World) {
    this.#image = image;
    this.#disk = disk;
    this.#world = world;
  }

  get last(): Position {
    return this.#image.last;
  }

  get first(): Position {
    return this.#image.records[0]?.position ?? this.#image.last + 1;
  }

  async append(bytes: Uint8Array): Promise<Position> {
    if (this.#isClosed) throw new TallygateError("stream-failed", "the stream is closed");
    this.pendingBytes += bytes.length;
    let record: StreamRecord;
    try {
      record = await this.#disk.write(() => this.#put(bytes));
    } finally {
      this.pendingBytes -= bytes.length;
    }
    this.#listener([record]);
    if (this.repeats > 0 && this.#world.chance(this.repeats)) {
      this.#world.count("fault: record repeated by the stream");
      const again = await this.#disk.write(() => this.#put(bytes)).catch(() => undefined);
      if (again !== undefined) this.#listener([again]);
    }
    return record.position;
  }

  onDurable(listener: (records: readonly StreamRecord[]) => void): void {
    this.#listener = listener;
  }

  async read(from: Position, bytesMax: number): Promise<readonly StreamRecord[]> {
    const records: StreamRecord[] = [];
    let total = 0;
    for (let i = Math.max(0, from - this.first); i < this.#image.records.length; i++) {
      const record = this.#image.records[i] as StreamRecord;
      if (records.length > 0 && total + record.bytes.length > bytesMax) break;
      total += record.bytes.length;
      records.push(record);
    }
    return records;
  }

  async trimBefore(position: Position): Promise<void> {
    await this.#disk.write(() => {
      const { records } = this.#image;
      this.#image.records = records.filter((record) => record.position >= position);
    });
  }

  bytes(): number {
    return this.#image.records.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #put(bytes: Uint8Array): StreamRecord {
    const record = { position: ++this.#image.last, bytes };
    this.#image.records.push(record);
    return record;
  }
}
