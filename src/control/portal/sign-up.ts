/**
 * How somebody becomes a person of the portal, and how they come back: a link in a mail, good once and for a short time. Whoever
 * opens it has the mailbox; there is no password to lose.
 *
 * The answer to a request for a link is the same whether or not the address is known here. Mails are limited by the
 * asking address, by the address that is written to, and in all.
 */

import { base62 } from "../../access/base62.ts";
import type { PortalConfig } from "../../access/config-portal.ts";
import { sha256Hex } from "../../base/hash.ts";
import type { Clock, Random } from "../../ports/clock.ts";
import type { Mailer } from "../../ports/mailer.ts";
import type { PortalStore, StoredLink, StoredPerson } from "../../ports/portal-store.ts";
import { type Rate, RateTable } from "../rate-table.ts";
import { attemptAddressesMax, callerOf } from "../token-attempts.ts";

/** People of the portal. */
export const peopleMax = 100_000;
/** Links that one address (of IPv6: its /64) asks for in one go, and how often after that. */
export const linksAskedMax = 10;
export const linkAskedEveryMs = 180_000;
/** Mails to one mailbox in one go, and how often after that. */
export const mailsPerMailboxMax = 3;
export const mailPerMailboxEveryMs = 600_000;
/** Mails in all in one go, and how often after that: 1,200 an hour. */
export const mailsInAllMax = 200;
export const mailInAllEveryMs = 3_000;

const tokenBytes = 32;
const personIdBytes = 16;

export interface SignUpOptions {
  readonly store: PortalStore;
  /** Undefined: no mail can be sent. */
  readonly mailer: Mailer | undefined;
  /** Of links, where no other address is configured. */
  readonly hubUrl: string;
  readonly clock: Clock;
  readonly random: Pick<Random, "bytes">;
}

export type LinkOutcome =
  | { readonly kind: "sent" }
  | { readonly kind: "no-mail" }
  | {
      readonly kind: "too-often";
      readonly what: "address" | "mailbox" | "all";
      readonly waitMs: number;
    };

export type EnterOutcome =
  | { readonly kind: "entered"; readonly person: StoredPerson; readonly isNew: boolean }
  | { readonly kind: "over" }
  | { readonly kind: "full" };

export class SignUp {
  readonly #options: SignUpOptions;
  readonly #addresses = tableOf({ burst: linksAskedMax, everyMs: linkAskedEveryMs });
  readonly #mailboxes = tableOf({ burst: mailsPerMailboxMax, everyMs: mailPerMailboxEveryMs });
  readonly #all = tableOf({ burst: mailsInAllMax, everyMs: mailInAllEveryMs });
  /** Hashes of links that are being used: each is good once, however fast it is used again. */
  readonly #entering = new Set<string>();

  constructor(options: SignUpOptions) {
    this.#options = options;
  }

  get canMail(): boolean {
    return this.#options.mailer !== undefined;
  }

  /** Fails as the mailer does. */
  async sendLink(email: string, address: string, portal: PortalConfig): Promise<LinkOutcome> {
    const { store, mailer, hubUrl, clock, random } = this.#options;
    if (mailer === undefined) return { kind: "no-mail" };
    const nowMs = clock.monotonicMs();
    const rates = [
      ["address", this.#addresses, callerOf(address)],
      ["mailbox", this.#mailboxes, email],
      ["all", this.#all, "all"],
    ] as const;
    for (const [what, table, name] of rates) {
      const waitMs = table.waitMs(name, nowMs);
      if (waitMs > 0) return { kind: "too-often", what, waitMs };
    }
    for (const [, table, name] of rates) table.note(name, nowMs);
    const token = base62(random.bytes(tokenBytes));
    const wallMs = Math.floor(clock.wallMs());
    const expiresAtMs = wallMs + portal.linkLifetimeMs;
    await store.addLink({ hash: sha256Hex(token), email, expiresAtMs }, wallMs);
    await mailer.send({
      to: email,
      ...letter(portal, `${portal.url || hubUrl}/portal#/enter?token=${token}`),
    });
    return { kind: "sent" };
  }

  /** Undefined: it is unknown, used, replaced or over. */
  look(token: string): { readonly email: string; readonly isNew: boolean } | undefined {
    const link = this.#find(token);
    if (link === undefined) return undefined;
    return {
      email: link.email,
      isNew: this.#options.store.personByEmail(link.email) === undefined,
    };
  }

  async enter(token: string): Promise<EnterOutcome> {
    const { store, clock, random } = this.#options;
    const link = this.#find(token);
    if (link === undefined) return { kind: "over" };
    this.#entering.add(link.hash);
    try {
      const known = store.personByEmail(link.email);
      if (known === undefined && store.people() >= peopleMax) return { kind: "full" };
      await store.removeLink(link.hash);
      if (known !== undefined) return { kind: "entered", person: known, isNew: false };
      const id = `p_${base62(random.bytes(personIdBytes))}`;
      const person = { id, email: link.email, createdAtMs: Math.floor(clock.wallMs()) };
      await store.addPerson(person);
      return { kind: "entered", person, isNew: true };
    } finally {
      this.#entering.delete(link.hash);
    }
  }

  #find(token: string): StoredLink | undefined {
    const hash = sha256Hex(token);
    const link = this.#entering.has(hash) ? undefined : this.#options.store.link(hash);
    const isOver = link === undefined || link.expiresAtMs <= this.#options.clock.wallMs();
    return isOver ? undefined : link;
  }
}

function tableOf(rate: Omit<Rate, "entriesMax">): RateTable {
  return new RateTable({ ...rate, entriesMax: attemptAddressesMax });
}

/** The token stands behind `#`: browsers send it to no server, and no log has it. */
function letter(
  { name, linkLifetimeMs }: PortalConfig,
  link: string,
): { subject: string; text: string } {
  const minutes = Math.round(linkLifetimeMs / 60_000);
  const lifetime = minutes < 120 ? `${minutes} minutes` : `${Math.round(minutes / 60)} hours`;
  return {
    subject: `Your link to ${name}`,
    text: [
      `This link opens ${name}:`,
      "",
      link,
      "",
      `It works once, within ${lifetime}. If you did not ask for it, do nothing.`,
      "",
    ].join("\n"),
  };
}
