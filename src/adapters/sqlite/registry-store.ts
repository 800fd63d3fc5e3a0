/**
 * The `RegistryStore` port on SQLite: reads on a connection of the caller's thread, writes in a
 * thread of their own.
 */

import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { TallygateError } from "../../base/errors.ts";
import type { AuditDraft, AuditEntry, AuditLog } from "../../ports/audit-log.ts";
import type { ConfigStore, StoredConfig } from "../../ports/config-store.ts";
import type { EventStore, StoredEvent } from "../../ports/event-store.ts";
import type { PortalStore } from "../../ports/portal-store.ts";
import type { RegistryRow, RegistryStore } from "../../ports/registry-store.ts";
import type { StoredToken, TokenStore } from "../../ports/token-store.ts";
import { baseOf, selectBase } from "./audit-base.ts";
import { auditEntry, selectAfter, selectBefore } from "./audit-rows.ts";
import { headOf, storedConfig } from "./config-rows.ts";
import { attempt, openBeside } from "./database.ts";
import { type Select, selectEventsAfter, selectEventsBefore, storedEvent } from "./event-rows.ts";
import { portalStore } from "./portal-store.ts";
import { type RegistryApi, type RegistryStart, rowsMessage } from "./registry-protocol.ts";
import { registrySpec } from "./registry-schema.ts";
import { rowCrc } from "./row-crc.ts";
import { Statements } from "./statements.ts";
import { Thread } from "./thread.ts";
import { storedToken } from "./token-rows.ts";

/** The folder must be locked by this process. Fails with `data-newer`, `data-damaged`, `data-unwritable` or `registry-failed`. */
export async function openRegistryStore(file: string): Promise<RegistryStore> {
  const data: RegistryStart = { file };
  const { thread } = await Thread.start<RegistryApi, undefined>({
    from: import.meta.url,
    module: "registry-thread",
    data,
    failed: "registry-failed",
  });
  return new SqliteRegistryStore(file, thread);
}

type Row = Record<string, SQLOutputValue>;

const columns = "hash, key, owner, version, packed, crc";

