/** What every `RegistryStore` keeps: run by each adapter's tests and by the simulator's fake. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type AuditDraft, auditGenesis, auditHash } from "../ports/audit-log.ts";
import { type ConfigDraft, configsKept } from "../ports/config-store.ts";
import { type EventDraft, eventsKept } from "../ports/event-store.ts";
import type { RegistryRow, RegistryStore } from "../ports/registry-store.ts";
import type { StoredToken } from "../ports/token-store.ts";
import { portalStoreConformance } from "./portal-store.ts";

/** One registry's storage; `open` may be called again once the one opened before is closed. */
export interface RegistryStorage {
  open(): Promise<RegistryStore>;
  dispose(): Promise<void>;
}

export interface RegistrySuite {
  readonly name: string;
  readonly create: () => Promise<RegistryStorage>;
}

/** A row whose hash follows from its number. */
export function rowOf(n: number, fields: Partial<RegistryRow> = {}): RegistryRow {
  return {
    hash: n.toString(16).padStart(64, "0"),
    keyId: `k_${n}`,
    owner: "acme",
    version: n,
    packed: Uint8Array.from({ length: 20 }, (_, i) => (n + i) & 0xff),
    ...fields,
  };
}

const versions = (rows: readonly RegistryRow[]): number[] => rows.map(({ version }) => version);

type Define = (name: string, run: (storage: RegistryStorage) => Promise<void>) => void;

export function registryStoreConformance(suite: RegistrySuite): void {
  const define: Define = (name, run) => {
    test(name, async () => {
      const storage = await suite.create();
      try {
        await run(storage);
      } finally {
        await storage.dispose();
      }
    });
  };
  describe(`registry store: ${suite.name}`, () => {
    credentials(define);
    smallThings(define);
    owners(define);
    adminRecords(define);
    configs(define);
    events(define);
    portalStoreConformance(define);
  });
}

function credentials(define: Define): void {
  define("an empty registry has version 0", async (storage) => {
    const store = await storage.open();
    assert.deepEqual([store.lastVersion(), store.count()], [0, 0]);
    assert.deepEqual(store.after(0, 10), []);
    assert.equal(store.byHash("00"), undefined);
    await store.close();
  });

  define("what was put is read back the same, at once and after a restart", async (storage) => {
    const row = rowOf(7, { keyId: "k_a", owner: "ö", version: 2 ** 40 });
    const first = await storage.open();
    await first.put([row]);
    assert.deepEqual(first.byHash(row.hash), row);
    await first.close();
    const second = await storage.open();
    assert.deepEqual(second.byHash(row.hash), row);
    assert.equal(second.lastVersion(), 2 ** 40);
    await second.close();
  });

  define("a hash is one credential: putting it again replaces it", async (storage) => {
    const store = await storage.open();
    await store.put([rowOf(1), rowOf(2)]);
    await store.put([{ ...rowOf(1), owner: "other", version: 3 }]);
    assert.equal(store.count(), 2);
    assert.equal(store.byHash(rowOf(1).hash)?.owner, "other");
    assert.deepEqual(versions(store.after(0, 10)), [2, 3]);
    assert.deepEqual(versions(store.byOwner("other", 10)), [3]);
    await store.close();
  });

  define("packed bytes may be a view of something larger", async (storage) => {
    const store = await storage.open();
    const backing = Uint8Array.from({ length: 100 }, (_, i) => i);
    await store.put([rowOf(1, { packed: Buffer.from(backing.buffer, 10, 3) })]);
    assert.deepEqual(store.byHash(rowOf(1).hash)?.packed, Uint8Array.from([10, 11, 12]));
    assert.equal(backing.length, 100);
    await store.close();
  });

  define(
    "versions are paged in order, keys are listed once each, owners are bounded",
    async (storage) => {
      const store = await storage.open();
      const rows = Array.from({ length: 30 }, (_, i) =>
        rowOf(i + 1, { keyId: `k_${String(i % 10).padStart(2, "0")}` }),
      );
      await store.put(rows.toReversed());
      assert.deepEqual(versions(store.after(0, 3)), [1, 2, 3]);
      assert.deepEqual(versions(store.after(28, 10)), [29, 30]);
      assert.deepEqual(versions(store.byKey("k_03")), [4, 14, 24]);
      const listed = store.list("k_06", 2);
      assert.deepEqual(
        listed.map(({ keyId, version }) => [keyId, version]),
        [
          ["k_07", 28],
          ["k_08", 29],
        ],
      );
      assert.equal(store.byOwner("acme", 5).length, 5);
      await store.close();
    },
  );
}

