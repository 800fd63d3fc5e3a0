/**
 * A credential as it is stored, replicated and kept in a gateway's memory: one packed form for all
 * three, so that a million of them are copied and never parsed into objects.
 *
 * One record is one secret. Rotation is a second record with the same `keyId`; revocation is the
 * same record with `revoked` set, a tombstone that is never taken back.
 *
 * Layout, little-endian: the fixed part below, then keyId, plan, owner and name in UTF-8, then the
 * restrictions, each a length byte and its text: referers, addresses, routes.
 */

import { assert } from "../base/assert.ts";
import type { EpochMs } from "../base/words.ts";
import { base62 } from "./base62.ts";
import { isUtf8, readText, readU48, readU64, writeU48, writeU64 } from "./packed.ts";

/** What a key may be used for; an empty list restricts nothing. */
export interface KeyRestrictions {
  /** Host names, or `*.example.com` for every name below it. */
  readonly referers: readonly string[];
  /** CIDR blocks or addresses. */
  readonly addresses: readonly string[];
  /** Paths of routes as the configuration writes them. */
  readonly routes: readonly string[];
}

export const unrestricted: KeyRestrictions = { referers: [], addresses: [], routes: [] };

export interface KeyRecord {
  /** SHA-256 of the key, 32 bytes; the record's identity. */
  readonly hash: Uint8Array;
  /** `k_…`: what quota and reports hang on. 1 to 64 printable ASCII characters. */
  readonly keyId: string;
  /** Name of the plan, which the configuration may or may not (any more) have. */
  readonly plan: string;
  /** "" if none. */
  readonly owner: string;
  /** For people; "" if none. */
  readonly name: string;
  readonly createdAtMs: EpochMs;
  /** 0: never. From this instant on the key is refused. */
  readonly expiresAtMs: EpochMs;
  /** Day of the month, 1 to 31, on which the key id was made: the start of its `month@key`. */
  readonly anchorDay: number;
  /** The same for the owner's first key; equal to `anchorDay` where there is no owner. */
  readonly ownerAnchorDay: number;
  readonly restrict: KeyRestrictions;
  /** The registry's version of this change, 1 to 2^53 - 1. */
  readonly version: number;
  /** Hub time of the last change. */
  readonly changedAtMs: EpochMs;
  readonly revoked: boolean;
}

/** Bounds of the parts, in bytes of UTF-8. */
export const keyTextBytesMax = { keyId: 64, plan: 64, owner: 128, name: 128, restriction: 255 };

/** Restrictions of one kind, at most. */
export const restrictionsMax = 32;

/** A packed record, at most; its length is kept in 16 bits. */
export const keyRecordBytesMax = 16_384;

/** Offsets of the fixed part. Readers elsewhere in this folder use them on checked records only. */
export const keyRecordLayout = {
  format: 0,
  flags: 1,
  /** Bytes of the whole record, u16. */
  length: 2,
  hash: 4,
  version: 36,
  createdAtMs: 44,
  changedAtMs: 50,
  expiresAtMs: 56,
  anchorDay: 62,
  ownerAnchorDay: 63,
  keyIdLength: 64,
  planLength: 65,
  ownerLength: 66,
  nameLength: 67,
  refererCount: 68,
  addressCount: 69,
  routeCount: 70,
  texts: 71,
} as const;

const L = keyRecordLayout;
const formatVersion = 1;
const revokedFlag = 1;

/** Why bytes are not a record. Never holds any of the bytes. */
export type KeyRecordFailure = "too short" | "unknown format" | "wrong length" | "out of bounds";

export type DecodedKeyRecord =
  | { readonly ok: true; readonly record: KeyRecord }
  | { readonly ok: false; readonly failure: KeyRecordFailure };

/** `c_` and base62 of the hash's first 8 bytes: tells the secrets of a rotated key apart. */
export function credentialId(hash: Uint8Array): string {
  return `c_${base62(hash.subarray(0, 8))}`;
}

