/** The rows of the admin API's tokens. */

import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import type { StoredToken, TokenRole } from "../../ports/token-store.ts";
import { rowCrc } from "./row-crc.ts";

export const tokenTable = `
  -- Tokens of the admin API. hash: SHA-256 of the token.
  CREATE TABLE tokens (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, hash TEXT NOT NULL UNIQUE,
    made_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, crc INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

/** Added later: what tells a token that is good for one owner. */
export const tokenOwners = "ALTER TABLE tokens ADD COLUMN owner TEXT NOT NULL DEFAULT '';";

/** Within the caller's transaction. */
export class TokenWriter {
  readonly #insert: StatementSync;
  readonly #remove: StatementSync;

  constructor(db: DatabaseSync) {
    this.#insert =
      db.prepare(`INSERT INTO tokens (id, name, role, hash, made_ms, expires_ms, owner, crc)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)`);
    this.#remove = db.prepare("DELETE FROM tokens WHERE id = ?");
  }

  add(token: StoredToken): void {
    const { id, name, role, hash, createdAtMs, expiresAtMs, owner } = token;
    this.#insert.run(id, name, role, hash, createdAtMs, expiresAtMs, owner, crcOf(token));
  }

  remove(id: string): void {
    this.#remove.run(id);
  }
}

/** Undefined: the row is damaged. */
export function storedToken(row: Record<string, SQLOutputValue>): StoredToken | undefined {
  const token: StoredToken = {
    id: String(row["id"]),
    name: String(row["name"]),
    role: String(row["role"]) as TokenRole,
    owner: String(row["owner"]),
    hash: String(row["hash"]),
    createdAtMs: Number(row["made_ms"]),
    expiresAtMs: Number(row["expires_ms"]),
  };
  return row["crc"] === crcOf(token) ? token : undefined;
}

/** Of a token for all owners as it was before there were others. */
function crcOf({ id, name, role, hash, createdAtMs, expiresAtMs, owner }: StoredToken): number {
  const parts = [id, name, role, hash, createdAtMs, expiresAtMs];
  return owner === "" ? rowCrc(...parts) : rowCrc(...parts, owner);
}