function owners(define: Define): void {
  define("owners are listed once each, in order, and pages lead on", async (storage) => {
    const store = await storage.open();
    const names = ["", "b", "a", "ö", "a", "b/c"];
    await store.put(names.map((owner, i) => rowOf(i + 1, { owner })));
    assert.deepEqual(store.owners("", 10), ["a", "b", "b/c", "ö"]);
    assert.deepEqual(store.owners("a", 2), ["b", "b/c"]);
    assert.deepEqual(store.owners("ö", 2), []);
    await store.close();
  });
}

function smallThings(define: Define): void {
  define("producers' secrets, answers and named values survive a restart", async (storage) => {
    const first = await storage.open();
    assert.equal(first.producerSecret("p"), undefined);
    await first.putProducer("p", "aa");
    await first.putIdempotent("once", '{"id":1}', 1000);
    first.setMeta("name", "value");
    first.setMeta("name", "newer");
    await first.close();
    const second = await storage.open();
    assert.equal(second.producerSecret("p"), "aa");
    assert.equal(second.getIdempotent("once"), '{"id":1}');
    assert.equal(second.getMeta("name"), "newer");
    assert.equal(second.getMeta("other"), undefined);
    await second.close();
  });

  define("an answer is kept for a day and then forgotten", async (storage) => {
    const dayMs = 86_400_000;
    const store = await storage.open();
    await store.putIdempotent("old", "a", 0);
    await store.putIdempotent("young", "b", 1);
    await store.putIdempotent("new", "c", dayMs);
    assert.deepEqual(
      ["old", "young", "new"].map((key) => store.getIdempotent(key)),
      [undefined, "b", "c"],
    );
    await store.close();
  });
}

function draftOf(n: number, fields: Partial<AuditDraft> = {}): AuditDraft {
  const named = { actor: "admin", action: "createKey", target: `k_${n}`, request: `r${n}` };
  return { atMs: n, ...named, change: '{"name":"ö"}', ...fields };
}

function adminRecords(define: Define): void {
  define("audit entries are numbered and chained, also across a restart", async (storage) => {
    const first = await storage.open();
    assert.deepEqual(first.audit.after(0, 10), []);
    assert.equal((await first.audit.append(draftOf(1))).seq, 1);
    await first.put([rowOf(2)], draftOf(2));
    await first.put([rowOf(3)]);
    await first.close();
    const second = await storage.open();
    await second.audit.append(draftOf(3));
    let previous = auditGenesis;
    for (const [i, { hash, ...entry }] of second.audit.after(0, 10).entries()) {
      assert.deepEqual(entry, { seq: i + 1, ...draftOf(i + 1) });
      assert.equal(hash, auditHash(previous, entry));
      previous = hash;
    }
    assert.equal(second.audit.get(3)?.hash, previous);
    assert.equal(second.audit.get(4), undefined);
    await second.close();
  });

  define("audit entries are paged both ways and found by actor and target", async (storage) => {
    const store = await storage.open();
    for (let n = 1; n <= 6; n++) {
      await store.audit.append(draftOf(n, { actor: n % 2 ? "a" : "b", target: `k_${n % 3}` }));
    }
    const { audit } = store;
    const seqs = (entries: readonly { seq: number }[]): number[] => entries.map(({ seq }) => seq);
    assert.deepEqual(seqs(audit.after(2, 2)), [3, 4]);
    assert.deepEqual(seqs(audit.before(7, 2, {})), [6, 5]);
    assert.deepEqual(seqs(audit.before(5, 9, { actor: "a" })), [3, 1]);
    assert.deepEqual(seqs(audit.before(7, 9, { target: "k_0" })), [6, 3]);
    assert.deepEqual(seqs(audit.before(7, 9, { actor: "b", target: "k_0" })), [6]);
    await store.close();
  });

  define("a token is added and removed together with its audit entry", async (storage) => {
    const token: StoredToken = {
      ...{ id: "t_2", name: "ö", owner: "acme", role: "read-only", hash: "ab".repeat(32) },
      ...{ createdAtMs: 5, expiresAtMs: 0 },
    };
    const other: StoredToken = { ...token, id: "t_1", hash: "cd".repeat(32), role: "admin" };
    const first = await storage.open();
    await first.tokens.add(token, draftOf(1));
    await first.tokens.add(other, draftOf(2));
    await first.close();
    const second = await storage.open();
    assert.deepEqual(second.tokens.all(), [other, token]);
    await second.tokens.remove("t_2", draftOf(3));
    assert.deepEqual(second.tokens.all(), [other]);
    assert.equal(second.audit.after(0, 10).length, 3);
    await second.close();
  });
}

