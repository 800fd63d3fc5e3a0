/** The rows of the audit log. Their chain of hashes serves as their checksum. */

import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import {
  type AuditDraft,
  type AuditEntry,
  type AuditFilter,
  type AuditHead,
  auditHash,
} from "../../ports/audit-log.ts";
import { baseOf, selectBase } from "./audit-base.ts";

export const auditTable = `
  -- Changes through the admin API. hash: SHA-256 of the entry and the hash before it, see ports/audit-log.ts.
  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL,
    request TEXT NOT NULL, change TEXT NOT NULL, hash BLOB NOT NULL
  ) STRICT;
  CREATE INDEX audit_by_actor ON audit (actor);
  CREATE INDEX audit_by_target ON audit (target);
`;

type Row = Record<string, SQLOutputValue>;

/** Adds entries, within the caller's transaction if there is one. */
export class AuditWriter {
  readonly #last: StatementSync;
  readonly #insert: StatementSync;
  readonly #base: StatementSync;

  constructor(db: DatabaseSync) {
    this.#base = db.prepare(selectBase);
    this.#last = db.prepare("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1");
    this.#insert =
      db.prepare(`INSERT INTO audit (seq, at_ms, actor, action, target, request, change, hash)
      VALUES (?, ?, ?, ?, ?, ?, ?, unhex(?))`);
  }

  append(draft: AuditDraft): AuditEntry {
    // Asked every time: a transaction that was rolled back took its entry along.
    const last = this.#last.get();
    const newest = last === undefined ? baseOf(this.#base.get()) : headOf(last);
    const { hash: previous } = newest;
    const seq = newest.seq + 1;
    const { atMs, actor, action, target, request, change } = draft;
    const hash = auditHash(previous, { seq, ...draft });
    this.#insert.run(seq, atMs, actor, action, target, request, change, hash);
    return { seq, atMs, actor, action, target, request, change, hash };
  }
}

function headOf(row: Row): AuditHead {
  return { seq: Number(row["seq"]), hash: hexOf(row["hash"]) };
}

export function selectAfter(seq: number, limit: number): [string, (string | number)[]] {
  return ["SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", [seq, limit]];
}

export function selectBefore(
  seq: number,
  limit: number,
  { actor, target }: AuditFilter,
): [string, (string | number)[]] {
  const where = ["seq < ?"];
  const values: (string | number)[] = [seq];
  for (const [column, value] of Object.entries({ actor, target })) {
    if (value === undefined) continue;
    where.push(`${column} = ?`);
    values.push(value);
  }
  const sql = `SELECT * FROM audit WHERE ${where.join(" AND ")} ORDER BY seq DESC LIMIT ?`;
  return [sql, [...values, limit]];
}

export function auditEntry(row: Row): AuditEntry {
  return {
    seq: Number(row["seq"]),
    atMs: Number(row["at_ms"]),
    actor: String(row["actor"]),
    action: String(row["action"]),
    target: String(row["target"]),
    request: String(row["request"]),
    change: String(row["change"]),
    hash: hexOf(row["hash"]),
  };
}

function hexOf(bytes: SQLOutputValue | undefined): string {
  return Buffer.from(bytes as Uint8Array).toString("hex");
}
