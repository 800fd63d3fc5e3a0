/**
 * Rules over packed key records: which of two records of one credential is newer, what a key looks like to the admin
 * API. Pure.
 */

import {
  credentialId,
  decodeKeyRecord,
  encodeKeyRecord,
  type KeyRecord,
  keyRecordLength,
} from "../access/key-record.ts";
import { assert, present } from "../base/assert.ts";
import type { EpochMs } from "../base/words.ts";
import type { RegistryRow } from "../ports/registry-store.ts";
import type { KeyView, OwnerView } from "./hub-api.ts";

/**
 * Distance between the versions of a registry and those that it gives after it was restored: no two hubs give the same
 * version to two changes, unless one made four billion since its backup.
 */
export const registryEraStep = 2 ** 32;

/** Eras that the next one may be off by: two hubs made from the same backup should not take the same. 2^53 / 2^32 / 2^7 restores. */
const erasAhead = 2 ** 7;

/** The first version of an era above every version known or heard of. `fraction`: random, in [0, 1). */
export function nextEra(highest: number, fraction: number): number {
  const era = Math.floor(highest / registryEraStep) + 1 + Math.floor(fraction * erasAhead);
  return era * registryEraStep;
}

/**
 * True if `given`, from a gateway, is to replace `stored`. A revocation is final. Versions order changes of one era; a
 * record given back from before a restore and one made after it are ordered by the hub's time of their change.
 */
export function replaces(given: KeyRecord, stored: KeyRecord, eraStart: number): boolean {
  if (stored.revoked) return false;
  return given.revoked || isNewer(given, stored, eraStart);
}

function isNewer(one: KeyRecord, other: KeyRecord, eraStart: number): boolean {
  const isSameEra = one.version >= eraStart === other.version >= eraStart;
  return isSameEra ? one.version > other.version : one.changedAtMs > other.changedAtMs;
}

/**
 * A credential that was given back, under what was done to its key while the registry, restored, did not know of this credential:
 * `others` are what it has of the key. A revocation was the key's; plan, name and restrictions are those of the newest change; a
 * secret that was made by a rotation since ends it as it ended the others.
 */
export function underItsKey(
  given: KeyRecord,
  others: readonly KeyRecord[],
  eraStart: number,
): KeyRecord {
  const newer = others.filter((other) => isNewer(other, given, eraStart));
  const newest = newer.reduce<KeyRecord>(
    (found, other) => (isNewer(other, found, eraStart) ? other : found),
    given,
  );
  const endMs = endOf(given, { others, newer });
  const isSooner = endMs > 0 && (given.expiresAtMs === 0 || given.expiresAtMs > endMs);
  return {
    ...given,
    plan: newest.plan,
    name: newest.name,
    restrict: newest.restrict,
    expiresAtMs: isSooner ? endMs : given.expiresAtMs,
    revoked: given.revoked || others.some(({ revoked }) => revoked),
  };
}

/** When the key's other secrets end that are as old, by changes that are newer; 0: never, or there was none. */
function endOf(
  given: KeyRecord,
  { others, newer }: { others: readonly KeyRecord[]; newer: readonly KeyRecord[] },
): number {
  const successor = newer.find(({ createdAtMs }) => createdAtMs > given.createdAtMs);
  const old = (successor === undefined ? newer : others)
    .filter(({ createdAtMs }) => successor === undefined || createdAtMs < successor.createdAtMs)
    .map(({ expiresAtMs }) => expiresAtMs);
  if (successor !== undefined) return Math.max(successor.createdAtMs, ...old);
  return old.includes(0) ? 0 : Math.max(0, ...old);
}

export function recordOf(row: RegistryRow): KeyRecord {
  const decoded = decodeKeyRecord(row.packed);
  assert(decoded.ok, "a stored key record is valid");
  return decoded.record;
}

export function rowOf(record: KeyRecord): RegistryRow {
  const { hash, keyId, owner, version } = record;
  return { hash: hexOf(hash), keyId, owner, version, packed: encodeKeyRecord(record) };
}

export function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** Records packed back to back; undefined if anything in the bytes is not a whole record. */
export function unpackRecords(bytes: Uint8Array): KeyRecord[] | undefined {
  const records: KeyRecord[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + 4 > bytes.length) return undefined;
    const length = keyRecordLength(bytes, at);
    const decoded = decodeKeyRecord(bytes, at, length);
    if (!decoded.ok) return undefined;
    records.push(decoded.record);
    at += length;
  }
  return records;
}

export function packRows(rows: readonly RegistryRow[]): Uint8Array {
  const bytes = new Uint8Array(rows.reduce((sum, row) => sum + row.packed.length, 0));
  let at = 0;
  for (const { packed } of rows) {
    bytes.set(packed, at);
    at += packed.length;
  }
  return bytes;
}

/** What the admin API shows of all credentials of one key; at least one. */
export function keyView(records: readonly KeyRecord[]): KeyView {
  const byAge = [...records].sort((a, b) => a.createdAtMs - b.createdAtMs || a.version - b.version);
  const newest = present(byAge.at(-1), "newest credential");
  // Of several secrets the key lives as long as the last of them: 0, never, is the longest.
  const ends = byAge.filter((r) => !r.revoked).map((r) => r.expiresAtMs);
  return {
    id: newest.keyId,
    plan: newest.plan,
    name: newest.name,
    owner: newest.owner,
    createdAtMs: present(byAge[0], "oldest credential").createdAtMs,
    expiresAtMs: ends.includes(0) ? 0 : Math.max(newest.expiresAtMs, ...ends),
    revoked: byAge.every((r) => r.revoked),
    restrict: newest.restrict,
    version: Math.max(...byAge.map((r) => r.version)),
    credentials: byAge.map(({ hash, createdAtMs, expiresAtMs, revoked }) => ({
      id: credentialId(hash),
      createdAtMs,
      expiresAtMs,
      revoked,
    })),
  };
}

/** Of records of one owner; undefined: there are none. */
export function ownerView(
  owner: string,
  records: readonly KeyRecord[],
  nowMs: EpochMs,
): Omit<OwnerView, "complete"> | undefined {
  const usable = records.filter(
    ({ revoked, expiresAtMs }) => !revoked && (expiresAtMs === 0 || expiresAtMs > nowMs),
  );
  const sinceMs = records.reduce(
    (oldest, record) => Math.min(oldest, record.createdAtMs),
    Infinity,
  );
  if (records.length === 0) return undefined;
  return {
    owner,
    keys: new Set(records.map(({ keyId }) => keyId)).size,
    active: new Set(usable.map(({ keyId }) => keyId)).size,
    plans: [...new Set(usable.map(({ plan }) => plan))].sort(),
    sinceMs,
  };
}
