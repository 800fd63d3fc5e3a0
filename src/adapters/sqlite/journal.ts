/**
 * The `Journal` port on SQLite: the caller's side. Appending copies into shared memory and nothing
 * else; the thread of `journal-thread.ts` stores.
 *
 * What was appended in some turns of the event loop that follow each other is published as one group, with one wake-up.
 */

import { randomBytes } from "node:crypto";
import { assert } from "../../base/assert.ts";
import { TallygateError } from "../../base/errors.ts";
import type { Incarnation, Seq } from "../../base/words.ts";
import type {
  Journal,
  JournalHealth,
  JournalRange,
  JournalState,
  LeaseKey,
  OpenRemains,
  ProducerIdentity,
  StoredLease,
} from "../../ports/journal.ts";
import { LogSync } from "./journal-log-sync.ts";
import type { JournalApi, JournalReady, JournalStart } from "./journal-protocol.ts";
import {
  journalStates,
  makeRing,
  ringBytes,
  type SharedRing,
  word,
  writeRing,
} from "./journal-ring.ts";
import { storeError } from "./sqlite-error.ts";
import { ownBytes, Thread } from "./thread.ts";

export interface JournalOptions {
  /** The folder must be locked by this process (`lockFolder`). */
  readonly file: string;
  readonly durability: "os" | "disk";
  /** Bytes in use from which on nothing is taken until something is trimmed. */
  readonly sizeMaxBytes: number;
}

/** Bytes of one record, at most. */
export const recordBytesMax = 64 * 1024;
/** Bytes of one sealed batch, at most. */
export const batchBytesMax = 16 * 1024 * 1024;
/** Turns of the event loop that a group may gather, at most: under full load each brings something. */
const gatherTurnsMax = 8;
/** What the last group may have taken to store, for the next to be waited for on the spot: microseconds. */
const atOnceUsMax = 150;
/** How long the thread that answers calls stands still for that, at most: milliseconds. */
const awaitMsMax = 0.2;
/** Room that `accepts` asks for: a define and a charge of ordinary size. */
const ordinaryBytes = 2048;
/** Batches given to `seal` and not yet on disk, at most; more is a bug of the caller, who waits for each. */
export const sealsPendingMax = 64;
/** How long the disk may take for a seal before no more charges are taken: milliseconds. */
export const sealMsMax = 5_000;

