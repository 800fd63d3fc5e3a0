/** The portal's people, the links that were sent to them, and the sessions of everybody at a browser. */

import type { EpochMs } from "../base/words.ts";

/** Somebody whose e-mail address is verified. */
export interface StoredPerson {
  /** `p_…`; also the owner of their keys, so that no address stands in usage rows. */
  readonly id: string;
  /** As compared: in lower case. */
  readonly email: string;
  readonly createdAtMs: EpochMs;
}

/** A link in a mail that proves an address once. */
export interface StoredLink {
  /** Lower-case hex SHA-256 of what is in the link. */
  readonly hash: string;
  readonly email: string;
  readonly expiresAtMs: EpochMs;
}

export interface StoredSession {
  /** `operator`: of the dashboard; `person`: of the portal. */
  readonly kind: "operator" | "person";
  /** Lower-case hex SHA-256 of the cookie's id. */
  readonly hash: string;
  /** An operator's: the hash of the token; a person's: the person's id. */
  readonly subject: string;
  readonly createdAtMs: EpochMs;
  readonly usedAtMs: EpochMs;
}

/** Links kept; beyond it the one that expires first is forgotten. */
export const linksKept = 2_000;

/**
 * Reads give what the calls made before them have written, once those have resolved; everything read is checked against the row's CRC,
 * and a damaged row fails the call with `data-damaged`. Writes are synced when they resolve.
 */
export interface PortalStore {
  people(): number;
  person(id: string): StoredPerson | undefined;
  personByEmail(email: string): StoredPerson | undefined;
  /** Fails with `registry-failed` if the id or the address is there already. */
  addPerson(person: StoredPerson): Promise<void>;
  /** With their sessions. */
  removePerson(id: string): Promise<void>;
  link(hash: string): StoredLink | undefined;
  /** Takes the place of earlier links to the same address; links that are over at `nowMs` are forgotten. */
  addLink(link: StoredLink, nowMs: EpochMs): Promise<void>;
  removeLink(hash: string): Promise<void>;
  /** In order of last use, then of hash. */
  sessions(): readonly StoredSession[];
  /** Inserts, or replaces by hash. */
  putSession(session: StoredSession): Promise<void>;
  removeSession(hash: string): Promise<void>;
}
