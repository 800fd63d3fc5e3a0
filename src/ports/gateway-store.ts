/**
 * What a gateway saves beside its journal, so that it can serve while the hub is away: the cluster it belongs to, its
 * view, and its keys. In a thread of its own: saving a large view must not delay the journal.
 */

import type { EpochMs, Incarnation, ProducerKey, Seq, Version, WindowId } from "../base/words.ts";

export interface SavedCluster {
  readonly clusterId: string;
  /** 32 hex digits: the key of the cluster's fingerprints. */
  readonly hashKey: string;
}

/** Absolute net totals of some counters of one window, as columns of equal length. */
export interface WindowColumns {
  readonly window: WindowId;
  readonly lo: Uint32Array;
  readonly hi: Uint32Array;
  readonly total: Float64Array;
}

export interface ViewDelta {
  readonly version: Version;
  /** All watermarks that the gateway knows, not only changed ones. */
  readonly watermarks: readonly (readonly [ProducerKey, Seq])[];
  /** Hub time that the view is as new as. */
  readonly asOfMs: EpochMs;
  /** Totals changed since the last save (or all, if `replace`). */
  readonly windows: readonly WindowColumns[];
  /** Windows to forget. */
  readonly dropped: readonly WindowId[];
  /** Everything saved before is forgotten first. */
  readonly replace: boolean;
}

export interface SavedView {
  readonly version: Version;
  readonly watermarks: readonly (readonly [ProducerKey, Seq])[];
  /** 0: not known. */
  readonly asOfMs: EpochMs;
}

/** What the saved view covered of this producer at a time. */
export interface CoverageMark {
  readonly atMs: EpochMs;
  readonly covered: readonly (readonly [Incarnation, Seq])[];
}

/** The public status as the hub sent it, and the hub time at which it was the newest. */
export interface SavedPublicStatus {
  readonly text: string;
  readonly asOfMs: EpochMs;
}

export interface GatewayStore {
  loadCluster(): Promise<SavedCluster | undefined>;
  saveCluster(cluster: SavedCluster): Promise<void>;

  /**
   * Calls `onWindow` for every saved window (possibly several times, in chunks), then resolves. Undefined, and nothing
   * called: no view was saved, or a part of it is damaged.
   */
  loadView(onWindow: (columns: WindowColumns) => void): Promise<SavedView | undefined>;
  /** One transaction, synced. */
  saveView(delta: ViewDelta): Promise<void>;

  /** As saved last; none if nothing was, or if it is damaged. */
  loadCoverage(): Promise<readonly CoverageMark[]>;
  saveCoverage(marks: readonly CoverageMark[]): Promise<void>;

  /** As saved last; undefined if nothing was, or if it is damaged. */
  loadStatus(): Promise<SavedPublicStatus | undefined>;
  saveStatus(status: SavedPublicStatus): Promise<void>;

  /**
   * Calls `onEntries` with packed key records, back to back, in chunks; resolves with the saved registry version; 0 is
   * that of a registry without keys. Undefined: none was saved, or a record was damaged and left out, so that all must come again.
   */
  loadKeys(onEntries: (packed: Uint8Array) => void): Promise<number | undefined>;
  /** Saves packed key records (see `access/key-record.ts`) and the version; one transaction, synced before it resolves. */
  saveKeys(version: number, packed: Uint8Array): Promise<void>;
  /** Packed records whose version is greater than `version`, in chunks. */
  keysAfter(version: number, onEntries: (packed: Uint8Array) => void): Promise<void>;
  close(): Promise<void>;
}
