/** The hub's ledger and registry on simulated disks: the stores in memory, which take effect when the disk says so. */

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

  /** Whole or not at all: what it starts takes effect before the next event. */
  async #write(store: () => Promise<void>): Promise<void> {
    await this.disk?.write(store);
  }
}

export class SimRegistry extends MemoryRegistry {
  disk: Disk | undefined;

  override async put(rows: readonly RegistryRow[]): Promise<void> {
    await this.disk?.write(() => super.put(rows));
  }
}
