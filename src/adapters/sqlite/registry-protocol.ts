/** What the registry and its writing thread say to each other. */

import type { RegistryRow } from "../../ports/registry-store.ts";
import type { Call } from "./thread.ts";

export interface RegistryStart {
  readonly file: string;
}

export interface RegistryApi {
  put: Call<{ rows: readonly RegistryRow[] }, void>;
  putProducer: Call<{ producer: string; secretHash: string }, void>;
  putIdempotent: Call<{ key: string; answer: string; nowMs: number }, void>;
  copyInto: Call<{ file: string }, void>;
  close: Call<undefined, void>;
}
