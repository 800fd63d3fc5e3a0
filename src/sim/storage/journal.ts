/** `Journal` on a simulated disk. What a process leaves behind is in the `JournalImage`. */

import { TallygateError } from "../../base/errors.ts";
import { crc32 } from "../../base/hash.ts";
import type { Incarnation, Seq } from "../../base/words.ts";
import type { Random } from "../../ports/clock.ts";
import type {
  Journal,
  JournalRange,
  JournalState,
  LeaseKey,
  OpenRemains,
  ProducerIdentity,
  StoredBatch,
  StoredLease,
} from "../../ports/journal.ts";
import type { Disk } from "./disk.ts";

/** Bytes of records that wait to be stored, at most. */
export const journalRingBytes = 4 * 1024 * 1024;

interface StoredIncarnation {
  readonly incarnation: Incarnation;
  readonly batches: Map<Seq, Uint8Array>;
  last: Seq;
  open: Uint8Array[];
}

/** Records that are stored by one operation. */
interface Group {
  readonly records: Uint8Array[];
  /** Position of the last. */
  end: number;
}

/** What is on the disk. */
export class JournalImage {
  identity: ProducerIdentity | undefined;
  incarnations: StoredIncarnation[] = [];
  /** By incarnation and request. */
  leases = new Map<string, StoredLease>();

  /** Told of each batch that is let go. */
  onTrim: (incarnation: Incarnation, seq: Seq) => void = () => {};
  /** The highest mark that was ever stored, by incarnation and counter, and by request. */
  readonly marks = new Map<string, Map<number, number>>();

  has(incarnation: Incarnation, seq: Seq): boolean {
    const stored = this.incarnations.find((each) => each.incarnation === incarnation);
    return stored?.batches.has(seq) === true;
  }

  /** As of now: what happens to the one does not happen to the other. */
  copy(): JournalImage {
    const copy = new JournalImage();
    copy.identity = this.identity;
    copy.incarnations = this.incarnations.map((stored) => {
      return { ...stored, batches: new Map(stored.batches), open: [...stored.open] };
    });
    copy.leases = new Map(this.leases);
    for (const [counter, marks] of this.marks) copy.marks.set(counter, new Map(marks));
    return copy;
  }

  mark(lease: StoredLease): void {
    this.leases.set(leaseName(lease), lease);
    const { incarnation, request, window, lo, hi, mark } = lease;
    const counter = `${incarnation} ${window} ${lo} ${hi}`;
    let marks = this.marks.get(counter);
    if (marks === undefined) {
      marks = new Map();
      this.marks.set(counter, marks);
    }
    marks.set(request, Math.max(mark, marks.get(request) ?? 0));
  }

  /** Some mark of that lease was stored. */
  knows(counter: string, request: number): boolean {
    return this.marks.get(counter)?.has(request) === true;
  }

  /** Units of one counter that one incarnation may have spent: not above any mark. */
  marked(counter: string): number {
    let sum = 0;
    for (const mark of this.marks.get(counter)?.values() ?? []) sum += mark;
    return sum;
  }

  get bytes(): number {
    let sum = 0;
    for (const { batches, open } of this.incarnations) {
      for (const each of batches.values()) sum += each.length;
      for (const each of open) sum += each.length;
    }
    return sum;
  }
}

export class SimJournal implements Journal {
  readonly identity: ProducerIdentity;
  readonly incarnation: Incarnation;
  readonly remains: OpenRemains | undefined;
  readonly leases: readonly StoredLease[];
  readonly damagedLeases = 0;
  storedPosition = 0;
  readonly #image: JournalImage;
  readonly #disk: Disk;
  readonly #own: StoredIncarnation;
  readonly #left: StoredIncarnation | undefined;
  readonly #sizeMaxBytes: number;
  #group: Group = { records: [], end: 0 };
  #ringBytes = 0;
  #appended = 0;
  #isClosed = false;
  #isFailing = false;
  #bytes: number;
  #state: JournalState = "ok";
  #onStored: (position: number) => void = () => {};
  #onState: (state: JournalState) => void = () => {};

