/** Copies of the hub's data, and what the newest announced one covers. */

import type { EpochMs, Incarnation, ProducerId, Seq } from "../base/words.ts";
import type { LedgerStore } from "../ports/ledger-store.ts";
import type { RegistryStore } from "../ports/registry-store.ts";
import type { Checkpoints } from "./checkpoints.ts";
import type { HubApi } from "./hub-api.ts";
import { type BackupCoverage, coverageOf, saveBackup } from "./ledger-meta.ts";

export interface BackupParts {
  readonly checkpoints: Checkpoints;
  readonly ledger: LedgerStore;
  readonly registry: RegistryStore;
  readonly fileBytes: (file: string) => Promise<number>;
  readonly hubTimeMs: () => EpochMs;
}

export class Backups {
  readonly #parts: BackupParts;
  /** Undefined: none was ever announced. */
  newest: BackupCoverage | undefined;

  constructor(parts: BackupParts, newest: BackupCoverage | undefined) {
    this.#parts = parts;
    this.newest = newest;
  }

  /** What the newest covers of a producer. */
  coverage(producer: ProducerId): readonly (readonly [Incarnation, Seq])[] | undefined {
    return this.newest && coverageOf(producer, this.newest);
  }

  make(file: string): ReturnType<HubApi["backup"]> {
    const { checkpoints, ledger, registry, fileBytes, hubTimeMs } = this.#parts;
    return checkpoints.hold(async ({ version, producers }) => {
      await ledger.copyTo(file);
      await registry.copyInto(file);
      const watermarks = producers.map(({ producer, last }) => [producer, last] as const);
      const { position } = version;
      const backup = { atMs: hubTimeMs(), position, watermarks };
      const announce = async (): Promise<void> => {
        if (this.newest !== undefined && this.newest.position >= position) return;
        await saveBackup(ledger, backup);
        this.newest = backup;
      };
      return { bytes: await fileBytes(file), position, announce };
    });
  }
}
