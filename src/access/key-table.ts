/**
 * A gateway's table of all keys: packed records, found by the hash of the presented key.
 *
 * A credential is a *slot*, a small number that stays the same as long as the table lives; its
 * fields are read from the packed record when asked for. Plans are named in records and interned
 * here; whether the configuration has such a plan is the caller's business.
 */

import { type AsciiSpan, fingerprintAscii, type HashKey } from "../base/hash.ts";
import type { EpochMs, Fingerprint } from "../base/words.ts";
import { hashApiKey, parseApiKey } from "./api-key.ts";
import { type KeyArena, keyArena, supersedes } from "./key-arena.ts";
import { keyCache } from "./key-cache.ts";
import {
  checkKeyRecord,
  isRevoked,
  keyRecordLayout,
  keyRecordLength,
  readRestrictions,
  restrictionCount,
} from "./key-record.ts";
import { type CompiledRestrictions, compileRestrictions } from "./key-restrictions.ts";
import { nameInterner } from "./name-interner.ts";
import { isAscii, readText, readU48, readU64 } from "./packed.ts";
import { fingerprintValue, subjectTag } from "./subject-fingerprint.ts";

const L = keyRecordLayout;

/** Place of a credential in the table: 0 and up. */
export type KeySlot = number;

/** What `identify` gives instead of a slot. The caller's answer is one for all four. */
export const keyRefusal = { malformed: -1, unknown: -2, revoked: -3, expired: -4 } as const;

/** What `remembered` gives for a key that has to be looked up by its hash. */
export const notRemembered = -5;

export type KeyRefusal = keyof typeof keyRefusal;

/** The name of a negative result of `identify`, for metrics. */
export function keyRefusalName(result: number): KeyRefusal {
  return refusalNames[-result - 1] as KeyRefusal;
}

const refusalNames: readonly KeyRefusal[] = ["malformed", "unknown", "revoked", "expired"];

/** `stale`: what the table has is as new or newer. `malformed`: not a record; nothing changed. */
export type ApplyOutcome = "added" | "changed" | "stale" | "malformed" | "full";

export interface KeyTableOptions {
  /** The cluster's key for fingerprints. */
  readonly hashKey: HashKey;
  /** Credentials, at most; default 16,000,000. */
  readonly keysMax?: number;
  /** Presented keys remembered with their slot, at most; default 65,536 (about 8 MB). */
  readonly keyCacheMax?: number;
}

/** Distinct plan names in records, at most; records with further ones are refused as `full`. */
export const planNamesMax = 4_096;

/** Compiled restrictions kept, at most; then all are made anew as needed. */
const restrictionsKeptMax = 10_000;

export interface KeyTable {
  /** Credentials, revoked ones included. */
  readonly count: number;
  /** Bytes of buffers held (without the cache of presented keys). */
  readonly bytes: number;
  /**
   * Takes one packed record. Of two records of a credential a revoked one wins over one that is
   * not, else the higher version: any order of applying gives the same table.
   */
  apply(bytes: Uint8Array, offset: number, length: number): ApplyOutcome;
  /** The slot of a usable key, or one of `keyRefusal`. Allocates nothing for a remembered key. */
  identify(text: string, nowMs: EpochMs): number;
  /** As `identify`, where it needs no hash; else `notRemembered`. */
  remembered(text: string, nowMs: EpochMs): number;
  /** The slot by hash, revoked and expired included; -1 if unknown. */
  find(hash: Uint8Array): KeySlot;
  keyId(slot: KeySlot): string;
  /** "" if none. */
  owner(slot: KeySlot): string;
  isRevoked(slot: KeySlot): boolean;
  /** 0: never. */
  expiresAtMs(slot: KeySlot): EpochMs;
  version(slot: KeySlot): number;
  changedAtMs(slot: KeySlot): EpochMs;
  anchorDay(slot: KeySlot): number;
  ownerAnchorDay(slot: KeySlot): number;
  /** Index into `planNames`, stable while the table lives. */
  planIndex(slot: KeySlot): number;
  /** Every plan named by a record so far. Grows; a plan may be unknown to the configuration. */
  readonly planNames: readonly string[];
  /** Fingerprint halves of `key:<id>`, and of `owner:<owner>` (lo 0 if no owner). */
  keyLo(slot: KeySlot): number;
  keyHi(slot: KeySlot): number;
  ownerLo(slot: KeySlot): number;
  ownerHi(slot: KeySlot): number;
  /** Undefined for a key without any. */
  restrictions(slot: KeySlot): CompiledRestrictions | undefined;
  /** A copy of the packed record. */
  record(slot: KeySlot): Uint8Array;
}

