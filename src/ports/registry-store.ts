/**
 * The hub's durable registry of keys: packed key records (`access/key-record.ts`) by credential,
 * with indexed columns for the admin API. It also keeps what else the admin API must not lose: its audit log, tokens and events,
 * and the people of the portal.
 */

import type { AuditDraft, AuditLog } from "./audit-log.ts";
import type { ConfigStore } from "./config-store.ts";
import type { EventStore } from "./event-store.ts";
import type { PortalStore } from "./portal-store.ts";
import type { TokenStore } from "./token-store.ts";

export interface RegistryRow {
  /** Lower-case hex SHA-256 of the key; identifies the credential. */
  readonly hash: string;
  readonly keyId: string;
  readonly owner: string;
  readonly version: number;
  readonly packed: Uint8Array;
}

/** Everything read is checked against the row's CRC; a damaged row fails the call with `data-damaged`. */
export interface RegistryStore {
  /** Highest version stored; 0 if empty. */
  lastVersion(): number;
  count(): number;
  readonly audit: AuditLog;
  readonly events: EventStore;
  readonly tokens: TokenStore;
  readonly configs: ConfigStore;
  readonly portal: PortalStore;
  /**
   * Inserts or replaces by hash, in one transaction with the entry of the audit log, synced before it returns: there is no
   * change without its entry and no entry without its change.
   */
  put(rows: readonly RegistryRow[], audit?: AuditDraft): Promise<void>;
  byKey(keyId: string): readonly RegistryRow[];
  byHash(hash: string): RegistryRow | undefined;
  byOwner(owner: string, limit: number): readonly RegistryRow[];
  /** In order, owners > `after`, at most `limit`; not the empty one. */
  owners(after: string, limit: number): readonly string[];
  /** In order of version, versions > `after`, at most `limit`. */
  after(version: number, limit: number): readonly RegistryRow[];
  /** One row (the one of the highest version) for each distinct key id, in order of id, ids > `after`, at most `limit`. */
  list(after: string, limit: number): readonly RegistryRow[];
  /** Producers' secrets: SHA-256 hex by producer id. */
  producerSecret(producer: string): string | undefined;
  putProducer(producer: string, secretHash: string): Promise<void>;
  /** Answers kept for `Idempotency-Key`, for 24 h. */
  getIdempotent(key: string): string | undefined;
  putIdempotent(key: string, answer: string, nowMs: number): Promise<void>;
  getMeta(name: string): string | undefined;
  setMeta(name: string, value: string): void;
  /** Adds the registry, without kept answers, tokens, events, links and sessions, to a backup that `LedgerStore.copyTo` has made. Synced. */
  copyInto(file: string): Promise<void>;
  close(): Promise<void>;
}
