/** The hub's ledger and registry on simulated disks: the stores in memory, which take effect when the disk says so. */

import type { EpochMs, Position } from "../../base/words.ts";
import { markRestored } from "../../hub/ledger-meta.ts";
import { MemoryLedger } from "../../hub/testing/memory-ledger.ts";
import { MemoryRegistry } from "../../hub/testing/memory-registry.ts";
import type { LedgerDelta } from "../../ports/ledger-store.ts";
import type { RegistryRow } from "../../ports/registry-store.ts";
import type { Disk } from "./disk.ts";

export class SimLedger extends MemoryLedger {
  disk: Disk | undefined;

  override async checkpoint(delta: LedgerDelta): Promise<void> {
    await this.#write(() => super.checkpoint(delta));
  }

  override async setMeta(name: string, value: string): Promise<void> {
    await this.#write(() => super.setMeta(name, value));
  }

  /** What the operator does to bring a backup back. Returns the position that it holds. */
  async restore(file: string, atMs: EpochMs): Promise<Position> {
    const from = this.files.get(file)?.copy() ?? new MemoryLedger();
    const position = await markRestored(from, atMs);
    const { totals, rows, meta, leases, fold } = from;
    Object.assign(this, { totals, rows, meta, leases, fold });
    return position;
  }

  /** Whole or not at all: what it starts takes effect before the next event. */
  async #write(store: () => Promise<void>): Promise<void> {
    await this.disk?.write(store);
  }
}

export class SimRegistry extends MemoryRegistry {
  disk: Disk | undefined;
  readonly copies = new Map<string, MemoryRegistry>();

  override async copyInto(file: string): Promise<void> {
    this.copies.set(file, this.copy());
  }

  restore(file: string): void {
    const from = this.copies.get(file)?.copy();
    if (from === undefined) return;
    const { rows, producers, meta } = from;
    Object.assign(this, { rows, producers, meta });
    this.idempotent.clear();
  }

  override async put(rows: readonly RegistryRow[]): Promise<void> {
    await this.disk?.write(() => super.put(rows));
  }
}