/** Packs a record. The caller has checked the bounds (see `keyTextBytesMax`); others are bugs. */
export function encodeKeyRecord(record: KeyRecord): Uint8Array {
  const { referers, addresses, routes } = record.restrict;
  const texts = [record.keyId, record.plan, record.owner, record.name].map(encode);
  const restrictions = [...referers, ...addresses, ...routes].map(encode);
  let length: number = L.texts;
  for (const text of texts) length += text.length;
  for (const text of restrictions) length += 1 + text.length;
  assert(record.hash.length === 32, "a key's hash has 32 bytes");
  assert(length <= keyRecordBytesMax, "key record too long");

  const bytes = new Uint8Array(length);
  bytes[L.format] = formatVersion;
  bytes[L.flags] = record.revoked ? revokedFlag : 0;
  bytes[L.length] = length & 0xff;
  bytes[L.length + 1] = length >>> 8;
  bytes.set(record.hash, L.hash);
  writeU64(bytes, L.version, record.version);
  writeU48(bytes, L.createdAtMs, record.createdAtMs);
  writeU48(bytes, L.changedAtMs, record.changedAtMs);
  writeU48(bytes, L.expiresAtMs, record.expiresAtMs);
  bytes[L.anchorDay] = record.anchorDay;
  bytes[L.ownerAnchorDay] = record.ownerAnchorDay;
  for (const [i, text] of texts.entries()) {
    assert(text.length <= 255, "key text too long");
    bytes[L.keyIdLength + i] = text.length;
  }
  for (const [i, list] of [referers, addresses, routes].entries()) {
    assert(list.length <= restrictionsMax, "too many restrictions");
    bytes[L.refererCount + i] = list.length;
  }
  let at: number = L.texts;
  for (const text of texts) {
    bytes.set(text, at);
    at += text.length;
  }
  for (const text of restrictions) {
    assert(text.length <= keyTextBytesMax.restriction, "restriction too long");
    bytes[at] = text.length;
    bytes.set(text, at + 1);
    at += 1 + text.length;
  }
  const failure = checkKeyRecord(bytes, 0, length);
  assert(failure === undefined, `key record is not valid: ${failure}`);
  return bytes;
}

/**
 * Whether `length` bytes from `offset` are one whole record; undefined if so. Everything that
 * reads packed records trusts only what passed here. Allocates nothing for ASCII texts.
 */
export function checkKeyRecord(
  bytes: Uint8Array,
  offset: number,
  length: number,
): KeyRecordFailure | undefined {
  if (length < L.texts || offset < 0 || offset + length > bytes.length) return "too short";
  if (bytes[offset + L.format] !== formatVersion) return "unknown format";
  if (length > keyRecordBytesMax || keyRecordLength(bytes, offset) !== length) {
    return "wrong length";
  }
  const at = (field: number): number => bytes[offset + field] as number;
  const days = at(L.anchorDay) - 1 < 31 && at(L.ownerAnchorDay) - 1 < 31;
  if (at(L.flags) > revokedFlag || !days || at(L.anchorDay) < 1 || at(L.ownerAnchorDay) < 1) {
    return "out of bounds";
  }
  const version = readU64(bytes, offset + L.version);
  if (version < 1 || version > Number.MAX_SAFE_INTEGER) return "out of bounds";
  const idLength = at(L.keyIdLength);
  const planLength = at(L.planLength);
  if (idLength < 1 || idLength > keyTextBytesMax.keyId) return "out of bounds";
  if (planLength < 1 || planLength > keyTextBytesMax.plan) return "out of bounds";
  if (at(L.ownerLength) > keyTextBytesMax.owner) return "out of bounds";
  if (at(L.nameLength) > keyTextBytesMax.name) return "out of bounds";
  for (let i = 0; i < 3; i++) {
    if (at(L.refererCount + i) > restrictionsMax) return "out of bounds";
  }
  return checkTexts(bytes, offset, length);
}

