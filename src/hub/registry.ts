/**
 * The keys: made, changed, rotated and revoked here, each change under the next version, stored before it is
 * told to anybody. Changes happen one after another, so versions are told in their order.
 *
 * Left to others: sending to gateways (registry-sync), what plans and restrictions are valid (`check`).
 */

import { formatApiKey, formatKeyId, hashApiKey, keyEntropyBytesMin } from "../access/api-key.ts";
import { type KeyRecord, keyTextBytesMax, restrictionsMax } from "../access/key-record.ts";
import { TallygateError } from "../base/errors.ts";
import type { EpochMs } from "../base/words.ts";
import type { Random } from "../ports/clock.ts";
import type { RegistryRow, RegistryStore } from "../ports/registry-store.ts";
import type {
  CreatedKey,
  KeyAudit,
  KeyChange,
  KeyRequest,
  KeyView,
  OwnerView,
  RegistryApi,
  Restrictions,
} from "./hub-api.ts";
import {
  hexOf,
  keyView,
  nextEra,
  ownerView,
  recordOf,
  replaces,
  rowOf,
  underItsKey,
} from "./registry-records.ts";

/** Keys of one owner that a list by owner can reach. */
export const keysPerOwnerMax = 10_000;

/** Secrets of one key that may be valid at one time. */
export const credentialsPerKeyMax = 16;

export interface RegistryOptions {
  readonly prefix: () => string;
  readonly hubTimeMs: () => EpochMs;
  readonly random: Random;
  /** A sentence if no such plan exists or a restriction is not valid. */
  readonly check: (plan: string, restrict: Restrictions) => string | undefined;
  /** A key is about to be moved to another plan; the change waits until this resolves. */
  readonly onMove: (keyId: string, plan: string, anchorDay: number) => Promise<void>;
  /** After every stored change, in order of version. */
  readonly onChanged: (rows: readonly RegistryRow[]) => void;
}

