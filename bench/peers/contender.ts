/** What can be compared: something that answers the benchmark's one request on core 0. */

import type { PinnedProcess } from "./process.ts";

/** A reply to imitate: bare node:http sends the same status, fields and bytes as the gateway. */
export interface ReplyShape {
  readonly status: number;
  /** Without those that node adds by itself (Date, Connection, Keep-Alive). */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

export interface Setting {
  /** Empty, for this start alone. */
  readonly folder: string;
  /** Where the upstream of proxies listens. */
  readonly upstreamPort: number;
  readonly shape: ReplyShape;
}

export interface Running {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The system under test: its CPU time is counted, with its children's. */
  readonly process: PinnedProcess;
  stop(): Promise<void>;
}

export interface Contender {
  readonly name: string;
  /** What it does more or less than the others; printed under the table. */
  readonly note?: string;
  /** Why it cannot run here; undefined: it can. Installs what it may. */
  unavailable(): Promise<string | undefined>;
  start(setting: Setting): Promise<Running>;
}

/** What every in-memory contender and the upstream answer: about 90 bytes. */
export const replyBody =
  '{"ip":"8.8.8.8","country":"US","name":"United States","asn":15169,"network":"8.8.8.0/24"}\n';

export const apiKeyField = "x-api-key";
