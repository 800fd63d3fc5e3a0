/** The rows of the portal: people, links, sessions. */

import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import {
  linksKept,
  type StoredLink,
  type StoredPerson,
  type StoredSession,
} from "../../ports/portal-store.ts";
import { rowCrc } from "./row-crc.ts";

export const portalTables = `
  CREATE TABLE people (
    id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, made_ms INTEGER NOT NULL, crc INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  -- hash: SHA-256 of what is in the link.
  CREATE TABLE links (
    hash TEXT PRIMARY KEY, email TEXT NOT NULL, expires_ms INTEGER NOT NULL, crc INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX links_by_email ON links (email);
  CREATE INDEX links_by_time ON links (expires_ms);
  -- hash: SHA-256 of the cookie's id.
  CREATE TABLE sessions (
    hash TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, made_ms INTEGER NOT NULL,
    used_ms INTEGER NOT NULL, crc INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sessions_by_subject ON sessions (subject);
`;

/** Within the caller's transaction. */
export class PortalWriter {
  readonly #addPerson: StatementSync;
  readonly #removePerson: StatementSync;
  readonly #removeSessionsOf: StatementSync;
  readonly #addLink: StatementSync;
  readonly #forgetLinks: StatementSync;
  readonly #boundLinks: StatementSync;
  readonly #removeLink: StatementSync;
  readonly #putSession: StatementSync;
  readonly #removeSession: StatementSync;

  constructor(db: DatabaseSync) {
    this.#addPerson = db.prepare(
      "INSERT INTO people (id, email, made_ms, crc) VALUES (?, ?, ?, ?)",
    );
    this.#removePerson = db.prepare("DELETE FROM people WHERE id = ?");
    this.#removeSessionsOf = db.prepare(
      "DELETE FROM sessions WHERE kind = 'person' AND subject = ?",
    );
    this.#addLink = db.prepare(
      "INSERT INTO links (hash, email, expires_ms, crc) VALUES (?, ?, ?, ?)",
    );
    this.#forgetLinks = db.prepare("DELETE FROM links WHERE expires_ms <= ? OR email = ?");
    this.#boundLinks = db.prepare(`DELETE FROM links WHERE hash IN
      (SELECT hash FROM links ORDER BY expires_ms DESC, hash DESC LIMIT -1 OFFSET ${linksKept})`);
    this.#removeLink = db.prepare("DELETE FROM links WHERE hash = ?");
    this.#putSession = db.prepare(`INSERT OR REPLACE INTO sessions
      (hash, kind, subject, made_ms, used_ms, crc) VALUES (?, ?, ?, ?, ?, ?)`);
    this.#removeSession = db.prepare("DELETE FROM sessions WHERE hash = ?");
  }

  addPerson(person: StoredPerson): void {
    const { id, email, createdAtMs } = person;
    this.#addPerson.run(id, email, createdAtMs, personCrc(person));
  }

  removePerson(id: string): void {
    this.#removePerson.run(id);
    this.#removeSessionsOf.run(id);
  }

  addLink(link: StoredLink, nowMs: number): void {
    const { hash, email, expiresAtMs } = link;
    this.#forgetLinks.run(nowMs, email);
    this.#addLink.run(hash, email, expiresAtMs, linkCrc(link));
    this.#boundLinks.run();
  }

  removeLink(hash: string): void {
    this.#removeLink.run(hash);
  }

  putSession(session: StoredSession): void {
    const { hash, kind, subject, createdAtMs, usedAtMs } = session;
    this.#putSession.run(hash, kind, subject, createdAtMs, usedAtMs, sessionCrc(session));
  }

  removeSession(hash: string): void {
    this.#removeSession.run(hash);
  }
}

type Row = Record<string, SQLOutputValue>;

/** Undefined: the row is damaged. */
export function storedPerson(row: Row): StoredPerson | undefined {
  const person = {
    id: String(row["id"]),
    email: String(row["email"]),
    createdAtMs: Number(row["made_ms"]),
  };
  return row["crc"] === personCrc(person) ? person : undefined;
}

/** Undefined: the row is damaged. */
export function storedLink(row: Row): StoredLink | undefined {
  const link = {
    hash: String(row["hash"]),
    email: String(row["email"]),
    expiresAtMs: Number(row["expires_ms"]),
  };
  return row["crc"] === linkCrc(link) ? link : undefined;
}

/** Undefined: the row is damaged. */
export function storedSession(row: Row): StoredSession | undefined {
  const session: StoredSession = {
    kind: String(row["kind"]) as StoredSession["kind"],
    hash: String(row["hash"]),
    subject: String(row["subject"]),
    createdAtMs: Number(row["made_ms"]),
    usedAtMs: Number(row["used_ms"]),
  };
  return row["crc"] === sessionCrc(session) ? session : undefined;
}

function personCrc({ id, email, createdAtMs }: StoredPerson): number {
  return rowCrc(id, email, createdAtMs);
}

function linkCrc({ hash, email, expiresAtMs }: StoredLink): number {
  return rowCrc(hash, email, expiresAtMs);
}

function sessionCrc({ kind, hash, subject, createdAtMs, usedAtMs }: StoredSession): number {
  return rowCrc(kind, hash, subject, createdAtMs, usedAtMs);
}