class SqliteRegistryStore implements RegistryStore {
  readonly #context: { readonly file: string; readonly failed: "registry-failed" };
  readonly #thread: Thread<RegistryApi>;
  readonly #db: DatabaseSync;
  readonly #statements: Statements;
  #closed = false;
  readonly audit: AuditLog = {
    append: (draft) => this.#thread.call("appendAudit", draft),
    base: () => baseOf(this.#get(selectBase)),
    archive: (folder) => this.#thread.call("archiveAudit", { folder }),
    after: (seq, limit) => this.#entries(...selectAfter(seq, limit)),
    before: (seq, limit, filter) => this.#entries(...selectBefore(seq, limit, filter)),
    get: (seq) => this.#entries("SELECT * FROM audit WHERE seq = ?", [seq])[0],
  };
  readonly events: EventStore = {
    add: (drafts) => this.#thread.call("addEvents", drafts),
    before: (seq, limit, filter) => this.#events(selectEventsBefore(seq, limit, filter)),
    after: (seq, limit) => this.#events(selectEventsAfter(seq, limit)),
  };
  readonly tokens: TokenStore = {
    all: () => this.#tokens(),
    add: (token, audit) => this.#thread.call("addToken", { token, audit }),
    remove: (id, audit) => this.#thread.call("removeToken", { id, audit }),
  };

  readonly configs: ConfigStore = {
    newest: () => this.#configs("SELECT * FROM configs ORDER BY number DESC LIMIT 1", [])[0],
    get: (number) => this.#configs("SELECT * FROM configs WHERE number = ?", [number])[0],
    before: (number, limit) => {
      const sql = "SELECT * FROM configs WHERE number < ? ORDER BY number DESC LIMIT ?";
      return this.#configs(sql, [number, limit]).map(headOf);
    },
    add: (draft, audit) => this.#thread.call("addConfig", { draft, audit }),
  };
  readonly portal: PortalStore;

  constructor(file: string, thread: Thread<RegistryApi>) {
    this.#context = { file, failed: "registry-failed" };
    this.#thread = thread;
    // The thread checked the file and made it; this connection reads, and writes one row at a time.
    this.#db = openBeside({ ...registrySpec(file), cacheKiB: 16 * 1024 });
    this.#statements = new Statements(this.#db);
    this.portal = portalStore({
      thread,
      all: (sql, ...values) =>
        attempt(this.#context, () => this.#statements.get(sql).all(...values)),
      damaged: () => this.#damaged(),
    });
  }

  lastVersion(): number {
    return Number(this.#get("SELECT max(version) AS version FROM credentials")?.["version"] ?? 0);
  }

  count(): number {
    return Number(this.#get("SELECT count(*) AS count FROM credentials")?.["count"]);
  }

  async put(rows: readonly RegistryRow[], audit?: AuditDraft): Promise<void> {
    const message = { ...rowsMessage(rows), audit };
    const { versions, hashes, packed, lengths } = message;
    const transfer = [versions, hashes, packed, lengths].map(({ buffer }) => buffer as ArrayBuffer);
    await this.#thread.call("put", message, { transfer });
  }

  byKey(keyId: string): readonly RegistryRow[] {
    return this.#rows(`SELECT ${columns} FROM credentials WHERE key = ? ORDER BY version`, keyId);
  }

  byHash(hash: string): RegistryRow | undefined {
    return this.#rows(`SELECT ${columns} FROM credentials WHERE hash = unhex(?)`, hash)[0];
  }

  byOwner(owner: string, limit: number): readonly RegistryRow[] {
    const sql = `SELECT ${columns} FROM credentials WHERE owner = ? ORDER BY id LIMIT ?`;
    return this.#rows(sql, owner, limit);
  }

  after(version: number, limit: number): readonly RegistryRow[] {
    const sql = `SELECT ${columns} FROM credentials WHERE version > ? ORDER BY version LIMIT ?`;
    return this.#rows(sql, version, limit);
  }

  owners(after: string, limit: number): readonly string[] {
    // A seek for each owner, however many keys one has.
    const sql = `WITH RECURSIVE named(owner) AS (
        SELECT min(owner) FROM credentials WHERE owner > ?
        UNION ALL SELECT (SELECT min(owner) FROM credentials WHERE owner > named.owner)
          FROM named WHERE named.owner IS NOT NULL
      ) SELECT owner FROM named WHERE owner IS NOT NULL LIMIT ?`;
    const rows = attempt(this.#context, () => this.#statements.get(sql).all(after, limit));
    return rows.map((row) => String(row["owner"]));
  }

  list(after: string, limit: number): readonly RegistryRow[] {
    // Of a key's credentials the newest speaks for it.
    const sql = `SELECT ${columns}, max(version) FROM credentials WHERE key > ? GROUP BY key
      ORDER BY key LIMIT ?`;
    return this.#rows(sql, after, limit);
  }

  producerSecret(producer: string): string | undefined {
    const row = this.#get("SELECT secret_hash, crc FROM producers WHERE producer = ?", producer);
    if (row === undefined) return undefined;
    return this.#checked(row, String(row["secret_hash"]), [producer, String(row["secret_hash"])]);
  }

  async putProducer(producer: string, secretHash: string): Promise<void> {
    await this.#thread.call("putProducer", { producer, secretHash });
  }

  getIdempotent(key: string): string | undefined {
    const sql = "SELECT made_ms, answer, crc FROM answers WHERE idempotency_key = ?";
    const row = this.#get(sql, key);
    if (row === undefined) return undefined;
    const answer = String(row["answer"]);
    return this.#checked(row, answer, [key, Number(row["made_ms"]), answer]);
  }

  async putIdempotent(key: string, answer: string, nowMs: number): Promise<void> {
    await this.#thread.call("putIdempotent", { key, answer, nowMs });
  }

  getMeta(name: string): string | undefined {
    const row = this.#get("SELECT value, crc FROM meta WHERE name = ?", name);
    if (row === undefined) return undefined;
    const value = String(row["value"]);
    return this.#checked(row, value, [name, value]);
  }

  setMeta(name: string, value: string): void {
    const sql = "INSERT OR REPLACE INTO meta (name, value, crc) VALUES (?, ?, ?)";
    attempt(this.#context, () => this.#statements.get(sql).run(name, value, rowCrc(name, value)));
  }

  async copyInto(file: string): Promise<void> {
    await this.#thread.call("copyInto", { file });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#db.close();
    try {
      await this.#thread.call("close", undefined);
    } finally {
      await this.#thread.end();
    }
  }

  #entries(sql: string, values: readonly (string | number)[]): AuditEntry[] {
    const rows = attempt(this.#context, () => this.#statements.get(sql).all(...values));
    return rows.map(auditEntry);
  }

  #events([sql, values]: Select): StoredEvent[] {
    const rows = attempt(this.#context, () => this.#statements.get(sql).all(...values));
    return rows.map((row) => storedEvent(row) ?? this.#damaged());
  }

  #configs(sql: string, values: readonly number[]): StoredConfig[] {
    const rows = attempt(this.#context, () => this.#statements.get(sql).all(...values));
    return rows.map((row) => storedConfig(row) ?? this.#damaged());
  }

  #tokens(): StoredToken[] {
    const sql = "SELECT * FROM tokens ORDER BY id";
    const rows = attempt(this.#context, () => this.#statements.get(sql).all());
    return rows.map((row) => storedToken(row) ?? this.#damaged());
  }

  #get(sql: string, ...values: (string | number)[]): Row | undefined {
    return attempt(this.#context, () => this.#statements.get(sql).get(...values));
  }

  #rows(sql: string, ...values: (string | number)[]): RegistryRow[] {
    return attempt(this.#context, () => this.#statements.get(sql).all(...values)).map((row) => {
      const hashBytes = row["hash"] as Uint8Array;
      const hash = Buffer.from(hashBytes).toString("hex");
      const keyId = String(row["key"]);
      const owner = String(row["owner"]);
      const version = Number(row["version"]);
      const packed = row["packed"] as Uint8Array;
      const parts = [hashBytes, keyId, owner, version, packed];
      return this.#checked(row, { hash, keyId, owner, version, packed }, parts);
    });
  }

  #checked<T>(row: Row, value: T, parts: readonly (string | number | Uint8Array)[]): T {
    return row["crc"] === rowCrc(...parts) ? value : this.#damaged();
  }

  #damaged(): never {
    throw new TallygateError(
      "data-damaged",
      `A row of ${this.#context.file} is damaged: restore the registry from a backup.`,
    );
  }
}
