/**
 * The durable, replayable stream of all producers' batches and of the hub's own records. Records
 * are opaque bytes that carry their own CRC (`metering/stream-record.ts`).
 *
 * The engine may repeat and reorder what producers append; the fold does not rely on anything but
 * that a position, once given, always reads the same bytes.
 */

import type { Position } from "../base/words.ts";

export interface StreamRecord {
  readonly position: Position;
  readonly bytes: Uint8Array;
}

export interface UsageStream {
  /** Highest durable position; 0 if the stream never held a record. */
  readonly last: Position;
  /** Lowest position still stored; `last` + 1 if none. */
  readonly first: Position;
  /**
   * Stores a record durably (synced) and resolves with its position. Positions rise without holes in order of calls. Rejects with
   * `stream-failed` if it could not be stored or too much waits; the record may then be appended again. The bytes are
   * not copied: nobody changes them afterwards.
   */
  append(bytes: Uint8Array): Promise<Position>;
  /** Bytes appended and not yet durable: the caller stops reading from producers above its bound. */
  readonly pendingBytes: number;
  /** Called with records as they become durable, each once, in order, without holes. One listener. */
  onDurable(listener: (records: readonly StreamRecord[]) => void): void;
  /** Records from `from` on, in order, up to about `bytesMax` (at least one if there is one). */
  read(from: Position, bytesMax: number): Promise<readonly StreamRecord[]>;
  /** Forgets records before `position`. */
  trimBefore(position: Position): Promise<void>;
  /** Bytes of the files on disk. */
  bytes(): number;
  close(): Promise<void>;
}
