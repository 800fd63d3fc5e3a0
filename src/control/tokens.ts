/**
 * Who may use the admin API: the holder of the token in the data folder, always as admin, and holders of named tokens,
 * each with a role and an expiry. A token is looked up by its whole hash; the text is shown once and never kept.
 */

import { base62, base62Word } from "../access/base62.ts";
import { crc32Text, equalSecrets, sha256Hex } from "../base/hash.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { StoredToken, TokenRole, TokenStore } from "../ports/token-store.ts";

/** Named tokens that there may be, expired ones included. */
export const tokensMax = 1_000;
/** Characters of a token, at most: a longer one is refused unread. */
export const tokenLengthMax = 512;

const tokenBytes = 32;
const idBytes = 16;

/** Who makes a request. */
export interface Principal {
  /** `admin`: the token of the data folder. */
  readonly id: string;
  readonly name: string;
  readonly role: TokenRole;
  /** "": all. */
  readonly owner: string;
}

const holder: Principal = {
  ...{ id: "admin", name: "the data folder's token", role: "admin", owner: "" },
};

export interface TokensOptions {
  readonly store: TokenStore;
  /** SHA-256 of the data folder's token: asked for every time. */
  readonly adminTokenHash: () => Uint8Array;
  readonly clock: Pick<Clock, "wallMs">;
  readonly random: Pick<Random, "bytes">;
}

/** The store belongs to this process: what it holds is read once. */
export class Tokens {
  readonly #options: TokensOptions;
  #byHash: Map<string, StoredToken> | undefined;

  constructor(options: TokensOptions) {
    this.#options = options;
  }

  /** Undefined for a token that is unknown, removed or expired. */
  principalOf(token: string): Principal | undefined {
    return this.find(token)?.principal;
  }

  /** The same, with the hash under which `principalOfHash` finds it again. */
  find(token: string): { readonly principal: Principal; readonly hash: string } | undefined {
    const hash = sha256Hex(token);
    const principal = this.principalOfHash(hash);
    return principal === undefined ? undefined : { principal, hash };
  }

  /** Of a token by its SHA-256 in hex. */
  principalOfHash(hash: string): Principal | undefined {
    // Hashing first makes both sides equally long and the comparison independent of the token.
    if (equalSecrets(bytesOfHex(hash), this.#options.adminTokenHash())) return holder;
    const found = this.#tokens().get(hash);
    if (found === undefined || this.isExpired(found)) return undefined;
    const { id, name, role, owner } = found;
    return { id, name, role, owner };
  }

  isExpired({ expiresAtMs }: StoredToken): boolean {
    return expiresAtMs !== 0 && expiresAtMs <= this.#options.clock.wallMs();
  }

  /** In order of their making. */
  list(): readonly StoredToken[] {
    return [...this.#tokens().values()].sort(
      (a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1),
    );
  }

  get(id: string): StoredToken | undefined {
    return this.list().find((token) => token.id === id);
  }

  /** A fresh token, not stored yet: `tgt_`, base62 of 256 random bits, CRC-32 of all before it as 6 digits. */
  mint(fields: Pick<StoredToken, "name" | "role" | "owner" | "expiresAtMs">): MintedToken {
    const { random, clock } = this.#options;
    const body = `tgt_${base62(random.bytes(tokenBytes))}`;
    const token = body + base62Word(crc32Text(body));
    const id = `t_${base62(random.bytes(idBytes))}`;
    const createdAtMs = Math.floor(clock.wallMs());
    return { token, stored: { id, hash: sha256Hex(token), createdAtMs, ...fields } };
  }

  /** Valid when it resolves. */
  async add(token: StoredToken, audit: Parameters<TokenStore["add"]>[1]): Promise<void> {
    await this.#options.store.add(token, audit);
    this.#tokens().set(token.hash, token);
  }

  /** Refused from the moment it is called, whether or not it can be stored. */
  async remove(token: StoredToken, audit: Parameters<TokenStore["remove"]>[1]): Promise<void> {
    this.#tokens().delete(token.hash);
    await this.#options.store.remove(token.id, audit);
  }

  #tokens(): Map<string, StoredToken> {
    this.#byHash ??= new Map(this.#options.store.all().map((token) => [token.hash, token]));
    return this.#byHash;
  }
}

export interface MintedToken {
  /** To be shown once. */
  readonly token: string;
  readonly stored: StoredToken;
}

function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}
