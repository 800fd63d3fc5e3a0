/**
 * The hub's ledger and registry on simulated disks: the stores in memory, which take effect when the disk says so. An image is what is on
 * the disk; each start of a hub has a store of its own on it.
 */

import type { EpochMs, Position } from "../../base/words.ts";
import { markRestored } from "../../hub/ledger-meta.ts";
import { MemoryLedger } from "../../hub/testing/memory-ledger.ts";
import { MemoryRegistry } from "../../hub/testing/memory-registry.ts";
import type { LedgerDelta } from "../../ports/ledger-store.ts";
import type { RegistryRow } from "../../ports/registry-store.ts";
import type { MountedDisk } from "./disk.ts";

export class LedgerImage extends MemoryLedger {
  /** What the operator does to bring a backup back. Returns the position that it holds. */
  async restore(file: string, atMs: EpochMs): Promise<Position> {
    const from = this.files.get(file)?.copy() ?? new MemoryLedger();
    const position = await markRestored(from, atMs);
    Object.assign(this, contentOf(from));
    return position;
  }
}

export class SimLedger extends MemoryLedger {
  readonly #image: LedgerImage;
  readonly #disk: MountedDisk;

  constructor(image: LedgerImage, disk: MountedDisk) {
    super(image.files);
    this.#image = image;
    this.#disk = disk;
    Object.assign(this, contentOf(image));
  }

  /** Whole or not at all: what it starts takes effect before the next event. */
  override async checkpoint(delta: LedgerDelta): Promise<void> {
    await this.#disk.write(async () => {
      await super.checkpoint(delta);
      this.#image.fold = this.fold;
    });
  }

  override async setMeta(name: string, value: string): Promise<void> {
    await this.#disk.write(() => super.setMeta(name, value));
  }
}

export class RegistryImage extends MemoryRegistry {
  readonly copies = new Map<string, MemoryRegistry>();

  restore(file: string): void {
    const from = this.copies.get(file)?.copy();
    if (from === undefined) return;
    const { rows, producers, meta } = from;
    Object.assign(this, { rows, producers, meta, idempotent: new Map() });
  }
}

export class SimRegistry extends MemoryRegistry {
  readonly #image: RegistryImage;
  readonly #disk: MountedDisk;

  constructor(image: RegistryImage, disk: MountedDisk) {
    super();
    this.#image = image;
    this.#disk = disk;
    const { rows, producers, meta, idempotent } = image;
    Object.assign(this, { rows, producers, meta, idempotent });
  }

  override async copyInto(file: string): Promise<void> {
    this.#image.copies.set(file, this.copy());
  }

  override async put(rows: readonly RegistryRow[]): Promise<void> {
    await this.#disk.write(() => super.put(rows));
  }

  override setMeta(name: string, value: string): void {
    if (this.#disk.isMounted) super.setMeta(name, value);
  }
}

/** What is stored, not copied. */
function contentOf({ totals, rows, meta, leases, fold }: MemoryLedger): Partial<MemoryLedger> {
  return { totals, rows, meta, leases, fold };
}
