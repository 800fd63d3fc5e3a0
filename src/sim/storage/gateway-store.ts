/** `GatewayStore` on a simulated disk. */

import { keyRecordLayout, keyRecordLength } from "../../access/key-record.ts";
import { readU64 } from "../../access/packed.ts";
import type {
  CoverageMark,
  GatewayStore,
  SavedCluster,
  SavedPublicStatus,
  SavedView,
  ViewDelta,
  WindowColumns,
} from "../../ports/gateway-store.ts";
import type { Disk } from "./disk.ts";

interface StoredTotal {
  readonly lo: number;
  readonly hi: number;
  readonly total: number;
}

/** What is on the disk. */
export class GatewayStoreImage {
  cluster: SavedCluster | undefined;
  view: SavedView | undefined;
  readonly windows = new Map<string, Map<string, StoredTotal>>();
  coverage: readonly CoverageMark[] = [];
  status: SavedPublicStatus | undefined;
  keysVersion: number | undefined;
  /** Packed records by the hash of their credential. */
  readonly keys = new Map<string, Uint8Array>();

  /** As of now: what happens to the one does not happen to the other. */
  copy(): GatewayStoreImage {
    const { cluster, view, coverage, status, keysVersion } = this;
    const own = { cluster, view, coverage, status, keysVersion };
    const copy = Object.assign(new GatewayStoreImage(), own);
    for (const [window, totals] of this.windows) copy.windows.set(window, new Map(totals));
    for (const [hash, record] of this.keys) copy.keys.set(hash, record);
    return copy;
  }
}

export class SimGatewayStore implements GatewayStore {
  readonly #image: GatewayStoreImage;
  readonly #disk: Disk;

  constructor(image: GatewayStoreImage, disk: Disk) {
    this.#image = image;
    this.#disk = disk;
  }

  async loadCluster(): Promise<SavedCluster | undefined> {
    return this.#image.cluster;
  }

  saveCluster(cluster: SavedCluster): Promise<void> {
    return this.#disk.write(() => void (this.#image.cluster = cluster));
  }

  async loadView(onWindow: (columns: WindowColumns) => void): Promise<SavedView | undefined> {
    const { view, windows } = this.#image;
    if (view === undefined) return undefined;
    for (const [window, totals] of windows) {
      const all = [...totals.values()];
      onWindow({
        window,
        lo: Uint32Array.from(all, ({ lo }) => lo),
        hi: Uint32Array.from(all, ({ hi }) => hi),
        total: Float64Array.from(all, ({ total }) => total),
      });
    }
    return view;
  }

  saveView(delta: ViewDelta): Promise<void> {
    return this.#disk.write(() => this.#putView(delta));
  }

  async loadCoverage(): Promise<readonly CoverageMark[]> {
    return this.#image.coverage;
  }

  saveCoverage(marks: readonly CoverageMark[]): Promise<void> {
    const copy = structuredClone(marks);
    return this.#disk.write(() => void (this.#image.coverage = copy));
  }

  async loadStatus(): Promise<SavedPublicStatus | undefined> {
    return this.#image.status;
  }

  saveStatus(status: SavedPublicStatus): Promise<void> {
    return this.#disk.write(() => void (this.#image.status = status));
  }

  async loadKeys(onEntries: (packed: Uint8Array) => void): Promise<number | undefined> {
    for (const packed of this.#image.keys.values()) onEntries(packed.slice());
    return this.#image.keysVersion;
  }

  saveKeys(version: number, packed: Uint8Array): Promise<void> {
    const copy = packed.slice();
    return this.#disk.write(() => {
      for (let at = 0; at < copy.length; ) {
        const record = copy.slice(at, at + keyRecordLength(copy, at));
        this.#putKey(record);
        at += record.length;
      }
      this.#image.keysVersion = version;
    });
  }

  async keysAfter(version: number, onEntries: (packed: Uint8Array) => void): Promise<void> {
    const records = [...this.#image.keys.values()].filter((each) => versionOf(each) > version);
    records.sort((a, b) => versionOf(a) - versionOf(b));
    for (const record of records) onEntries(record.slice());
  }

  async close(): Promise<void> {}

  #putView(delta: ViewDelta): void {
    const { windows } = this.#image;
    if (delta.replace) windows.clear();
    for (const { window, lo, hi, total } of delta.windows) {
      let stored = windows.get(window);
      if (stored === undefined) {
        stored = new Map();
        windows.set(window, stored);
      }
      for (const [i, low] of lo.entries()) {
        const high = hi[i] as number;
        stored.set(`${low} ${high}`, { lo: low, hi: high, total: total[i] as number });
      }
    }
    for (const window of delta.dropped) windows.delete(window);
    const { version, watermarks, asOfMs } = delta;
    this.#image.view = { version, watermarks, asOfMs };
  }

  #putKey(record: Uint8Array): void {
    const { keys } = this.#image;
    const hash = record.subarray(keyRecordLayout.hash, keyRecordLayout.hash + 32).join();
    const known = keys.get(hash);
    // The flags, 0 unless the key is revoked: a tombstone beats any version.
    const isRevoked = (each: Uint8Array): boolean => each[keyRecordLayout.flags] !== 0;
    if (known === undefined || !isRevoked(known) || isRevoked(record)) keys.set(hash, record);
  }
}

function versionOf(record: Uint8Array): number {
  return readU64(record, keyRecordLayout.version);
}