/**
 * Opens or makes the journal. A thread that dies later ends the process, by an error that nobody catches. Fails with `data-newer`, `data-damaged`, `data-unwritable` or `journal-failed`.
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const ring = makeRing();
  const incarnation = randomBytes(8).toString("hex");
  const data: JournalStart = { ...options, incarnation, ring };
  const events = { told: () => {}, died: (_failure: TallygateError) => {} };
  const { thread, ready } = await Thread.start<JournalApi, JournalReady>({
    from: import.meta.url,
    module: "journal-thread",
    data,
    failed: "journal-failed",
    onEvent: () => events.told(),
    onDeath: (failure) => events.died(failure),
  });
  const journal = new SqliteJournal({ thread, ready, ring, incarnation, options });
  events.told = () => journal.told();
  events.died = (failure) => journal.died(failure);
  try {
    await journal.begin();
    return journal;
  } catch (error) {
    await thread.end();
    throw storeError(error, { file: options.file, failed: "journal-failed" });
  }
}

interface Parts {
  readonly thread: Thread<JournalApi>;
  readonly ready: JournalReady;
  readonly ring: SharedRing;
  readonly incarnation: Incarnation;
  readonly options: JournalOptions;
}

class SqliteJournal implements Journal {
  readonly identity: ProducerIdentity;
  readonly incarnation: Incarnation;
  readonly remains: OpenRemains | undefined;
  readonly leases: readonly StoredLease[];
  readonly damagedLeases: number;
  readonly #thread: Thread<JournalApi>;
  readonly #control: Int32Array;
  readonly #ring: Uint8Array;
  readonly #sizeMaxBytes: number;
  readonly #durability: "os" | "disk";
  readonly #file: string;
  readonly #ranges = new Map<Incarnation, { first: Seq; last: Seq }>();
  readonly #publish = (): void => this.#gather();
  /** Count of bytes appended, modulo 2^32. */
  #head = 0;
  /** What of them the thread has stored, as last seen. */
  #tail = 0;
  #appended = 0;
  #stored = 0;
  #toldPosition = 0;
  #toldState: JournalState;
  #publishing = false;
  #remainsOpen: boolean;
  #nextSeq = 1;
  /** Records seen by the last look, and looks so far, while a group gathers. */
  #gathered = 0;
  #turns = 0;
  /** When each seal was asked for that is not on disk yet, ms. */
  readonly #sealsPending: number[] = [];
  /** Of them, those that the thread has not stored yet. */
  #sealsAhead = 0;
  /** With durability `os`. */
  #logSync: LogSync | undefined;
  #closed = false;
  #onStored: (position: number) => void = () => {};
  #onState: (state: JournalState) => void = () => {};

  constructor(parts: Parts) {
    this.#thread = parts.thread;
    this.#control = parts.ring.control;
    this.#ring = parts.ring.bytes;
    this.#sizeMaxBytes = parts.options.sizeMaxBytes;
    this.#durability = parts.options.durability;
    this.#file = parts.options.file;
    this.identity = parts.ready.identity;
    this.incarnation = parts.incarnation;
    this.remains = parts.ready.remains;
    this.leases = parts.ready.leases;
    this.damagedLeases = parts.ready.damagedLeases;
    this.#remainsOpen = this.remains !== undefined;
    this.#toldState = this.#state();
    for (const { incarnation, first, last } of parts.ready.ranges) {
      this.#ranges.set(incarnation, { first, last });
    }
  }

  /** Before the first seal. */
  async begin(): Promise<void> {
    if (this.#durability === "disk") return;
    // The thread, which writes the log, knows how to go on where a sync fails.
    const onFailure = (): Promise<void> => this.#request("checkpoint", undefined);
    this.#logSync = await LogSync.open(this.#file, onFailure);
  }

  ranges(): readonly JournalRange[] {
    return [...this.#ranges].map(([incarnation, range]) => ({ incarnation, ...range }));
  }

  append(bytes: Uint8Array, length: number): number {
    if (!this.#hasRoom(length)) return 0;
    writeRing(this.#ring, this.#head, bytes, length);
    this.#head = (this.#head + length) | 0;
    this.#schedule();
    return ++this.#appended;
  }

  accepts(): boolean {
    return this.#control[word.state] === 0 && this.#hasRoom(ordinaryBytes) && !this.#isFarBehind();
  }

  /** Too much would go with the power. */
  #isFarBehind(): boolean {
    const [oldestMs] = this.#sealsPending;
    return oldestMs !== undefined && performance.now() - oldestMs > sealMsMax;
  }

  #hasRoom(length: number): boolean {
    assert(length > 0 && length <= recordBytesMax, "a record has 1 to 65,536 bytes");
    assert(!this.#remainsOpen, "the remains are sealed before the first append");
    if (this.#closed) return false;
    if (((this.#head - this.#tail) | 0) + length <= ringBytes) return true;
    this.#tail = Atomics.load(this.#control, word.tailBytes);
    return ((this.#head - this.#tail) | 0) + length <= ringBytes;
  }

  #schedule(): void {
    if (this.#publishing) return;
    this.#publishing = true;
    setImmediate(this.#publish);
  }

  /**
   * Calls that arrive together come out of the event loop in several turns. Each turn that brought records is followed by another
   * look, so that one group, one write and one wake-up serve them all; a turn that brought none ends the wait.
   */
  #gather(): void {
    const isIdle = this.#appended === this.#gathered;
    if (!isIdle && this.#turns < gatherTurnsMax) {
      this.#gathered = this.#appended;
      this.#turns++;
      setImmediate(this.#publish);
      return;
    }
    this.#turns = 0;
    this.#publishing = false;
    if (isIdle && this.#isStoredAtOnce()) this.#publishAndAwait();
    else this.#publishNow();
  }

  #publishNow(): void {
    Atomics.store(this.#control, word.headBytes, this.#head);
    Atomics.store(this.#control, word.headPosition, this.#appended | 0);
    this.#wake();
  }

  /** Whether a group is stored sooner than a message about it would arrive: no sync, and no seal before it. */
  #isStoredAtOnce(): boolean {
    if (this.#durability === "disk" || this.#sealsAhead > 0) return false;
    return Atomics.load(this.#control, word.lastStoreUs) < atOnceUsMax;
  }

  /**
   * Nothing else is to be done: waiting here costs two switches of thread, where a message costs those and some dozen
   * microseconds more. A disk that is slow for once costs `awaitMsMax`, and then messages are used until it is fast again.
   */
  #publishAndAwait(): void {
    const control = this.#control;
    const before = Atomics.load(control, word.storedPosition);
    // Before the thread wakes, which may store the group at once.
    Atomics.store(control, word.awaited, 1);
    this.#publishNow();
    if (before !== (this.#appended | 0)) {
      Atomics.wait(control, word.storedPosition, before, awaitMsMax);
    }
    Atomics.store(control, word.awaited, 0);
    this.told();
  }

  #wake(): void {
    Atomics.add(this.#control, word.wake, 1);
    Atomics.notify(this.#control, word.wake);
  }

  get storedPosition(): number {
    const low = Atomics.load(this.#control, word.storedPosition);
    this.#stored += (low - (this.#stored | 0)) | 0;
    return this.#stored;
  }

  onStored(listener: (position: number) => void): void {
    this.#onStored = listener;
  }

  onState(listener: (state: JournalState) => void): void {
    this.#onState = listener;
  }

  /** The thread has stored a group or changed its state. */
  told(): void {
    Atomics.store(this.#control, word.toldStored, 0);
    const position = this.storedPosition;
    if (position !== this.#toldPosition) {
      this.#toldPosition = position;
      this.#onStored(position);
    }
    const state = this.#state();
    if (state === this.#toldState) return;
    this.#toldState = state;
    this.#onState(state);
  }

  /**
   * Nothing is stored any more: a process that starts anew seals what is there, one that stays answers 503 for ever. A thread that
   * was told to close the journal ends by itself.
   */
  died(failure: TallygateError): void {
    if (!this.#closed) throw failure;
  }

  #state(): JournalState {
    return journalStates[Atomics.load(this.#control, word.state)] ?? "failing";
  }

  async seal(seq: Seq, bytes: Uint8Array, closed: readonly LeaseKey[] = []): Promise<void> {
    assert(seq === this.#nextSeq, `seqs are sealed in order: ${seq} is not ${this.#nextSeq}`);
    assert(!this.#remainsOpen, "the remains are sealed before the first batch");
    this.#nextSeq++;
    await this.#seal(this.incarnation, { seq, bytes, closed });
  }

  mark(leases: readonly StoredLease[]): Promise<void> {
    return this.#request("mark", { leases });
  }

  async sealRemains(bytes: Uint8Array): Promise<void> {
    assert(this.#remainsOpen && this.remains !== undefined, "there are remains, sealed once");
    this.#remainsOpen = false;
    const { incarnation, seq } = this.remains;
    await this.#seal(incarnation, { seq, bytes, closed: [] });
  }

  async #seal(
    incarnation: Incarnation,
    batch: { seq: Seq; bytes: Uint8Array; closed: readonly LeaseKey[] },
  ): Promise<void> {
    const { seq, bytes, closed } = batch;
    assert(bytes.length > 0 && bytes.length <= batchBytesMax, "a batch has 1 byte to 16 MiB");
    assert(this.#sealsPending.length < sealsPendingMax, "too many seals wait for the disk");
    this.#sealsPending.push(performance.now());
    try {
      await this.#store({ incarnation, seq, bytes, closed });
      await this.#logSync?.sync();
    } finally {
      this.#sealsPending.shift();
    }
    const range = this.#ranges.get(incarnation);
    assert(range !== undefined, "every incarnation has a range");
    range.last = Math.max(range.last, seq);
  }

  async #store(seal: Omit<JournalApi["seal"]["request"], "at">): Promise<void> {
    this.#sealsAhead++;
    try {
      const bytes = ownBytes(seal.bytes);
      await this.#request("seal", { ...seal, bytes, at: this.#head }, bytes);
    } finally {
      this.#sealsAhead--;
    }
  }

  #request<Kind extends keyof JournalApi>(
    kind: Kind,
    request: JournalApi[Kind]["request"],
    owned?: Uint8Array<ArrayBuffer>,
  ): Promise<JournalApi[Kind]["reply"]> {
    if (this.#closed) return Promise.reject(closedFailure());
    const reply = this.#thread.call(kind, request, { transfer: owned ? [owned.buffer] : [] });
    Atomics.add(this.#control, word.requests, 1);
    this.#publishNow();
    return reply;
  }

  async read(
    incarnation: Incarnation,
    options: { from: Seq; bytesMax: number },
  ): ReturnType<Journal["read"]> {
    const { seqs, batches, damaged } = await this.#request("read", { incarnation, ...options });
    // What is sealed and not on disk yet is nobody's to send.
    const last = this.#ranges.get(incarnation)?.last ?? 0;
    const stored = batches.map((bytes, i) => ({ incarnation, seq: seqs[i] ?? 0, bytes }));
    return {
      batches: stored.filter(({ seq }) => seq <= last),
      damaged: damaged.filter((seq) => seq <= last),
    };
  }

  async trim(incarnation: Incarnation, upTo: Seq): Promise<void> {
    const range = this.#ranges.get(incarnation);
    if (range === undefined || upTo < range.first) return;
    await this.#request("trim", { incarnation, upTo });
    range.first = Math.max(range.first, Math.min(upTo, range.last) + 1);
  }

  health(): JournalHealth {
    return {
      state: this.#state(),
      bytes: Atomics.load(this.#control, word.usedKiB) * 1024,
      sizeMaxBytes: this.#sizeMaxBytes,
      pending: this.#appended - this.storedPosition,
      lastStoreMs: Atomics.load(this.#control, word.lastStoreUs) / 1000,
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    const closed = this.#request("close", { at: this.#head });
    this.#closed = true;
    try {
      await closed;
    } finally {
      await this.#thread.end();
      await this.#logSync?.close();
    }
  }
}

function closedFailure(): TallygateError {
  return new TallygateError("journal-failed", "The journal is closed.");
}
