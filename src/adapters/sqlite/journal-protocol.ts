/** What the journal and its thread say to each other beside the ring. */

import type {
  JournalRange,
  LeaseKey,
  OpenRemains,
  ProducerIdentity,
  StoredLease,
} from "../../ports/journal.ts";
import type { BatchesRead } from "./journal-database.ts";
import type { SharedRing } from "./journal-ring.ts";
import type { Call } from "./thread.ts";

export interface JournalStart {
  readonly file: string;
  readonly durability: "os" | "disk";
  readonly sizeMaxBytes: number;
  readonly incarnation: string;
  readonly ring: SharedRing;
}

export interface JournalReady {
  readonly identity: ProducerIdentity;
  readonly remains: OpenRemains | undefined;
  readonly ranges: readonly JournalRange[];
  readonly leases: readonly StoredLease[];
  readonly damagedLeases: number;
}

export interface JournalApi {
  /** `at`: count of ring bytes before the seal. Replied when it is stored as durably as the mode asks. */
  seal: Call<
    {
      incarnation: string;
      seq: number;
      bytes: Uint8Array;
      at: number;
      closed: readonly LeaseKey[];
    },
    void
  >;
  /** A sync of the log failed: replied when what it holds is on disk. */
  checkpoint: Call<undefined, void>;
  mark: Call<{ leases: readonly StoredLease[] }, void>;
  read: Call<{ incarnation: string; from: number; bytesMax: number }, BatchesRead>;
  trim: Call<{ incarnation: string; upTo: number }, void>;
  /** `at` as above: closes when that much is stored. */
  close: Call<{ at: number }, void>;
}
