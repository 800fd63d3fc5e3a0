/** Named tokens of the admin API. Of a token only its hash is kept. */

import type { EpochMs } from "../base/words.ts";
import type { AuditDraft } from "./audit-log.ts";

export type TokenRole = "admin" | "read-only";

export interface StoredToken {
  /** `t_…` */
  readonly id: string;
  readonly name: string;
  readonly role: TokenRole;
  /** "": good for all owners' keys and usage, and for the rest of the API. */
  readonly owner: string;
  /** Lower-case hex SHA-256 of the token: at its entropy a slow hash would add no safety. */
  readonly hash: string;
  readonly createdAtMs: EpochMs;
  /** 0: never. */
  readonly expiresAtMs: EpochMs;
}

/** Everything read is checked against the row's CRC; a damaged row fails the call with `data-damaged`. */
export interface TokenStore {
  /** In order of id. */
  all(): readonly StoredToken[];
  /** In one transaction with its entry of the audit log, synced. */
  add(token: StoredToken, audit: AuditDraft): Promise<void>;
  remove(id: string, audit: AuditDraft): Promise<void>;
}
