/** `RegistryStore` in memory. */

import type { RegistryRow, RegistryStore } from "../../ports/registry-store.ts";

export class MemoryRegistry implements RegistryStore {
  rows = new Map<string, RegistryRow>();
  producers = new Map<string, string>();
  meta = new Map<string, string>();
  idempotent = new Map<string, string>();

  copy(): MemoryRegistry {
    const copy = new MemoryRegistry();
    copy.rows = new Map(this.rows);
    copy.producers = new Map(this.producers);
    copy.meta = new Map(this.meta);
    return copy;
  }

  lastVersion(): number {
    return Math.max(0, ...[...this.rows.values()].map(({ version }) => version));
  }

  count(): number {
    return this.rows.size;
  }

  async put(rows: readonly RegistryRow[]): Promise<void> {
    await undefined;
    for (const row of rows) this.rows.set(row.hash, row);
  }

  byKey(keyId: string): readonly RegistryRow[] {
    return [...this.rows.values()].filter((row) => row.keyId === keyId);
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

  list(after: string, limit: number): readonly RegistryRow[] {
    const byId = new Map([...this.rows.values()].map((row) => [row.keyId, row] as const));
    const rows = [...byId.values()].filter(({ keyId }) => keyId > after);
    return rows.sort((a, b) => (a.keyId < b.keyId ? -1 : 1)).slice(0, limit);
  }

  producerSecret(producer: string): string | undefined {
    return this.producers.get(producer);
  }

  async putProducer(producer: string, secretHash: string): Promise<void> {
    this.producers.set(producer, secretHash);
  }

  getIdempotent(key: string): string | undefined {
    return this.idempotent.get(key);
  }

  async putIdempotent(key: string, answer: string): Promise<void> {
    this.idempotent.set(key, answer);
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
