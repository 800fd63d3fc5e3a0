/** `RegistryStore` in memory, deep copies in. */

import {
  type AuditDraft,
  type AuditEntry,
  type AuditLog,
  auditGenesis,
  auditHash,
} from "../../ports/audit-log.ts";
import { type ConfigStore, configsKept, type StoredConfig } from "../../ports/config-store.ts";
import { type EventStore, eventsKept, type StoredEvent } from "../../ports/event-store.ts";
import type { RegistryRow, RegistryStore } from "../../ports/registry-store.ts";
import type { StoredToken, TokenStore } from "../../ports/token-store.ts";
import { MemoryPortal } from "./memory-portal.ts";

/** How long an answer is kept. */
const answerMs = 86_400_000;

export class MemoryRegistry implements RegistryStore {
  rows = new Map<string, RegistryRow>();
  producers = new Map<string, string>();
  meta = new Map<string, string>();
  idempotent = new Map<string, { readonly answer: string; readonly atMs: number }>();

  entries: AuditEntry[] = [];
  storedTokens = new Map<string, StoredToken>();
  readonly audit: AuditLog = {
    append: async (draft) => this.#append(draft),
    base: () => ({ seq: 0, hash: auditGenesis }),
    archive: async () => undefined,
    after: (seq, limit) => this.entries.slice(seq, seq + limit),
    before: (seq, limit, { actor, target }) =>
      this.entries
        .filter((entry) => entry.seq < seq)
        .filter((entry) => actor === undefined || entry.actor === actor)
        .filter((entry) => target === undefined || entry.target === target)
        .reverse()
        .slice(0, limit),
    get: (seq) => this.entries[seq - 1],
  };
  readonly portal = new MemoryPortal();
  storedEvents: StoredEvent[] = [];
  readonly events: EventStore = {
    add: async (drafts) => {
      for (const draft of drafts) {
        this.storedEvents.push({ seq: (this.storedEvents.at(-1)?.seq ?? 0) + 1, ...draft });
      }
      this.storedEvents = this.storedEvents.slice(-eventsKept);
    },
    after: (seq, limit) => this.storedEvents.filter((event) => event.seq > seq).slice(0, limit),
    before: (seq, limit, { kind, subject }) =>
      this.storedEvents
        .filter((event) => event.seq < seq)
        .filter((event) => kind === undefined || event.kind === kind)
        .filter((event) => subject === undefined || event.subject === subject)
        .reverse()
        .slice(0, limit),
  };
  readonly tokens: TokenStore = {
    all: () => [...this.storedTokens.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    add: async (token, audit) => {
      this.storedTokens.set(token.id, token);
      this.#append(audit);
    },
    remove: async (id, audit) => {
      this.storedTokens.delete(id);
      this.#append(audit);
    },
  };

  storedConfigs: StoredConfig[] = [];
  readonly configs: ConfigStore = {
    newest: () => this.storedConfigs.at(-1),
    get: (number) => this.storedConfigs.find((config) => config.number === number),
    before: (number, limit) =>
      this.storedConfigs
        .filter((config) => config.number < number)
        .reverse()
        .slice(0, limit)
        .map(({ text, ...config }) => ({ ...config, characters: text.length })),
    add: async (draft, audit) => {
      const stored = { ...draft, number: (this.storedConfigs.at(-1)?.number ?? 0) + 1 };
      this.storedConfigs = [...this.storedConfigs, stored].slice(-configsKept);
      this.#append({ ...audit, target: String(stored.number) });
      return stored;
    },
  };

  #append(draft: AuditDraft): AuditEntry {
    const previous = this.entries.at(-1)?.hash ?? auditGenesis;
    const numbered = { seq: this.entries.length + 1, ...draft };
    const entry = { ...numbered, hash: auditHash(previous, numbered) };
    this.entries.push(entry);
    return entry;
  }

  copy(): MemoryRegistry {
    const copy = new MemoryRegistry();
    copy.rows = new Map(this.rows);
    copy.producers = new Map(this.producers);
    copy.meta = new Map(this.meta);
    copy.entries = [...this.entries];
    copy.portal.storedPeople = new Map(this.portal.storedPeople);
    return copy;
  }

  lastVersion(): number {
    return Math.max(0, ...[...this.rows.values()].map(({ version }) => version));
  }

  count(): number {
    return this.rows.size;
  }

  async put(rows: readonly RegistryRow[], audit?: AuditDraft): Promise<void> {
    await undefined;
    if (audit !== undefined) this.#append(audit);
    for (const row of rows) {
      this.rows.set(row.hash, { ...row, packed: new Uint8Array(row.packed) });
    }
  }

  byKey(keyId: string): readonly RegistryRow[] {
    const rows = [...this.rows.values()].filter((row) => row.keyId === keyId);
    return rows.sort((a, b) => a.version - b.version);
  }

  byHash(hash: string): RegistryRow | undefined {
    return this.rows.get(hash);
  }

  byOwner(owner: string, limit: number): readonly RegistryRow[] {
    return [...this.rows.values()].filter((row) => row.owner === owner).slice(0, limit);
  }

  after(version: number, limit: number): readonly RegistryRow[] {
    const rows = [...this.rows.values()].filter((row) => row.version > version);
    return rows.sort((a, b) => a.version - b.version).slice(0, limit);
  }

  owners(after: string, limit: number): readonly string[] {
    const owners = new Set([...this.rows.values()].map(({ owner }) => owner));
    return [...owners]
      .filter((owner) => owner > after)
      .sort()
      .slice(0, limit);
  }

  list(after: string, limit: number): readonly RegistryRow[] {
    const byId = new Map<string, RegistryRow>();
    for (const row of this.rows.values()) {
      // Of a key's credentials the newest speaks for it.
      if (row.keyId > after && row.version > (byId.get(row.keyId)?.version ?? -1)) {
        byId.set(row.keyId, row);
      }
    }
    const rows = [...byId.values()];
    return rows.sort((a, b) => (a.keyId < b.keyId ? -1 : 1)).slice(0, limit);
  }

  producerSecret(producer: string): string | undefined {
    return this.producers.get(producer);
  }

  async putProducer(producer: string, secretHash: string): Promise<void> {
    this.producers.set(producer, secretHash);
  }

  getIdempotent(key: string): string | undefined {
    return this.idempotent.get(key)?.answer;
  }

  async putIdempotent(key: string, answer: string, nowMs: number): Promise<void> {
    for (const [old, { atMs }] of this.idempotent) {
      if (nowMs - atMs >= answerMs) this.idempotent.delete(old);
    }
    this.idempotent.set(key, { answer, atMs: nowMs });
  }

  getMeta(name: string): string | undefined {
    return this.meta.get(name);
  }

  setMeta(name: string, value: string): void {
    this.meta.set(name, value);
  }

  async copyInto(_file: string): Promise<void> {}

  async close(): Promise<void> {}
}
