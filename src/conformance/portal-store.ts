/** What every `PortalStore` keeps: run with the registry that it is part of. */

import assert from "node:assert/strict";
import {
  linksKept,
  type PortalStore,
  type StoredLink,
  type StoredPerson,
  type StoredSession,
} from "../ports/portal-store.ts";

/** `open` may be called again once the one opened before is closed. */
interface PortalStorage {
  open(): Promise<{ readonly portal: PortalStore; close(): Promise<void> }>;
}

type Define = (name: string, run: (storage: PortalStorage) => Promise<void>) => void;

const person = (n: number): StoredPerson => {
  return { id: `p_${n}`, email: `ö${n}@example.com`, createdAtMs: 2 ** 40 + n };
};
const link = (n: number, expiresAtMs = 100 + n): StoredLink => {
  return { hash: n.toString(16).padStart(64, "0"), email: `l${n}@example.com`, expiresAtMs };
};
const session = (n: number, fields: Partial<StoredSession> = {}): StoredSession => {
  const hash = n.toString(16).padStart(64, "0");
  return { kind: "person", hash, subject: "p_1", createdAtMs: 5, usedAtMs: n, ...fields };
};

export function portalStoreConformance(define: Define): void {
  define("a person is found by id and by address, also after a restart", async (storage) => {
    const first = await storage.open();
    await first.portal.addPerson(person(1));
    await first.portal.addPerson(person(2));
    await first.close();
    const second = await storage.open();
    const { portal } = second;
    assert.equal(portal.people(), 2);
    assert.deepEqual(portal.person("p_1"), person(1));
    assert.deepEqual(portal.personByEmail(person(2).email), person(2));
    assert.equal(portal.person("p_3"), undefined);
    assert.equal(portal.personByEmail("p_1"), undefined);
    await second.close();
  });

  define("an address is one person's, an id likewise", async (storage) => {
    const store = await storage.open();
    await store.portal.addPerson(person(1));
    const doubles = [
      { ...person(1), id: "p_9" },
      { ...person(1), email: "other@example.com" },
    ];
    for (const double of doubles) await assert.rejects(store.portal.addPerson(double));
    assert.equal(store.portal.people(), 1);
    assert.deepEqual(store.portal.person("p_1"), person(1));
    await store.close();
  });

  define("a person goes with their sessions, and with nobody else's", async (storage) => {
    const store = await storage.open();
    const { portal } = store;
    await portal.addPerson(person(1));
    await portal.putSession(session(1));
    await portal.putSession(session(2, { subject: "p_2" }));
    await portal.putSession(session(3, { kind: "operator" }));
    await portal.removePerson("p_1");
    assert.equal(portal.person("p_1"), undefined);
    assert.deepEqual(portal.sessions(), [
      session(2, { subject: "p_2" }),
      session(3, { kind: "operator" }),
    ]);
    await store.close();
  });

  define("a link is kept until it is removed, replaced or over", async (storage) => {
    const store = await storage.open();
    const { portal } = store;
    await portal.addLink(link(1), 0);
    await portal.addLink(link(2), 0);
    assert.deepEqual(portal.link(link(1).hash), link(1));
    await portal.removeLink(link(1).hash);
    assert.equal(portal.link(link(1).hash), undefined);
    const again = { ...link(3), email: link(2).email };
    await portal.addLink(again, 0);
    assert.equal(portal.link(link(2).hash), undefined, "only the newest of an address");
    await portal.addLink(link(4), again.expiresAtMs - 1);
    assert.deepEqual(portal.link(again.hash), again);
    await portal.addLink(link(5), again.expiresAtMs);
    assert.equal(portal.link(again.hash), undefined);
    await store.close();
  });

  define("links are bounded: the one that expires first goes", async (storage) => {
    const store = await storage.open();
    const { portal } = store;
    const adding = Array.from({ length: linksKept }, (_, i) => portal.addLink(link(i + 1), 0));
    await Promise.all(adding);
    assert.ok(portal.link(link(1).hash));
    await portal.addLink(link(linksKept + 1), 0);
    assert.equal(portal.link(link(1).hash), undefined);
    assert.ok(portal.link(link(2).hash));
    await store.close();
  });

  define("sessions come in order of last use, replaced by hash, until removed", async (storage) => {
    const first = await storage.open();
    await first.portal.putSession(session(2));
    await first.portal.putSession(session(1));
    await first.portal.putSession(session(2, { usedAtMs: 2 ** 40 }));
    await first.portal.putSession(session(3));
    await first.close();
    const second = await storage.open();
    await second.portal.removeSession(session(3).hash);
    const kept = [session(1), session(2, { usedAtMs: 2 ** 40 })];
    assert.deepEqual(second.portal.sessions(), kept);
    await second.close();
  });
}
