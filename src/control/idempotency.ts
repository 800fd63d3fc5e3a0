/**
 * `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header, as Stripe does it): the same key with
 * the same request gives the first answer again for 24 hours, with `Idempotent-Replayed: true`.
 *
 * The answer holds a secret that is stored nowhere else, so it is kept encrypted (AES-256-GCM) under
 * a key made (HKDF) from the admin token of the request and the Idempotency-Key: neither is in the
 * database, so that the database or a backup of it opens nothing. After a change of the admin
 * token the answer is out of reach, and a repetition is refused with 409.
 *
 * A marker is made durable before the work starts. If the hub dies in between, a repetition finds
 * the marker and is refused: at most one key is ever made for one Idempotency-Key.
 */

import { sha256Hex } from "../base/hash.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { RegistryStore } from "../ports/registry-store.ts";

export const idempotencyMsMax = 86_400_000;
/** Characters of a key, at most; a UUID has 36. */
export const idempotencyKeyLengthMax = 255;

export interface IdempotencyOptions {
  readonly store: Pick<RegistryStore, "getIdempotent" | "putIdempotent">;
  readonly clock: Pick<Clock, "wallMs">;
  readonly random: Pick<Random, "bytes">;
}

export interface IdempotentRequest {
  /** As the caller sent it. */
  readonly key: string;
  /** The admin token of the request. */
  readonly token: string;
  /** Whose it is: nobody meets the Idempotency-Keys of others. */
  readonly principal: string;
  /** Method, path and body: what must be equal for a repetition. */
  readonly request: string;
}

export type IdempotentOutcome =
  | { readonly kind: "done"; readonly answer: string; readonly replayed: boolean }
  /** The same key with another request. */
  | { readonly kind: "mismatch" }
  /** The first request still runs. */
  | { readonly kind: "running" }
  /** The first request was interrupted; nobody knows whether it took effect. */
  | { readonly kind: "interrupted" }
  /** Done before, but the answer cannot be shown again. */
  | { readonly kind: "gone" };

interface StoredAnswer {
  readonly atMs: number;
  readonly request: string;
  readonly state: "started" | "done" | "failed";
  /** Base64 of 12 bytes of nonce and the encrypted answer. */
  readonly sealed: string;
}

export interface Idempotency {
  /** Runs `work` once and gives its answer. Where `work` fails, nothing is kept and the next one runs. */
  run(request: IdempotentRequest, work: () => Promise<string>): Promise<IdempotentOutcome>;
}

export function createIdempotency(options: IdempotencyOptions): Idempotency {
  const { store, clock, random } = options;
  /** Bounded by the requests in flight. */
  const running = new Set<string>();

  async function run(
    request: IdempotentRequest,
    work: () => Promise<string>,
  ): Promise<IdempotentOutcome> {
    const name = storedName(request);
    const fingerprint = sha256Hex(request.request);
    if (running.has(name)) return { kind: "running" };
    running.add(name);
    try {
      const stored = parseStored(store.getIdempotent(name));
      const isKept = stored !== undefined && clock.wallMs() - stored.atMs < idempotencyMsMax;
      if (isKept && stored.state !== "failed") {
        if (stored.request !== fingerprint) return { kind: "mismatch" };
        if (stored.state === "started") return { kind: "interrupted" };
        const answer = await open(stored.sealed, request);
        return answer === undefined ? { kind: "gone" } : { kind: "done", answer, replayed: true };
      }
      return {
        kind: "done",
        answer: await first(name, fingerprint, request, work),
        replayed: false,
      };
    } finally {
      running.delete(name);
    }
  }

  async function first(
    name: string,
    fingerprint: string,
    request: IdempotentRequest,
    work: () => Promise<string>,
  ): Promise<string> {
    const put = (state: StoredAnswer["state"], sealed: string): Promise<void> => {
      const atMs = clock.wallMs();
      const stored: StoredAnswer = { atMs, request: fingerprint, state, sealed };
      return store.putIdempotent(name, JSON.stringify(stored), atMs);
    };
    await put("started", "");
    let answer: string;
    try {
      answer = await work();
    } catch (error) {
      await put("failed", "");
      throw error;
    }
    await put("done", await seal(answer, request, random.bytes(nonceBytes)));
    return answer;
  }

  return { run };
}

/** The data folder's token has the names of before there were others. No field holds a NUL. */
function storedName({ principal, key }: IdempotentRequest): string {
  return sha256Hex(`idempotency/${principal === "admin" ? "" : `${principal}\0`}${key}`);
}

function parseStored(text: string | undefined): StoredAnswer | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as StoredAnswer);
}

const nonceBytes = 12;
const encoder = new TextEncoder();

type SealingKey = Awaited<ReturnType<typeof globalThis.crypto.subtle.deriveKey>>;

async function sealingKey({ key, token }: IdempotentRequest): Promise<SealingKey> {
  const { subtle } = globalThis.crypto;
  const secret = await subtle.importKey("raw", encoder.encode(token), "HKDF", false, ["deriveKey"]);
  const derivation = {
    name: "HKDF",
    hash: "SHA-256",
    salt: encoder.encode(key),
    info: encoder.encode("tallygate idempotent answer 1"),
  };
  const algorithm = { name: "AES-GCM", length: 256 };
  return subtle.deriveKey(derivation, secret, algorithm, false, ["encrypt", "decrypt"]);
}

async function seal(
  answer: string,
  request: IdempotentRequest,
  nonce: Uint8Array,
): Promise<string> {
  // A copy: WebCrypto's types refuse memory that might be shared.
  const iv = Uint8Array.from(nonce);
  const key = await sealingKey(request);
  const plain = encoder.encode(answer);
  const sealed = await globalThis.crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plain);
  const bytes = new Uint8Array(nonceBytes + sealed.byteLength);
  bytes.set(iv);
  bytes.set(new Uint8Array(sealed), nonceBytes);
  return Buffer.from(bytes).toString("base64");
}

async function open(sealed: string, request: IdempotentRequest): Promise<string | undefined> {
  const bytes = Uint8Array.from(Buffer.from(sealed, "base64"));
  const algorithm = { name: "AES-GCM", iv: bytes.subarray(0, nonceBytes) };
  const key = await sealingKey(request);
  try {
    const { subtle } = globalThis.crypto;
    const plain = await subtle.decrypt(algorithm, key, bytes.subarray(nonceBytes));
    return new TextDecoder().decode(plain);
  } catch {
    // The only way it fails: another admin token than the one that sealed it.
    return undefined;
  }
}
