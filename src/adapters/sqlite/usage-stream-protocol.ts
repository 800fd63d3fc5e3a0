/** What the usage stream and its thread say to each other. */

import type { StreamRecord } from "../../ports/usage-stream.ts";
import type { Call } from "./thread.ts";

export interface StreamStart {
  readonly file: string;
  readonly startAfter: number;
}

export interface StreamReady {
  readonly first: number;
  readonly last: number;
}

export interface StreamApi {
  /** Records back to back, and their lengths. Replies with the position of the last. */
  append: Call<{ bytes: Uint8Array; lengths: Uint32Array }, number>;
  read: Call<{ from: number; bytesMax: number }, StreamRecord[]>;
  /** Deletes a bounded number of the oldest records below `before`. */
  trimSome: Call<{ before: number }, { more: boolean; first: number }>;
  close: Call<undefined, void>;
}