export class Registry implements RegistryApi {
  readonly #store: RegistryStore;
  readonly #options: RegistryOptions;
  /** The version last given, at least 1. */
  #version: number;
  /** First version of this era: what comes from gateways with less is from before a restore. */
  #eraStart: number;
  /** Entries above this version are wanted back from gateways that have them. */
  #returnAfter: number | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(store: RegistryStore, options: RegistryOptions) {
    this.#store = store;
    this.#options = options;
    this.#eraStart = Number(store.getMeta("era-start") ?? 0);
    const returnAfter = store.getMeta("return-after");
    this.#returnAfter = returnAfter === undefined ? undefined : Number(returnAfter);
    // Empty is version 1: a gateway that has saved no version has never heard of the registry, and is not ready.
    this.#version = Math.max(store.lastVersion(), this.#eraStart, 1);
  }

  get version(): number {
    return this.#version;
  }

  count(): number {
    return this.#store.count();
  }

  /**
   * The registry was restored, or hears of a version that it never gave: all it gives from now on is above, and entries
   * beyond what it holds are wanted back.
   */
  startEra(heardVersion = 0): void {
    const returnAfter = Math.min(this.#store.lastVersion(), this.#returnAfter ?? Infinity);
    const eraStart = nextEra(
      Math.max(this.#version, heardVersion),
      this.#options.random.fraction(),
    );
    this.#store.setMeta("return-after", String(returnAfter));
    this.#store.setMeta("era-start", String(eraStart));
    this.#returnAfter = returnAfter;
    this.#eraStart = eraStart;
    this.#version = eraStart;
  }

  /** From which version on a gateway that has saved `saved` must give back first; undefined: nothing. */
  wantedFrom(saved: number): number | undefined {
    const after = this.#returnAfter;
    return after !== undefined && saved > after && saved < this.#eraStart ? after : undefined;
  }

  /**
   * Takes in what a gateway gave back. What is new here gets a new version, so that every gateway hears of it. A credential's
   * revocation was its key's: all that there is of the key is revoked.
   */
  async takeReturned(records: readonly KeyRecord[]): Promise<number> {
    return this.#exclusive(async () => {
      const keys = new Map<string, Map<string, KeyRecord>>();
      const taken = new Map<string, KeyRecord>();
      for (const given of records) {
        const hash = hexOf(given.hash);
        const stored = this.#store.byHash(hash);
        const known = taken.get(hash) ?? (stored && recordOf(stored));
        if (known !== undefined && !replaces(given, known, this.#eraStart)) continue;
        const key = keys.get(given.keyId) ?? this.#credentials(given.keyId);
        keys.set(given.keyId, key);
        key.delete(hash);
        const record = underItsKey(given, [...key.values()], this.#eraStart);
        const changed = [...key].filter(([, other]) => record.revoked && !other.revoked);
        const revoked = changed.map(([of, other]) => [of, { ...other, revoked: true }] as const);
        for (const [of, each] of [...revoked, [hash, record] as const]) {
          key.set(of, each);
          taken.set(of, each);
        }
      }
      if (taken.size > 0) await this.#put([...taken.values()], { keepTime: true });
      return taken.size;
    });
  }

  /** By their hashes. */
  #credentials(id: string): Map<string, KeyRecord> {
    return new Map(this.#store.byKey(id).map((row) => [row.hash, recordOf(row)]));
  }

  create(request: KeyRequest, audit?: KeyAudit): Promise<CreatedKey> {
    return this.#exclusive(async () => {
      this.#check(request.plan, request.restrict);
      checkBounds(request);
      const { random } = this.#options;
      const nowMs = Math.floor(this.#options.hubTimeMs());
      const key = this.#mint(request.mode);
      const anchorDay = new Date(nowMs).getUTCDate();
      const first = request.owner === "" ? undefined : this.#store.byOwner(request.owner, 1)[0];
      const record: KeyRecord = {
        hash: hashApiKey(key),
        keyId: formatKeyId(random.bytes(16)),
        plan: request.plan,
        owner: request.owner,
        name: request.name,
        createdAtMs: nowMs,
        expiresAtMs: request.expiresAtMs,
        anchorDay,
        ownerAnchorDay: first === undefined ? anchorDay : recordOf(first).ownerAnchorDay,
        restrict: request.restrict,
        version: 0,
        changedAtMs: 0,
        revoked: false,
      };
      const [stored] = await this.#put([record], { audit });
      return { ...keyView([stored as KeyRecord]), key };
    });
  }

  list(options: { after: string; limit: number; owner?: string }): readonly KeyView[] {
    const { after, limit, owner } = options;
    const ids =
      owner === undefined
        ? this.#store.list(after, limit).map((row) => row.keyId)
        : this.#store.byOwner(owner, keysPerOwnerMax).map((row) => row.keyId);
    const page = [...new Set(ids)].filter((id) => id > after).sort();
    return page.slice(0, limit).map((id) => keyView(this.#records(id)));
  }

  owners(after: string, limit: number): readonly string[] {
    return this.#store.owners(after, limit);
  }

  owner(name: string): OwnerView | undefined {
    const records = this.#store.byOwner(name, keysPerOwnerMax).map(recordOf);
    const view = ownerView(name, records, this.#options.hubTimeMs());
    return view && { ...view, complete: records.length < keysPerOwnerMax };
  }

  get(id: string): KeyView | undefined {
    const records = this.#store.byKey(id).map(recordOf);
    return records.length === 0 ? undefined : keyView(records);
  }

  update(id: string, change: KeyChange, audit?: KeyAudit): Promise<KeyView> {
    return this.#exclusive(async () => {
      const records = this.#records(id).filter((record) => !record.revoked);
      if (records.length === 0) throw new TallygateError("request-invalid", `${id} is revoked`);
      const newestMs = Math.max(...records.map(({ createdAtMs }) => createdAtMs));
      const changed = records.map((record) => changedRecord(record, change, newestMs));
      for (const record of changed) {
        this.#check(record.plan, record.restrict);
        checkBounds(record);
      }
      for (const { plan, anchorDay } of moved(records, changed)) {
        await this.#options.onMove(id, plan, anchorDay);
      }
      await this.#put(changed, { audit });
      return keyView(this.#records(id));
    });
  }

  rotate(id: string, overlapMs: number, audit?: KeyAudit): Promise<CreatedKey> {
    return this.#exclusive(async () => {
      const nowMs = Math.floor(this.#options.hubTimeMs());
      const usable = this.#records(id).filter(
        (r) => !r.revoked && (r.expiresAtMs === 0 || r.expiresAtMs > nowMs),
      );
      const newest = usable.toSorted((a, b) => b.createdAtMs - a.createdAtMs)[0];
      if (newest === undefined) {
        throw new TallygateError("request-invalid", `${id} is revoked or expired`);
      }
      if (usable.length >= credentialsPerKeyMax) {
        throw new TallygateError("request-invalid", `${id} has ${usable.length} valid secrets`);
      }
      // The mode stands in the secret alone, which is not kept: a rotated key is live.
      const key = this.#mint("live");
      const endMs = nowMs + Math.max(0, Math.floor(overlapMs));
      const ending = usable.map((record) => ({
        ...record,
        expiresAtMs: record.expiresAtMs === 0 ? endMs : Math.min(record.expiresAtMs, endMs),
      }));
      const createdAtMs = Math.max(nowMs, newest.createdAtMs + 1);
      const fresh = { ...newest, hash: hashApiKey(key), createdAtMs };
      await this.#put([fresh, ...ending], { audit });
      return { ...keyView(this.#records(id)), key };
    });
  }

  revoke(id: string, audit?: KeyAudit): Promise<KeyView> {
    return this.#exclusive(async () => {
      const open = this.#records(id).filter((record) => !record.revoked);
      const revoked = open.map((record) => ({ ...record, revoked: true }));
      if (revoked.length > 0) await this.#put(revoked, { audit });
      return keyView(this.#records(id));
    });
  }

  /** Rows after a version, in order, for a gateway that catches up. */
  after(version: number, limit: number): readonly RegistryRow[] {
    return this.#store.after(version, limit);
  }

  #mint(mode: KeyRequest["mode"]): string {
    const { prefix, random } = this.#options;
    return formatApiKey({ prefix: prefix(), mode, entropy: random.bytes(keyEntropyBytesMin) });
  }

  #records(id: string): KeyRecord[] {
    const rows = this.#store.byKey(id);
    if (rows.length === 0) throw new TallygateError("not-found", `no key ${id}`);
    return rows.map(recordOf);
  }

  #check(plan: string, restrict: Restrictions): void {
    const problem = this.#options.check(plan, restrict);
    if (problem !== undefined) throw new TallygateError("request-invalid", problem);
  }

  /**
   * Stores records, of one key if `audit` is given, under the next versions, and tells. `keepTime`: what was given back keeps the time of its change,
   * by which a later return of the same credential is judged.
   */
  async #put(
    records: readonly KeyRecord[],
    { keepTime = false, audit }: { keepTime?: boolean; audit?: KeyAudit | undefined },
  ): Promise<KeyRecord[]> {
    const nowMs = Math.floor(this.#options.hubTimeMs());
    const versioned = records.map((record, i) => ({
      ...record,
      version: this.#version + 1 + i,
      // Later than what it changes, also where that was stamped by a clock which was ahead.
      changedAtMs: keepTime ? record.changedAtMs : Math.max(nowMs, record.changedAtMs + 1),
    }));
    const rows = versioned.map(rowOf);
    const target = rows[0]?.keyId ?? "";
    await this.#store.put(rows, audit === undefined ? undefined : { ...audit, target });
    this.#version += rows.length;
    this.#options.onChanged(rows);
    return versioned;
  }

  #exclusive<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(run);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}

/** A secret that was rotated out, being older than that of `newestMs`, is given no more time. */
function changedRecord(record: KeyRecord, change: KeyChange, newestMs: EpochMs): KeyRecord {
  const endMs = change.expiresAtMs ?? record.expiresAtMs;
  const isRotatedOut = record.createdAtMs < newestMs && record.expiresAtMs > 0;
  const isLater = isRotatedOut && (endMs === 0 || endMs > record.expiresAtMs);
  return {
    ...record,
    plan: change.plan ?? record.plan,
    name: change.name ?? record.name,
    expiresAtMs: isLater ? record.expiresAtMs : endMs,
    restrict: change.restrict ?? record.restrict,
  };
}

const encoder = new TextEncoder();

/** Half of what a packed record may take; the other half is far more than its other fields need. */
const restrictionBytesMax = 8_192;

/** What a packed record cannot hold is the requester's mistake, not a bug. */
function checkBounds(
  record: Pick<KeyRecord, "plan" | "owner" | "name" | "expiresAtMs" | "restrict">,
): void {
  for (const field of ["plan", "owner", "name"] as const) {
    const bytes = encoder.encode(record[field]).length;
    if (bytes > keyTextBytesMax[field]) {
      refuse(`${field}: ${bytes} bytes, at most ${keyTextBytesMax[field]} are allowed`);
    }
  }
  const { expiresAtMs } = record;
  if (!Number.isInteger(expiresAtMs) || expiresAtMs < 0 || expiresAtMs >= 2 ** 48) {
    refuse("expiresAt: not an instant that a key can have");
  }
  let total = 0;
  for (const [kind, list] of Object.entries(record.restrict) as [string, readonly string[]][]) {
    if (list.length > restrictionsMax) refuse(`restrict.${kind}: at most ${restrictionsMax}`);
    for (const text of list) {
      const bytes = encoder.encode(text).length;
      total += bytes;
      if (bytes > keyTextBytesMax.restriction) {
        refuse(`restrict.${kind}: a value is longer than ${keyTextBytesMax.restriction} bytes`);
      }
    }
  }
  if (total > restrictionBytesMax) {
    refuse(`restrict: ${total} bytes, at most ${restrictionBytesMax} are allowed`);
  }
}

function refuse(detail: string): never {
  throw new TallygateError("request-invalid", detail);
}

/** The first of the records whose plan is another one than before, if any is: all secrets of a key move together. */
function moved(before: readonly KeyRecord[], after: readonly KeyRecord[]): readonly KeyRecord[] {
  return after.filter((record, i) => record.plan !== before[i]?.plan).slice(0, 1);
}
