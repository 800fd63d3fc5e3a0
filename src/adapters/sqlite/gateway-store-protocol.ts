/** What the gateway's store and its thread say to each other. */

import type {
  CoverageMark,
  SavedCluster,
  SavedPublicStatus,
  SavedView,
  ViewDelta,
  WindowColumns,
} from "../../ports/gateway-store.ts";
import type { Call } from "./thread.ts";

export interface StateStart {
  readonly file: string;
}

export interface StateApi {
  loadCluster: Call<undefined, SavedCluster | undefined>;
  saveCluster: Call<{ cluster: SavedCluster }, void>;
  loadView: Call<undefined, SavedView | undefined, WindowColumns>;
  saveView: Call<{ delta: ViewDelta }, void>;
  loadCoverage: Call<undefined, readonly CoverageMark[]>;
  saveCoverage: Call<{ marks: readonly CoverageMark[] }, void>;
  loadStatus: Call<undefined, SavedPublicStatus | undefined>;
  saveStatus: Call<SavedPublicStatus, void>;
  /** Replies with the saved version. */
  loadKeys: Call<undefined, number | undefined, Uint8Array>;
  saveKeys: Call<{ version: number; packed: Uint8Array }, void>;
  keysAfter: Call<{ version: number }, void, Uint8Array>;
  close: Call<undefined, void>;
}