function checkTexts(
  bytes: Uint8Array,
  offset: number,
  length: number,
): KeyRecordFailure | undefined {
  const end = offset + length;
  let from = offset + L.texts;
  for (let i = 0; i < 4; i++) {
    const to = from + (bytes[offset + L.keyIdLength + i] as number);
    if (to > end) return "wrong length";
    // Key ids and plans are names of ours: printable ASCII, which also makes them cheap to read.
    if (i < 2 ? !isPrintableAscii(bytes, from, to) : !isUtf8(bytes, from, to)) {
      return "out of bounds";
    }
    from = to;
  }
  for (let i = restrictionCount(bytes, offset); i > 0; i--) {
    if (from >= end) return "wrong length";
    const to = from + 1 + (bytes[from] as number);
    if (to > end) return "wrong length";
    if (!isUtf8(bytes, from + 1, to)) return "out of bounds";
    from = to;
  }
  return from === end ? undefined : "wrong length";
}

/** Unpacks `length` bytes from `offset`. The result shares nothing with `bytes`. */
export function decodeKeyRecord(
  bytes: Uint8Array,
  offset = 0,
  length = bytes.length - offset,
): DecodedKeyRecord {
  const failure = checkKeyRecord(bytes, offset, length);
  if (failure !== undefined) return { ok: false, failure };
  const at = (field: number): number => bytes[offset + field] as number;
  let next = offset + L.texts;
  const take = (size: number): string => {
    next += size;
    return readText(bytes, next - size, next);
  };
  const texts = [L.keyIdLength, L.planLength, L.ownerLength, L.nameLength].map((field) =>
    take(at(field)),
  );
  return {
    ok: true,
    record: {
      hash: bytes.slice(offset + L.hash, offset + L.hash + 32),
      keyId: texts[0] as string,
      plan: texts[1] as string,
      owner: texts[2] as string,
      name: texts[3] as string,
      createdAtMs: readU48(bytes, offset + L.createdAtMs),
      expiresAtMs: readU48(bytes, offset + L.expiresAtMs),
      anchorDay: at(L.anchorDay),
      ownerAnchorDay: at(L.ownerAnchorDay),
      restrict: readRestrictions(bytes, offset),
      version: readU64(bytes, offset + L.version),
      changedAtMs: readU48(bytes, offset + L.changedAtMs),
      revoked: isRevoked(bytes, offset),
    },
  };
}

/** Bytes of the record that starts at `offset`, as it says itself; check before trusting it. */
export function keyRecordLength(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + L.length] as number) | ((bytes[offset + L.length + 1] as number) << 8);
}

/** Of a checked record. */
export function isRevoked(bytes: Uint8Array, offset: number): boolean {
  return bytes[offset + L.flags] === revokedFlag;
}

/** Restrictions of all kinds, of a checked record. */
export function restrictionCount(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset + L.refererCount] as number) +
    (bytes[offset + L.addressCount] as number) +
    (bytes[offset + L.routeCount] as number)
  );
}

/** Of a checked record. */
export function readRestrictions(bytes: Uint8Array, offset: number): KeyRestrictions {
  let next = offset + L.texts;
  for (let i = 0; i < 4; i++) next += bytes[offset + L.keyIdLength + i] as number;
  const list = (countField: number): string[] => {
    const texts: string[] = [];
    for (let i = bytes[offset + countField] as number; i > 0; i--) {
      const end = next + 1 + (bytes[next] as number);
      texts.push(readText(bytes, next + 1, end));
      next = end;
    }
    return texts;
  };
  return {
    referers: list(L.refererCount),
    addresses: list(L.addressCount),
    routes: list(L.routeCount),
  };
}

function isPrintableAscii(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    if (byte < 0x21 || byte > 0x7e) return false;
  }
  return true;
}

const encoder = new TextEncoder();

function encode(text: string): Uint8Array {
  return encoder.encode(text);
}
