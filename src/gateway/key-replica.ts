/**
 * The gateway's copy of the registry: applied to the key table at once, saved, then acknowledged. A revocation that was
 * acknowledged is on disk, so it survives whatever happens to this process.
 */

import { keyRecordLayout, keyRecordLength } from "../access/key-record.ts";
import type { KeyTable } from "../access/key-table.ts";
import { readU48 } from "../access/packed.ts";
import type { EpochMs } from "../base/words.ts";
import type { GatewayStore } from "../ports/gateway-store.ts";
import type { GatewayEnd } from "../ports/link.ts";
import type { Log } from "../ports/log.ts";
import type { HistogramChild } from "../ports/metrics.ts";

const retryMs = 500;

export class KeyReplica {
  readonly table: KeyTable;
  readonly #store: GatewayStore;
  readonly #log: Log;
  readonly #propagation: HistogramChild;
  /** Registry version that is applied, saved and may be acknowledged. */
  savedVersion = 0;
  /** True once the keys of this cluster are known, from disk or from the hub. */
  isLoaded = false;
  /** From the newest change at the hub to its being in force here; undefined: none came since the start. */
  lagMs: number | undefined;
  /** Applied and not saved yet. The hub bounds it: it sends no more than so much ahead of what is acknowledged. */
  #unsaved: Uint8Array[] = [];
  #unsavedVersion = 0;
  #isSaving = false;

  constructor(parts: {
    table: KeyTable;
    store: GatewayStore;
    log: Log;
    /** `tallygate_key_propagation_seconds`. */
    propagation: HistogramChild;
  }) {
    this.table = parts.table;
    this.#store = parts.store;
    this.#log = parts.log;
    this.#propagation = parts.propagation;
  }

  async load(): Promise<void> {
    const version = await this.#store.loadKeys((packed) => void this.#apply(packed));
    this.savedVersion = version ?? 0;
    // A cluster may have no keys: anonymous callers alone are served without the hub, too.
    this.isLoaded = version !== undefined;
  }

  /**
   * Takes entries from the hub. `onSaved` is called when they are on disk, once for all that came while others were
   * being saved; a save that fails is tried again until it succeeds, so that nothing is acknowledged too early.
   */
  take(
    update: { packed: Uint8Array; version: number; last: boolean },
    at: { nowMs: EpochMs; wait: (ms: number) => Promise<void> },
    onSaved: (version: number) => void,
  ): void {
    const wasLoaded = this.isLoaded;
    const newestMs = this.#apply(update.packed);
    if (update.last) this.isLoaded = true;
    // The first synchronisation brings old entries; they say nothing about propagation.
    if (wasLoaded && newestMs > 0) {
      this.lagMs = Math.max(0, at.nowMs - newestMs);
      this.#propagation.observe(this.lagMs / 1000);
    }
    this.#unsaved.push(update.packed);
    this.#unsavedVersion = update.version;
    if (!this.#isSaving) void this.#saveAll(at.wait, onSaved);
  }

  async #saveAll(
    wait: (ms: number) => Promise<void>,
    onSaved: (version: number) => void,
  ): Promise<void> {
    this.#isSaving = true;
    while (this.#unsaved.length > 0) {
      const update = { packed: joined(this.#unsaved), version: this.#unsavedVersion };
      this.#unsaved = [];
      while (!(await this.#save(update))) await wait(retryMs);
      onSaved(update.version);
    }
    this.#isSaving = false;
  }

  async #save(update: { packed: Uint8Array; version: number }): Promise<boolean> {
    try {
      await this.#store.saveKeys(update.version, update.packed);
      this.savedVersion = update.version;
      return true;
    } catch (cause) {
      this.#log.error("keys could not be saved; trying again", {}, cause);
      return false;
    }
  }

  /** Applies records back to back; returns the time of the newest change. */
  #apply(packed: Uint8Array): EpochMs {
    let newestMs = 0;
    let at = 0;
    while (at + keyRecordLayout.texts <= packed.length) {
      const length = keyRecordLength(packed, at);
      const outcome = this.table.apply(packed, at, length);
      if (outcome === "malformed" || outcome === "full") {
        this.#log.error("a key record was left out", { outcome });
        // The length of a malformed record says nothing about where the next one starts.
        if (outcome === "malformed") break;
      } else {
        newestMs = Math.max(newestMs, readU48(packed, at + keyRecordLayout.changedAtMs));
      }
      at += length;
    }
    return newestMs;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Records that are newer than the hub's, which has been restored: it takes them in. */
export async function giveKeysBack(
  after: number,
  ports: { readonly store: GatewayStore; readonly log: Log },
  end: GatewayEnd | undefined,
): Promise<void> {
  try {
    await ports.store.keysAfter(after, (packed) => {
      end?.send({ kind: "registry-return", last: false }, packed);
    });
    end?.send({ kind: "registry-return", last: true });
  } catch (cause) {
    ports.log.error("keys could not be given back", {}, cause);
    end?.close("keys could not be given back");
  }
}
