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

export interface AuditHead {
  readonly seq: number;
  readonly hash: string;
}

export interface AuditArchive {
  readonly file: string;
  /** The entry before its first, and its last one. */
  readonly before: AuditHead;
  readonly head: AuditHead;
}

/** Entries that stay in the log at least; older ones go into archives, segment by segment. */
export const auditKept = 100_000;
/** Entries of one archive. */
export const auditSegment = 10_000;

export interface AuditLog {
  /** The last entry that was archived, from which the first one here follows; 0 and `auditGenesis` if none was. */
  base(): AuditHead;
  /**
   * Moves the oldest segment into a file in `folder`, verified and durable, if there is one above what is kept. Undefined: nothing was
   * due. Fails with `data-damaged` and moves nothing where the chain does not hold.
   */
  archive(folder: string): Promise<AuditArchive | undefined>;
  /** Durable when it resolves. */
  append(draft: AuditDraft): Promise<AuditEntry>;
  /** In order, entries > `seq`, at most `limit`. */
  after(seq: number, limit: number): readonly AuditEntry[];
  /** Newest first, entries < `seq`, at most `limit`. */
  before(seq: number, limit: number, filter: AuditFilter): readonly AuditEntry[];
  get(seq: number): AuditEntry | undefined;
}
