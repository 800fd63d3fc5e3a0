/**
 * The producer's local durable record. Lives in its own thread; nothing here blocks the caller.
 *
 * Open records gather since the last seal; `seal` replaces them by one sealed batch in the same
 * transaction. Records are opaque bytes here; `metering/charge-record.ts` gives them meaning.
 *
 * A failed write loses nothing that was appended: the journal keeps the bytes (bounded by its
 * ring), reports `failing`, and tries again with back-off until it succeeds or is closed.
 */

import type { Incarnation, ProducerId, Seq, WindowId } from "../base/words.ts";

export interface ProducerIdentity {
  readonly producer: ProducerId;
  /** 32 random bytes as hex, made with the journal; proves the producer's id to the hub. */
  readonly secret: string;
}

export interface StoredBatch {
  readonly incarnation: Incarnation;
  readonly seq: Seq;
  /** Exactly the bytes that were sealed. */
  readonly bytes: Uint8Array;
}

/** What an earlier start left open. Seal it under its own incarnation before serving. */
export interface OpenRemains {
  readonly incarnation: Incarnation;
  /** The seq that the remains are to be sealed under. */
  readonly seq: Seq;
  /** In the order of appending; each element is one stored group of records. */
  readonly groups: readonly Uint8Array[];
  /** Stored groups left out: from the first whose CRC does not match on. */
  readonly damagedGroups: number;
}

/** A lease's name in the journal: the start that it was granted to, and the request that it answered. */
export interface LeaseKey {
  readonly incarnation: Incarnation;
  readonly request: number;
}

/** A lease that was marked and not closed. */
export interface StoredLease extends LeaseKey {
  readonly window: WindowId;
  readonly lo: number;
  readonly hi: number;
  /** No more than this was spent. */
  readonly mark: number;
}

export interface JournalRange {
  readonly incarnation: Incarnation;
  /** Lowest and highest sealed seq still stored; `first` > `last`: none. */
  readonly first: Seq;
  readonly last: Seq;
}

export type JournalState = "ok" | "full" | "failing";

export interface JournalHealth {
  readonly state: JournalState;
  /** Bytes in use; pages that a trim has freed are used again and not counted. */
  readonly bytes: number;
  readonly sizeMaxBytes: number;
  /** Records appended and not yet stored. */
  readonly pending: number;
  /** Milliseconds that the last group took to store. */
  readonly lastStoreMs: number;
}

export interface Journal {
  readonly identity: ProducerIdentity;
  /** Random for this start. */
  readonly incarnation: Incarnation;
  readonly remains: OpenRemains | undefined;
  /**
   * What earlier starts have left of leases: to be closed at their marks. One whose CRC does not match is left out, so that it
   * stays held at the hub: nobody knows what was spent of it.
   */
  readonly leases: readonly StoredLease[];
  /** How many were left out. */
  readonly damagedLeases: number;
  /** Sealed batches of every incarnation, oldest incarnation first; kept up to date. */
  ranges(): readonly JournalRange[];

  /**
   * Copies `length` bytes as one record. Returns its position (1, 2, 3…), or 0 if there is no room for it in
   * memory: then nothing was recorded. The record is stored soon after the turn of the event loop ends; while
   * the journal is full or failing too, so that what was charged before can be given back. Whether new charges may
   * come is for `accepts` to say.
   */
  append(bytes: Uint8Array, length: number): number;
  /** True if new charges may come: the state is `ok`, and there is room for a record of ordinary size. */
  accepts(): boolean;
  /** Position up to which everything is stored as durability asks. */
  readonly storedPosition: number;
  /** Called with the new stored position after every group. One listener. */
  onStored(listener: (position: number) => void): void;
  /** Called when the state changes. While not `ok`, waiting positions stay waiting. One listener. */
  onState(listener: (state: JournalState) => void): void;

  /**
   * Stores `bytes` as batch `seq` of this incarnation, synced to disk, and drops the open records appended
   * before this call, in one transaction. Resolves when it is on disk; retried while the disk
   * fails, so it rejects only when the journal is closed. Seqs must be called in order: 1, 2, 3…
   * `closed`: leases that the batch closes, forgotten in the same transaction.
   */
  seal(seq: Seq, bytes: Uint8Array, closed?: readonly LeaseKey[]): Promise<void>;
  /**
   * Stores marks of leases of this start, in place of their earlier ones. Resolves when they are on disk, whatever the
   * durability; retried while the disk fails, so it rejects only when the journal is closed.
   */
  mark(leases: readonly StoredLease[]): Promise<void>;
  /** Seals `remains` the same way. Once, before the first append. */
  sealRemains(bytes: Uint8Array): Promise<void>;

  /**
   * Sealed batches of one incarnation from `from` on, in order, up to about `bytesMax` (at least one if there is one).
   * A stored batch whose CRC does not match is left out and reported in `damaged`.
   */
  read(
    incarnation: Incarnation,
    options: { from: Seq; bytesMax: number },
  ): Promise<{ batches: readonly StoredBatch[]; damaged: readonly Seq[] }>;
  /** Forgets sealed batches up to and including `upTo`. */
  trim(incarnation: Incarnation, upTo: Seq): Promise<void>;
  health(): JournalHealth;
  /** Stores what is pending, releases the files. */
  close(): Promise<void>;
}
