/** A journal in memory for tests of the parts above it: everything is stored at once unless held back. */

import type { Incarnation, Seq } from "../../base/words.ts";
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

export class MemoryJournal implements Journal {
  readonly identity: ProducerIdentity = { producer: "a".repeat(32), secret: "b".repeat(64) };
  readonly incarnation: Incarnation;
  readonly remains: OpenRemains | undefined = undefined;
  leases: StoredLease[] = [];
  damagedLeases = 0;
  /** Marks given and not stored yet; `storeMarks` stores them. Undefined: each is stored at once. */
  waitingMarks: (() => void)[] | undefined;
  readonly batches = new Map<Incarnation, Map<Seq, Uint8Array>>();
  /** Highest seq ever sealed, by incarnation. */
  readonly last = new Map<Incarnation, Seq>();
  records: Uint8Array[] = [];
  storedPosition = 0;
  state: JournalState = "ok";
  isRingFull = false;
  readonly damaged = new Set<string>();
  reads = 0;
  #appended = 0;
  #onStored: (position: number) => void = () => {};
  #onState: (state: JournalState) => void = () => {};

  constructor(incarnation: Incarnation = "0000000000000001") {
    this.incarnation = incarnation;
    this.batches.set(incarnation, new Map());
  }

  ranges(): JournalRange[] {
    return [...this.batches].map(([incarnation, batches]) => {
      const last = this.last.get(incarnation) ?? 0;
      const first = batches.size === 0 ? last + 1 : Math.min(...batches.keys());
      return { incarnation, first, last };
    });
  }

  append(bytes: Uint8Array, length: number): number {
    if (this.isRingFull) return 0;
    this.records.push(bytes.slice(0, length));
    this.#appended++;
    return this.#appended;
  }

  /** Stores what was appended so far. */
  store(): void {
    this.storedPosition = this.#appended;
    this.#onStored(this.storedPosition);
  }

  accepts(): boolean {
    return this.state === "ok" && !this.isRingFull;
  }

  onStored(listener: (position: number) => void): void {
    this.#onStored = listener;
  }

  onState(listener: (state: JournalState) => void): void {
    this.#onState = listener;
  }

  become(state: JournalState): void {
    this.state = state;
    this.#onState(state);
  }

  async seal(seq: Seq, bytes: Uint8Array, closed: readonly LeaseKey[] = []): Promise<void> {
    this.put(this.incarnation, seq, bytes);
    this.records = [];
    for (const lease of closed) this.#forget(lease);
  }

  async mark(leases: readonly StoredLease[]): Promise<void> {
    const { waitingMarks } = this;
    if (waitingMarks !== undefined) {
      await new Promise<void>((resolve) => void waitingMarks.push(resolve));
    }
    for (const lease of leases) {
      this.#forget(lease);
      this.leases.push({ ...lease });
    }
  }

  storeMarks(): void {
    for (const store of this.waitingMarks?.splice(0) ?? []) store();
  }

  #forget({ incarnation, request }: LeaseKey): void {
    this.leases = this.leases.filter(
      (lease) => lease.incarnation !== incarnation || lease.request !== request,
    );
  }

  put(incarnation: Incarnation, seq: Seq, bytes: Uint8Array): void {
    let batches = this.batches.get(incarnation);
    if (batches === undefined) {
      batches = new Map();
      this.batches.set(incarnation, batches);
    }
    batches.set(seq, bytes);
    this.last.set(incarnation, Math.max(seq, this.last.get(incarnation) ?? 0));
  }

  async sealRemains(): Promise<void> {}

  async read(
    incarnation: Incarnation,
    options: { from: Seq; bytesMax: number },
  ): Promise<{ batches: StoredBatch[]; damaged: Seq[] }> {
    this.reads++;
    const batches: StoredBatch[] = [];
    const damaged: Seq[] = [];
    let size = 0;
    const stored = this.batches.get(incarnation) ?? new Map<Seq, Uint8Array>();
    for (const [seq, bytes] of [...stored].sort(([a], [b]) => a - b)) {
      if (seq < options.from) continue;
      if (size > 0 && size + bytes.length > options.bytesMax) break;
      size += bytes.length;
      if (this.damaged.has(`${incarnation}/${seq}`)) damaged.push(seq);
      else batches.push({ incarnation, seq, bytes });
    }
    return { batches, damaged };
  }

  async trim(incarnation: Incarnation, upTo: Seq): Promise<void> {
    const batches = this.batches.get(incarnation);
    for (const seq of [...(batches?.keys() ?? [])]) if (seq <= upTo) batches?.delete(seq);
  }

  health() {
    return {
      state: this.state,
      bytes: 0,
      sizeMaxBytes: 1,
      pending: this.#appended - this.storedPosition,
      lastStoreMs: 0,
    };
  }

  async close(): Promise<void> {}
}