/** A slot is the entry within the shard and, in its low 8 bits, the shard. */
const shardBits = 8;
const shardMask = 0xff;

/** What the arena keeps with an entry. */
const column = { keyLo: 0, keyHi: 1, ownerLo: 2, ownerHi: 3, plan: 4 } as const;

export function keyTable(options: KeyTableOptions): KeyTable {
  const { hashKey } = options;
  const keysMax = options.keysMax ?? 16_000_000;
  const cache = keyCache(options.keyCacheMax ?? 65_536);
  /** One that is empty for all that have no key yet: most tables are small, and their shards would take longer to make than to fill. */
  const none = keyArena();
  const shards = new Array<KeyArena>(1 << shardBits).fill(none);
  const plans = nameInterner(planNamesMax);
  const restrictions = new Map<KeySlot, CompiledRestrictions>();
  const tags = { key: subjectTag("key"), owner: subjectTag("owner") };
  const fingerprint: Fingerprint = { lo: 0, hi: 0 };
  const span: AsciiSpan = { bytes: new Uint8Array(0), from: 0, to: 0 };
  let count = 0;

  const arenaOf = (slot: KeySlot): KeyArena => shards[slot & shardMask] as KeyArena;
  const byteAt = (slot: KeySlot, field: number): number => {
    const arena = arenaOf(slot);
    const entry = slot >>> shardBits;
    return arena.chunk(entry)[arena.offset(entry) + field] as number;
  };
  const timeAt = (slot: KeySlot, field: number): EpochMs => {
    const arena = arenaOf(slot);
    const entry = slot >>> shardBits;
    return readU48(arena.chunk(entry), arena.offset(entry) + field);
  };
  const wordAt = (slot: KeySlot, at: number): number => arenaOf(slot).word(slot >>> shardBits, at);

  function find(bytes: Uint8Array, hashOffset: number): KeySlot {
    const shard = bytes[hashOffset] as number;
    const entry = (shards[shard] as KeyArena).find(bytes, hashOffset);
    return entry < 0 ? -1 : (entry << shardBits) | shard;
  }

  function isNewer(slot: KeySlot, bytes: Uint8Array, offset: number): boolean {
    return supersedes(
      { isRevoked: isRevoked(bytes, offset), version: readU64(bytes, offset + L.version) },
      { isRevoked: byteAt(slot, L.flags) !== 0, version: versionOf(slot) },
    );
  }

  function versionOf(slot: KeySlot): number {
    const arena = arenaOf(slot);
    const entry = slot >>> shardBits;
    return readU64(arena.chunk(entry), arena.offset(entry) + L.version);
  }

  /** Fingerprint of the text in bytes [from, to), as a value of the tag's dimension. */
  function fingerprintBytes(tag: number, bytes: Uint8Array, from: number, to: number): void {
    if (isAscii(bytes, from, to)) {
      span.bytes = bytes;
      span.from = from;
      span.to = to;
      fingerprintAscii(hashKey, tag, span, fingerprint);
    } else fingerprintValue(hashKey, tag, readText(bytes, from, to), fingerprint);
  }

  function writeColumns(slot: KeySlot, bytes: Uint8Array, offset: number): void {
    const arena = arenaOf(slot);
    const entry = slot >>> shardBits;
    const planAt = offset + L.texts + (bytes[offset + L.keyIdLength] as number);
    const ownerAt = planAt + (bytes[offset + L.planLength] as number);
    const ownerEnd = ownerAt + (bytes[offset + L.ownerLength] as number);
    arena.setWord(entry, column.plan, plans.intern(bytes, planAt, ownerAt));
    fingerprintBytes(tags.key, bytes, offset + L.texts, planAt);
    arena.setWord(entry, column.keyLo, fingerprint.lo);
    arena.setWord(entry, column.keyHi, fingerprint.hi);
    if (ownerEnd === ownerAt) fingerprint.lo = fingerprint.hi = 0;
    else fingerprintBytes(tags.owner, bytes, ownerAt, ownerEnd);
    arena.setWord(entry, column.ownerLo, fingerprint.lo);
    arena.setWord(entry, column.ownerHi, fingerprint.hi);
  }

  function apply(bytes: Uint8Array, offset: number, length: number): ApplyOutcome {
    if (checkKeyRecord(bytes, offset, length) !== undefined) return "malformed";
    const planAt = offset + L.texts + (bytes[offset + L.keyIdLength] as number);
    const planEnd = planAt + (bytes[offset + L.planLength] as number);
    if (plans.intern(bytes, planAt, planEnd) < 0) return "full";
    const slot = find(bytes, offset + L.hash);
    if (slot >= 0) {
      if (!isNewer(slot, bytes, offset)) return "stale";
      arenaOf(slot).replace(slot >>> shardBits, bytes.subarray(offset, offset + length));
      restrictions.delete(slot);
      writeColumns(slot, bytes, offset);
      return "changed";
    }
    if (count >= keysMax) return "full";
    const shard = bytes[offset + L.hash] as number;
    if (shards[shard] === none) shards[shard] = keyArena();
    const entry = (shards[shard] as KeyArena).add(bytes, offset, length);
    count++;
    writeColumns((entry << shardBits) | shard, bytes, offset);
    return "added";
  }

  function identify(text: string, nowMs: EpochMs): number {
    let slot = cache.get(text);
    if (slot < 0) {
      if (!parseApiKey(text).ok) return keyRefusal.malformed;
      slot = find(hashApiKey(text), 0);
      if (slot < 0) return keyRefusal.unknown;
      cache.put(text, slot);
    }
    return usable(slot, nowMs);
  }

  function remembered(text: string, nowMs: EpochMs): number {
    const slot = cache.get(text);
    return slot < 0 ? notRemembered : usable(slot, nowMs);
  }

  function usable(slot: KeySlot, nowMs: EpochMs): number {
    if (byteAt(slot, L.flags) !== 0) return keyRefusal.revoked;
    const expiresAtMs = timeAt(slot, L.expiresAtMs);
    return expiresAtMs !== 0 && nowMs >= expiresAtMs ? keyRefusal.expired : slot;
  }

  function restrictionsOf(slot: KeySlot): CompiledRestrictions | undefined {
    const known = restrictions.get(slot);
    if (known !== undefined) return known;
    const arena = arenaOf(slot);
    const entry = slot >>> shardBits;
    const chunk = arena.chunk(entry);
    const offset = arena.offset(entry);
    if (restrictionCount(chunk, offset) === 0) return undefined;
    if (restrictions.size >= restrictionsKeptMax) restrictions.clear();
    const compiled = compileRestrictions(readRestrictions(chunk, offset));
    restrictions.set(slot, compiled);
    return compiled;
  }

  const textAt = (slot: KeySlot, read: (bytes: Uint8Array, offset: number) => string): string => {
    const arena = arenaOf(slot);
    const entry = slot >>> shardBits;
    return read(arena.chunk(entry), arena.offset(entry));
  };

  return {
    get count() {
      return count;
    },
    get bytes() {
      return shards.reduce((sum, shard) => sum + (shard === none ? 0 : shard.bytes), 0);
    },
    planNames: plans.names,
    apply,
    identify,
    remembered,
    find: (hash) => find(hash, 0),
    keyId: (slot) => textAt(slot, keyIdText),
    owner: (slot) => textAt(slot, ownerText),
    isRevoked: (slot) => byteAt(slot, L.flags) !== 0,
    expiresAtMs: (slot) => timeAt(slot, L.expiresAtMs),
    version: versionOf,
    changedAtMs: (slot) => timeAt(slot, L.changedAtMs),
    anchorDay: (slot) => byteAt(slot, L.anchorDay),
    ownerAnchorDay: (slot) => byteAt(slot, L.ownerAnchorDay),
    planIndex: (slot) => wordAt(slot, column.plan),
    keyLo: (slot) => wordAt(slot, column.keyLo),
    keyHi: (slot) => wordAt(slot, column.keyHi),
    ownerLo: (slot) => wordAt(slot, column.ownerLo),
    ownerHi: (slot) => wordAt(slot, column.ownerHi),
    restrictions: restrictionsOf,
    record: (slot) => {
      const arena = arenaOf(slot);
      const entry = slot >>> shardBits;
      const chunk = arena.chunk(entry);
      const offset = arena.offset(entry);
      return chunk.slice(offset, offset + keyRecordLength(chunk, offset));
    },
  };
}

function keyIdText(bytes: Uint8Array, offset: number): string {
  const from = offset + L.texts;
  return readText(bytes, from, from + (bytes[offset + L.keyIdLength] as number));
}

function ownerText(bytes: Uint8Array, offset: number): string {
  const from =
    offset +
    L.texts +
    (bytes[offset + L.keyIdLength] as number) +
    (bytes[offset + L.planLength] as number);
  return readText(bytes, from, from + (bytes[offset + L.ownerLength] as number));
}
