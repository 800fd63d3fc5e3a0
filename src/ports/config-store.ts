/** Versions of the configuration that were applied through the admin API. The newest is in force. */

import { sha256Hex } from "../base/hash.ts";
import type { EpochMs } from "../base/words.ts";
import type { AuditDraft } from "./audit-log.ts";

/** `files`: from then on each process goes by its own file again, and `text` is empty. */
export type ConfigFormat = "yaml" | "json" | "files";

export interface ConfigDraft {
  readonly atMs: EpochMs;
  /** `admin`, or the id of a token. */
  readonly actor: string;
  /** For people. */
  readonly note: string;
  readonly format: ConfigFormat;
  readonly text: string;
}

export interface StoredConfig extends ConfigDraft {
  /** 1, 2, 3…; a restored hub may give a number again. */
  readonly number: number;
}

export type ConfigHead = Omit<StoredConfig, "text"> & { readonly characters: number };

/** Versions kept; older ones are forgotten. */
export const configsKept = 1_000;

/** What stands for none, where there must be an id. */
export const noConfigId = "0";

/** Says number and content: what two processes call the same is the same, even after a restore. */
export function configId({ number, format, text }: StoredConfig): string {
  return `${number}-${sha256Hex(`${format}\n${text}`).slice(0, 12)}`;
}

/** Everything read is checked against the row's CRC; a damaged row fails the call with `data-damaged`. */
export interface ConfigStore {
  /** Undefined: none was ever applied. */
  newest(): StoredConfig | undefined;
  get(number: number): StoredConfig | undefined;
  /** Newest first, numbers < `number`, at most `limit`. */
  before(number: number, limit: number): readonly ConfigHead[];
  /** In one transaction with its entry of the audit log, whose target is the number; synced. */
  add(draft: ConfigDraft, audit: Omit<AuditDraft, "target">): Promise<StoredConfig>;
}
