/** Tables of the registry of keys. Packed records carry what gateways need; the columns are for the admin API. */

import { auditTable } from "./audit-rows.ts";
import { configTable } from "./config-rows.ts";
import { applicationIds, type DatabaseSpec } from "./database.ts";
import { eventTable } from "./event-rows.ts";
import { portalTables } from "./portal-rows.ts";
import { tokenOwners, tokenTable } from "./token-rows.ts";

const laterTables = `${tokenOwners}${configTable}`;
const adminTables = `${auditTable}${tokenTable}`;

const schema = `
  -- hash: SHA-256 of the secret, 32 bytes; hex(hash) shows it.
  CREATE TABLE credentials (
    id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, key TEXT NOT NULL, owner TEXT NOT NULL,
    version INTEGER NOT NULL, packed BLOB NOT NULL, crc INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX credentials_by_key ON credentials (key);
  CREATE INDEX credentials_by_owner ON credentials (owner);
  CREATE INDEX credentials_by_version ON credentials (version);
  -- Gateways: SHA-256 of the secret that proves the producer's id.
  CREATE TABLE producers (producer TEXT PRIMARY KEY, secret_hash TEXT NOT NULL, crc INTEGER NOT NULL)
    STRICT, WITHOUT ROWID;
  CREATE TABLE answers (
    idempotency_key TEXT PRIMARY KEY, made_ms INTEGER NOT NULL, answer TEXT NOT NULL, crc INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX answers_by_time ON answers (made_ms);
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL, crc INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  ${adminTables}
  ${eventTable}
  ${portalTables}
  ${laterTables}
`;

export function registrySpec(file: string): DatabaseSpec {
  return {
    file,
    applicationId: applicationIds.registry,
    version: 5,
    schema,
    upgrades: [adminTables, eventTable, portalTables, laterTables],
    synchronous: "full",
    // The indexes of a million keys take about 130 MB, and every batch of new keys touches most of their pages: keep them
    // in memory, and write them to the file once for several batches.
    cacheKiB: 128 * 1024,
    autoCheckpointPages: 32_768,
    failed: "registry-failed",
  };
}
