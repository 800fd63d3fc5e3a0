/** `PortalStore` in memory. */

import { TallygateError } from "../../base/errors.ts";
import {
  linksKept,
  type PortalStore,
  type StoredLink,
  type StoredPerson,
  type StoredSession,
} from "../../ports/portal-store.ts";

export class MemoryPortal implements PortalStore {
  storedPeople = new Map<string, StoredPerson>();
  storedLinks = new Map<string, StoredLink>();
  storedSessions = new Map<string, StoredSession>();

  people(): number {
    return this.storedPeople.size;
  }

  person(id: string): StoredPerson | undefined {
    return this.storedPeople.get(id);
  }

  personByEmail(email: string): StoredPerson | undefined {
    return [...this.storedPeople.values()].find((person) => person.email === email);
  }

  async addPerson(person: StoredPerson): Promise<void> {
    if (this.person(person.id) !== undefined || this.personByEmail(person.email) !== undefined) {
      throw new TallygateError("registry-failed", "the person is there already");
    }
    this.storedPeople.set(person.id, person);
  }

  async removePerson(id: string): Promise<void> {
    this.storedPeople.delete(id);
    for (const { hash, kind, subject } of this.storedSessions.values()) {
      if (kind === "person" && subject === id) this.storedSessions.delete(hash);
    }
  }

  link(hash: string): StoredLink | undefined {
    return this.storedLinks.get(hash);
  }

  async addLink(link: StoredLink, nowMs: number): Promise<void> {
    for (const { hash, email, expiresAtMs } of this.storedLinks.values()) {
      if (expiresAtMs <= nowMs || email === link.email) this.storedLinks.delete(hash);
    }
    this.storedLinks.set(link.hash, link);
    if (this.storedLinks.size <= linksKept) return;
    const [first] = [...this.storedLinks.values()].sort(
      (a, b) => a.expiresAtMs - b.expiresAtMs || (a.hash < b.hash ? -1 : 1),
    );
    if (first !== undefined) this.storedLinks.delete(first.hash);
  }

  async removeLink(hash: string): Promise<void> {
    this.storedLinks.delete(hash);
  }

  sessions(): readonly StoredSession[] {
    return [...this.storedSessions.values()].sort(
      (a, b) => a.usedAtMs - b.usedAtMs || (a.hash < b.hash ? -1 : 1),
    );
  }

  async putSession(session: StoredSession): Promise<void> {
    this.storedSessions.set(session.hash, session);
  }

  async removeSession(hash: string): Promise<void> {
    this.storedSessions.delete(hash);
  }
}
