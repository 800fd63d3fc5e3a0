/**
 * What was changed through the admin API, by whom. Entries are only ever added; each carries the SHA-256 of itself and of
 * the hash before it, so that none can be changed, taken out or put in between without every later hash being another.
 * What the chain cannot show is that its end is missing: for that somebody must have noted an earlier head.
 */

import { sha256Hex } from "../base/hash.ts";
import type { EpochMs } from "../base/words.ts";

export interface AuditDraft {
  readonly atMs: EpochMs;
  /** `admin`: whoever holds the token of the data folder; else the id of a token. */
  readonly actor: string;
  /** The operation of the API: `createKey`. */
  readonly action: string;
  /** Id of what was changed, "" where it has none. */
  readonly target: string;
  /** Id of the request, as in the log. */
  readonly request: string;
  /** JSON of what was asked for; never a secret. */
  readonly change: string;
}

export interface AuditEntry extends AuditDraft {
  /** 1, 2, 3… */
  readonly seq: number;
  /** Lower-case hex. */
  readonly hash: string;
}

/** The hash before the first entry's. */
export const auditGenesis = "0".repeat(64);

/** The hash of an entry: of a JSON array, so that anybody can recompute it. */
export function auditHash(previous: string, entry: Omit<AuditEntry, "hash">): string {
  const { seq, atMs, actor, action, target, request, change } = entry;
  return sha256Hex(JSON.stringify([previous, seq, atMs, actor, action, target, request, change]));
}

export interface AuditFilter {
  readonly actor?: string | undefined;
  readonly target?: string | undefined;
}

export interface AuditLog {
  /** Durable when it resolves. */
  append(draft: AuditDraft): Promise<AuditEntry>;
  /** In order, entries > `seq`, at most `limit`. */
  after(seq: number, limit: number): readonly AuditEntry[];
  /** Newest first, entries < `seq`, at most `limit`. */
  before(seq: number, limit: number, filter: AuditFilter): readonly AuditEntry[];
  get(seq: number): AuditEntry | undefined;
}
