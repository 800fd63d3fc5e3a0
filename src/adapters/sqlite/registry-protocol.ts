/** What the registry and its writing thread say to each other. */

import type { AuditArchive, AuditDraft, AuditEntry } from "../../ports/audit-log.ts";
import type { ConfigDraft, StoredConfig } from "../../ports/config-store.ts";
import type { EventDraft } from "../../ports/event-store.ts";
import type { StoredLink, StoredPerson, StoredSession } from "../../ports/portal-store.ts";
import type { RegistryRow } from "../../ports/registry-store.ts";
import type { StoredToken } from "../../ports/token-store.ts";
import type { Call } from "./thread.ts";

export interface RegistryStart {
  readonly file: string;
}

/** Rows as columns: ten thousand small buffers would hold up the main thread while they are copied to another. */
export interface RowsMessage {
  readonly keyIds: readonly string[];
  readonly owners: readonly string[];
  readonly versions: Float64Array;
  /** 32 bytes each. */
  readonly hashes: Uint8Array;
  /** Packed records back to back, and their lengths. */
  readonly packed: Uint8Array;
  readonly lengths: Uint32Array;
}

export const hashBytes = 32;

export function rowsMessage(rows: readonly RegistryRow[]): RowsMessage {
  const lengths = Uint32Array.from(rows, ({ packed }) => packed.length);
  const packed = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  const hashes = new Uint8Array(rows.length * hashBytes);
  let at = 0;
  for (const [i, row] of rows.entries()) {
    hashes.set(Buffer.from(row.hash, "hex"), i * hashBytes);
    packed.set(row.packed, at);
    at += row.packed.length;
  }
  return {
    keyIds: rows.map(({ keyId }) => keyId),
    owners: rows.map(({ owner }) => owner),
    versions: Float64Array.from(rows, ({ version }) => version),
    ...{ hashes, packed, lengths },
  };
}

/** One change of what the portal keeps; each is a transaction. */
export type PortalChange =
  | { readonly kind: "add-person"; readonly person: StoredPerson }
  | { readonly kind: "remove-person"; readonly id: string }
  | { readonly kind: "add-link"; readonly link: StoredLink; readonly nowMs: number }
  | { readonly kind: "remove-link"; readonly hash: string }
  | { readonly kind: "put-session"; readonly session: StoredSession }
  | { readonly kind: "remove-session"; readonly hash: string };

export interface RegistryApi {
  put: Call<RowsMessage & { readonly audit: AuditDraft | undefined }, void>;
  appendAudit: Call<AuditDraft, AuditEntry>;
  archiveAudit: Call<{ folder: string }, AuditArchive | undefined>;
  addEvents: Call<readonly EventDraft[], void>;
  addToken: Call<{ token: StoredToken; audit: AuditDraft }, void>;
  removeToken: Call<{ id: string; audit: AuditDraft }, void>;
  addConfig: Call<{ draft: ConfigDraft; audit: Omit<AuditDraft, "target"> }, StoredConfig>;
  portal: Call<PortalChange, void>;
  putProducer: Call<{ producer: string; secretHash: string }, void>;
  putIdempotent: Call<{ key: string; answer: string; nowMs: number }, void>;
  copyInto: Call<{ file: string }, void>;
  close: Call<undefined, void>;
}
