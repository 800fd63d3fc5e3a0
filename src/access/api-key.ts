/**
 * API keys: `<prefix>_<live|test>_<secret><checksum>`, e.g. `ipd_live_…`.
 *
 * The secret is base62 of at least 160 random bits. The checksum is CRC-32 of everything before it
 * as 6 base62 digits: it protects nothing, but lets a gateway refuse a mistyped key without a
 * look-up and lets secret scanners recognise a real one. Only the SHA-256 of a key is ever stored:
 * at this entropy a slow hash would add cost and no safety.
 */

import { assert } from "../base/assert.ts";
import { crc32Text, sha256 } from "../base/hash.ts";
import { base62, base62Word, isBase62 } from "./base62.ts";

export type KeyMode = "live" | "test";

/** Random bytes of a secret. 20 make 160 bits and 27 digits. */
export const keyEntropyBytesMin = 20;
export const keyEntropyBytesMax = 32;

export const keyPrefixLengthMax = 16;
const secretLengthMin = 27;
const secretLengthMax = 43;
const checksumLength = 6;

/** Of the whole key, in characters: prefix 1, `_live_` 6, secret 27, checksum 6; and the longest. */
export const apiKeyLengthMin = 1 + 6 + secretLengthMin + checksumLength;
export const apiKeyLengthMax = keyPrefixLengthMax + 6 + secretLengthMax + checksumLength;

export interface ApiKeyParts {
  /** 1 to 16 of `A-Z a-z 0-9`. */
  readonly prefix: string;
  readonly mode: KeyMode;
  /** 20 to 32 unpredictable bytes. */
  readonly entropy: Uint8Array;
}

export type ParsedApiKey =
  | { readonly ok: true; readonly prefix: string; readonly mode: KeyMode }
  | { readonly ok: false; readonly failure: "length" | "shape" | "checksum" };

/** The key's text, to be shown once and then forgotten. */
export function formatApiKey(parts: ApiKeyParts): string {
  assert(isKeyPrefix(parts.prefix), "key prefix out of bounds");
  const { length } = parts.entropy;
  assert(length >= keyEntropyBytesMin && length <= keyEntropyBytesMax, "key entropy out of bounds");
  const body = `${parts.prefix}_${parts.mode}_${base62(parts.entropy)}`;
  return body + base62Word(crc32Text(body));
}

/** Whether the text can be a configuration's `keys.prefix`. */
export function isKeyPrefix(text: string): boolean {
  if (text.length < 1 || text.length > keyPrefixLengthMax) return false;
  return isBase62Between(text, 0, text.length);
}

/**
 * Whether the text has the form of a key and its checksum holds; says nothing of whether the key
 * exists. Linear in the text and at once for anything longer than `apiKeyLengthMax`.
 */
export function parseApiKey(text: string): ParsedApiKey {
  const { length } = text;
  if (length < apiKeyLengthMin || length > apiKeyLengthMax) return failures.length;
  const prefixEnd = text.indexOf("_");
  if (prefixEnd < 1 || prefixEnd > keyPrefixLengthMax) return failures.shape;
  const modeStart = prefixEnd + 1;
  const mode = text.startsWith("live_", modeStart)
    ? "live"
    : text.startsWith("test_", modeStart)
      ? "test"
      : undefined;
  if (mode === undefined) return failures.shape;
  const secretStart = modeStart + 5;
  const secretEnd = length - checksumLength;
  const secretLength = secretEnd - secretStart;
  if (secretLength < secretLengthMin || secretLength > secretLengthMax) return failures.shape;
  if (!isBase62Between(text, 0, prefixEnd)) return failures.shape;
  if (!isBase62Between(text, secretStart, length)) return failures.shape;
  const checksum = base62Word(crc32Text(text.slice(0, secretEnd)));
  if (!text.endsWith(checksum)) return failures.checksum;
  return { ok: true, prefix: text.slice(0, prefixEnd), mode };
}

/** What is stored and replicated of a key: SHA-256 of its text, 32 bytes. */
export function hashApiKey(text: string): Uint8Array {
  return sha256(text);
}

/** The id that quota and reports hang on: `k_` and base62 of 16 random bytes, 24 characters. */
export function formatKeyId(entropy: Uint8Array): string {
  assert(entropy.length === 16, "a key id takes 16 random bytes");
  return `k_${base62(entropy)}`;
}

const failures = {
  length: { ok: false, failure: "length" },
  shape: { ok: false, failure: "shape" },
  checksum: { ok: false, failure: "checksum" },
} as const;

function isBase62Between(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (!isBase62(text.charCodeAt(i))) return false;
  return true;
}
