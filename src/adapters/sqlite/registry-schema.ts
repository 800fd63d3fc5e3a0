/** Tables of the registry of keys. Packed records carry what gateways need; the columns are for the admin API. */

import { applicationIds, type DatabaseSpec } from "./database.ts";

const schema = `
  CREATE TABLE credentials (
    id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, key TEXT NOT NULL, owner TEXT NOT NULL,
    version INTEGER NOT NULL, packed BLOB NOT NULL, crc INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX credentials_by_key ON credentials (key);
  CREATE INDEX credentials_by_owner ON credentials (owner, key);
  CREATE INDEX credentials_by_version ON credentials (version);
  -- Gateways: SHA-256 of the secret that proves the producer's id.
  CREATE TABLE producers (producer TEXT PRIMARY KEY, secret_hash TEXT NOT NULL, crc INTEGER NOT NULL)
    STRICT, WITHOUT ROWID;
  CREATE TABLE answers (
    idempotency_key TEXT PRIMARY KEY, made_ms INTEGER NOT NULL, answer TEXT NOT NULL, crc INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX answers_by_time ON answers (made_ms);
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL, crc INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

export function registrySpec(file: string): DatabaseSpec {
  return {
    file,
    applicationId: applicationIds.registry,
    version: 1,
    schema,
    synchronous: "full",
    // The three indexes of a million keys take about 150 MB; half of that keeps inserts quick.
    cacheKiB: 64 * 1024,
    autoCheckpointPages: 4096,
    failed: "registry-failed",
  };
}
