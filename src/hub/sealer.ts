/**
 * Sealed checkpoints: copies of the ledger at positions where `verify` found it equal to what the stream says. Recomputing
 * starts from the newest one; below it the stream may be trimmed.
 */

import type { EpochMs, Position } from "../base/words.ts";
import type { LedgerStore } from "../ports/ledger-store.ts";
import type { UsageStream } from "../ports/usage-stream.ts";
import { loadSealed, type SealedCheckpoint, saveSealed } from "./ledger-meta.ts";

/** Files kept: the newest, and the one before it in case the newest turns out damaged. */
const filesKept = 2;

/** Seals remembered for trimming, files or not: a year of one a day. */
const sealsMax = 366;

export interface SealedFiles {
  /** Where the copy at a position belongs. */
  path(position: Position): string;
  open(file: string): Promise<LedgerStore>;
  /** Nothing happens if there is no such file. */
  remove(file: string): Promise<void>;
}

export class Sealer {
  readonly #ledger: LedgerStore;
  readonly #stream: UsageStream;
  readonly #files: SealedFiles;
  #seals: readonly SealedCheckpoint[] = [];

  constructor(ledger: LedgerStore, stream: UsageStream, files: SealedFiles) {
    this.#ledger = ledger;
    this.#stream = stream;
    this.#files = files;
  }

  async load(): Promise<void> {
    this.#seals = await loadSealed(this.#ledger);
  }

  /** The newest sealed checkpoint; undefined: none yet, recomputing starts from nothing. */
  get newest(): SealedCheckpoint | undefined {
    return this.#seals.at(-1);
  }

  /** The newest sealed ledger, to be closed by the caller; undefined: none yet. */
  async open(): Promise<LedgerStore | undefined> {
    return this.newest === undefined ? undefined : this.#files.open(this.newest.file);
  }

  /** Copies the ledger, which stays at `position` meanwhile. */
  async seal(position: Position, atMs: EpochMs): Promise<void> {
    if (this.newest?.position === position) return;
    const file = this.#files.path(position);
    // What a crash left half copied under this name.
    await this.#files.remove(file);
    await this.#ledger.copyTo(file);
    const seals = [...this.#seals, { position, atMs, file }].slice(-sealsMax);
    await saveSealed(this.#ledger, seals);
    this.#seals = seals;
    for (const old of seals.slice(0, -filesKept)) await this.#files.remove(old.file);
  }

  /** Forgets all seals: their files belong to another history of the stream. */
  async forget(): Promise<void> {
    await saveSealed(this.#ledger, []);
    this.#seals = [];
  }

  /** Forgets stream records below the newest seal that is older than `retentionMs`. */
  async trim(nowMs: EpochMs, retentionMs: number): Promise<void> {
    const old = this.#seals.findLast(({ atMs }) => atMs <= nowMs - retentionMs);
    if (old !== undefined && old.position >= this.#stream.first) {
      await this.#stream.trimBefore(old.position + 1);
    }
  }
}