function configs(define: Define): void {
  const draft = (n: number): ConfigDraft => {
    return { atMs: n, actor: "admin", note: `ö ${n}`, format: "yaml", text: `version: ${n}` };
  };

  define("applied configurations are numbered, kept, and in the audit log", async (storage) => {
    const first = await storage.open();
    assert.equal(first.configs.newest(), undefined);
    const { target: _, ...audit } = draftOf(1);
    assert.deepEqual(await first.configs.add(draft(1), audit), { number: 1, ...draft(1) });
    await first.close();
    const second = await storage.open();
    const files = { ...draft(2), format: "files", text: "" } as const;
    await second.configs.add(files, audit);
    await second.configs.add(draft(3), audit);
    assert.deepEqual(second.configs.newest(), { number: 3, ...draft(3) });
    assert.deepEqual(second.configs.get(1), { number: 1, ...draft(1) });
    assert.equal(second.configs.get(4), undefined);
    const heads = second.configs.before(3, 9);
    assert.deepEqual(
      heads.map(({ number, format, characters }) => [number, format, characters]),
      [
        [2, "files", 0],
        [1, "yaml", 10],
      ],
    );
    assert.deepEqual(
      second.audit.after(0, 9).map(({ target }) => target),
      ["1", "2", "3"],
    );
    await second.close();
  });

  define("only the newest configurations are kept", async (storage) => {
    const store = await storage.open();
    const { target: _, ...audit } = draftOf(1);
    for (let n = 1; n <= configsKept + 2; n++) await store.configs.add(draft(n), audit);
    assert.equal(store.configs.get(2), undefined);
    assert.equal(store.configs.before(4, 9).length, 1);
    await store.close();
  });
}

function events(define: Define): void {
  const event = (n: number): EventDraft => {
    return { atMs: n, kind: n % 2 ? "region" : "warning", subject: `s${n % 3}`, detail: "ö" };
  };
  const seqs = (found: readonly { seq: number }[]): number[] => found.map(({ seq }) => seq);

  define("events are numbered, paged both ways and found by kind and subject", async (storage) => {
    const first = await storage.open();
    await first.events.add([1, 2, 3].map(event));
    await first.close();
    const second = await storage.open();
    await second.events.add([4, 5, 6].map(event));
    const { events: kept } = second;
    assert.deepEqual(kept.after(5, 9), [{ seq: 6, ...event(6) }]);
    assert.deepEqual(seqs(kept.after(1, 2)), [2, 3]);
    assert.deepEqual(seqs(kept.before(6, 2, {})), [5, 4]);
    assert.deepEqual(seqs(kept.before(6, 9, { kind: "region" })), [5, 3, 1]);
    assert.deepEqual(seqs(kept.before(7, 9, { kind: "warning", subject: "s0" })), [6]);
    await second.close();
  });

  define("only the newest events are kept, and no number is given again", async (storage) => {
    const store = await storage.open();
    await store.events.add(Array.from({ length: eventsKept + 2 }, (_, i) => event(i)));
    assert.deepEqual(seqs(store.events.after(0, 1)), [3]);
    await store.events.add([event(1)]);
    assert.deepEqual(seqs(store.events.after(0, 1)), [4]);
    assert.deepEqual(seqs(store.events.before(2 ** 40, 1, {})), [eventsKept + 3]);
    await store.close();
  });
}
