/**
 * Sessions of people at a browser, operators and persons of the portal alike. A session is an opaque random id in a cookie;
 * here only its hash is known. It ends when idle for long, at its absolute age, on log-out, and with what it was made from:
 * an operator's with the token that logged in, a person's with the person.
 */

import { base62 } from "../access/base62.ts";
import { equalSecrets, sha256, sha256Hex } from "../base/hash.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { PortalStore, StoredSession } from "../ports/portal-store.ts";

export type SessionKind = StoredSession["kind"];

/** Sessions of either kind; beyond it the one that was used longest ago ends. */
export const browserSessionsMax = 20_000;
/** Sessions of one operator's token or one person; beyond it, likewise. */
export const sessionsPerSubjectMax = 16;

export const operatorIdleMsMax = 12 * 3_600_000;
export const operatorSessionMsMax = 7 * 86_400_000;
export const personIdleMsMax = 7 * 86_400_000;
export const personSessionMsMax = 30 * 86_400_000;

const bounds: Readonly<Record<SessionKind, { idleMs: number; absoluteMs: number }>> = {
  operator: { idleMs: operatorIdleMsMax, absoluteMs: operatorSessionMsMax },
  person: { idleMs: personIdleMsMax, absoluteMs: personSessionMsMax },
};

/** A session's last use is noted at most this often. */
const noteUseEveryMs = 60_000;
const idBytes = 32;

export type Session = StoredSession;

export interface SessionsOptions {
  /** It belongs to this process: what it holds is read once. */
  readonly store: Pick<PortalStore, "sessions" | "putSession" | "removeSession">;
  readonly log: Pick<Log, "error">;
  readonly clock: Pick<Clock, "wallMs">;
  readonly random: Pick<Random, "bytes">;
}

export class Sessions {
  readonly #options: SessionsOptions;
  /** By hash, in order of last use as far as noted. */
  #loaded: Map<string, Session> | undefined;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** The id for the cookie: given this one time. The session is stored when it resolves. */
  async begin(kind: SessionKind, subject: string): Promise<string> {
    const id = base62(this.#options.random.bytes(idBytes));
    const nowMs = Math.floor(this.#options.clock.wallMs());
    this.#makeRoom(subject, nowMs);
    const hash = sha256Hex(id);
    const session = { kind, hash, subject, createdAtMs: nowMs, usedAtMs: nowMs };
    await this.#options.store.putSession(session);
    this.#sessions.set(hash, session);
    return id;
  }

  /** Undefined for an id that is unknown, over, or of the other kind. */
  find(kind: SessionKind, id: string): Session | undefined {
    const session = this.#sessions.get(sha256Hex(id));
    if (session === undefined || session.kind !== kind) return undefined;
    if (endsAtMs(session) > this.#options.clock.wallMs()) return session;
    this.#forget(session);
    return undefined;
  }

  /** The same, and its idle time begins anew. */
  use(kind: SessionKind, id: string): Session | undefined {
    const session = this.find(kind, id);
    if (session === undefined) return undefined;
    const nowMs = Math.floor(this.#options.clock.wallMs());
    if (nowMs - session.usedAtMs < noteUseEveryMs) return session;
    const used = { ...session, usedAtMs: nowMs };
    this.#sessions.delete(session.hash);
    this.#sessions.set(session.hash, used);
    this.#later(this.#options.store.putSession(used));
    return used;
  }

  /** Over from the moment it is called, and after a restart once it resolves. */
  async end(session: Session): Promise<void> {
    this.#sessions.delete(session.hash);
    await this.#options.store.removeSession(session.hash);
  }

  /** All of them: the token was revoked, the person is gone. */
  async endAllOf(subject: string): Promise<void> {
    await Promise.all(this.#of(subject).map((session) => this.end(session)));
  }

  get size(): number {
    return this.#sessions.size;
  }

  #makeRoom(subject: string, nowMs: number): void {
    const own = this.#of(subject);
    if (own.length >= sessionsPerSubjectMax && own[0] !== undefined) this.#forget(own[0]);
    if (this.#sessions.size < browserSessionsMax) return;
    for (const session of this.#sessions.values()) {
      if (endsAtMs(session) <= nowMs) this.#forget(session);
    }
    const [oldest] = this.#sessions.values();
    if (this.#sessions.size >= browserSessionsMax && oldest !== undefined) this.#forget(oldest);
  }

  #forget(session: Session): void {
    this.#later(this.end(session));
  }

  /** What is lost by a failure here is a note of use, or a row that says nothing: it is over by its own times. */
  #later(write: Promise<void>): void {
    write.catch((error: unknown) => this.#options.log.error("a session was not stored", {}, error));
  }

  get #sessions(): Map<string, Session> {
    this.#loaded ??= new Map(
      this.#options.store.sessions().map((session) => [session.hash, session]),
    );
    return this.#loaded;
  }

  /** In order of last use. */
  #of(subject: string): Session[] {
    return [...this.#sessions.values()].filter((session) => session.subject === subject);
  }
}

/** When it ends if it is not used again. */
export function endsAtMs({ kind, createdAtMs, usedAtMs }: Session): number {
  const { idleMs, absoluteMs } = bounds[kind];
  return Math.min(usedAtMs + idleMs, createdAtMs + absoluteMs);
}

/**
 * What a page of this origin must send in `x-csrf-token` with every change: made from the cookie's id, which scripts
 * cannot read, so that nothing needs to be kept.
 */
export function csrfTokenOf(sessionId: string): string {
  return base62(sha256(`tallygate csrf ${sessionId}`));
}

export function isCsrfTokenOf(sessionId: string, token: string | undefined): boolean {
  return token !== undefined && equalSecrets(sha256(csrfTokenOf(sessionId)), sha256(token));
}