  constructor(
    image: JournalImage,
    parts: { readonly disk: Disk; readonly random: Random; readonly sizeMaxBytes: number },
  ) {
    const { disk, random, sizeMaxBytes } = parts;
    this.#image = image;
    this.#disk = disk;
    this.#sizeMaxBytes = sizeMaxBytes;
    image.identity ??= { producer: random.hex(16), secret: random.hex(32) };
    image.incarnations = image.incarnations.filter(
      ({ batches, open }) => batches.size > 0 || open.length > 0,
    );
    this.identity = image.identity;
    this.incarnation = random.hex(8);
    this.leases = [...image.leases.values()];
    this.#left = image.incarnations.find(({ open }) => open.length > 0);
    this.remains = this.#left && {
      incarnation: this.#left.incarnation,
      seq: this.#left.last + 1,
      groups: [...this.#left.open],
      damagedGroups: 0,
    };
    this.#own = { incarnation: this.incarnation, batches: new Map(), last: 0, open: [] };
    image.incarnations.push(this.#own);
    this.#bytes = image.bytes;
  }

  ranges(): readonly JournalRange[] {
    return this.#image.incarnations.map(({ incarnation, batches, last }) => {
      const [first = last + 1] = batches.keys();
      return { incarnation, first, last };
    });
  }

  append(bytes: Uint8Array, length: number): number {
    if (this.#isClosed || this.#ringBytes + length > journalRingBytes) return 0;
    this.#group.records.push(bytes.slice(0, length));
    this.#ringBytes += length;
    this.#appended++;
    this.#group.end = this.#appended;
    if (this.#group.records.length === 1) this.#storeSoon();
    return this.#appended;
  }

  accepts(): boolean {
    return !this.#isClosed && this.#state === "ok" && this.#ringBytes + 1 <= journalRingBytes;
  }

  onStored(listener: (position: number) => void): void {
    this.#onStored = listener;
  }

  onState(listener: (state: JournalState) => void): void {
    this.#onState = listener;
  }

  seal(seq: Seq, bytes: Uint8Array, closed: readonly LeaseKey[] = []): Promise<void> {
    return this.#seal(this.#own, { seq, bytes, closed });
  }

  mark(leases: readonly StoredLease[]): Promise<void> {
    if (this.#isClosed) return Promise.reject(closedFailure());
    return new Promise((resolve) => {
      this.#disk.writeUntilDone(
        () => {
          for (const lease of leases) this.#image.mark(lease);
        },
        () => {
          this.#succeeded();
          resolve();
        },
        () => this.#failed(),
      );
    });
  }

  async sealRemains(bytes: Uint8Array): Promise<void> {
    const left = this.#left;
    if (left !== undefined) await this.#seal(left, { seq: left.last + 1, bytes, closed: [] });
  }

  async read(
    incarnation: Incarnation,
    options: { from: Seq; bytesMax: number },
  ): Promise<{ batches: readonly StoredBatch[]; damaged: readonly Seq[] }> {
    const stored = this.#image.incarnations.find((each) => each.incarnation === incarnation);
    const batches: StoredBatch[] = [];
    const damaged: Seq[] = [];
    let size = 0;
    for (const [seq, bytes] of stored?.batches ?? []) {
      if (seq < options.from) continue;
      if (size > 0 && size + bytes.length > options.bytesMax) break;
      size += bytes.length;
      if (isIntact(bytes)) batches.push({ incarnation, seq, bytes: Uint8Array.from(bytes) });
      else damaged.push(seq);
    }
    return { batches, damaged };
  }

  trim(incarnation: Incarnation, upTo: Seq): Promise<void> {
    return this.#disk
      .write(() => {
        const stored = this.#image.incarnations.find((each) => each.incarnation === incarnation);
        for (const seq of [...(stored?.batches.keys() ?? [])]) {
          if (seq <= upTo && stored?.batches.delete(seq)) this.#image.onTrim(incarnation, seq);
        }
        this.#bytes = this.#image.bytes;
      })
      .then(() => this.#judge());
  }

  health() {
    return {
      state: this.#state,
      bytes: this.#bytes,
      sizeMaxBytes: this.#sizeMaxBytes,
      pending: this.#appended - this.storedPosition,
      lastStoreMs: 1,
    };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#disk.write(() => {});
  }

  /** One operation for all that is appended before the disk comes to it. */
  #storeSoon(): void {
    const group = this.#group;
    this.#disk.writeUntilDone(
      () => this.#put(group),
      () => {
        this.#succeeded();
        this.storedPosition = Math.max(this.storedPosition, group.end);
        this.#onStored(this.storedPosition);
      },
      () => this.#failed(),
    );
  }

  #put(group: Group): void {
    if (group === this.#group) this.#group = { records: [], end: 0 };
    for (const record of group.records) {
      this.#own.open.push(record);
      this.#ringBytes -= record.length;
      this.#bytes += record.length;
    }
  }

  #seal(
    stored: StoredIncarnation,
    batch: { seq: Seq; bytes: Uint8Array; closed: readonly LeaseKey[] },
  ): Promise<void> {
    if (this.#isClosed) return Promise.reject(closedFailure());
    const { seq, closed } = batch;
    const bytes = Uint8Array.from(batch.bytes);
    // What is appended later belongs to the next group, and so to the next batch.
    this.#group = { records: [], end: 0 };
    const end = this.#appended;
    return new Promise((resolve) => {
      this.#disk.writeUntilDone(
        () => {
          for (const record of stored.open) this.#bytes -= record.length;
          stored.open = [];
          for (const lease of closed) this.#image.leases.delete(leaseName(lease));
          stored.batches.set(seq, bytes);
          stored.last = Math.max(stored.last, seq);
          this.#bytes += bytes.length;
        },
        () => {
          this.#succeeded();
          if (stored === this.#own) this.storedPosition = Math.max(this.storedPosition, end);
          resolve();
        },
        () => this.#failed(),
      );
    });
  }

  #failed(): void {
    this.#isFailing = true;
    this.#judge();
  }

  #succeeded(): void {
    this.#isFailing = false;
    this.#judge();
  }

  #judge(): void {
    const isFull = this.#bytes >= this.#sizeMaxBytes;
    const state = this.#isFailing ? "failing" : isFull ? "full" : "ok";
    if (state === this.#state) return;
    this.#state = state;
    this.#onState(state);
  }
}

function leaseName({ incarnation, request }: LeaseKey): string {
  return `${incarnation}/${request}`;
}

function closedFailure(): TallygateError {
  return new TallygateError("journal-failed", "the journal is closed");
}

function isIntact(bytes: Uint8Array): boolean {
  if (bytes.length < 4) return false;
  const end = bytes.length - 4;
  const view = new DataView(bytes.buffer, bytes.byteOffset + end, 4);
  return crc32(bytes.subarray(0, end)) === view.getUint32(0, true);
}
