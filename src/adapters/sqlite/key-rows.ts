/**
 * The saved key records of a gateway. Of a packed record only the fixed fields are read that
 * `access/key-record.ts` puts at its beginning: its flags, its length, its hash and its version.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { assert } from "../../base/assert.ts";
import { rowCrc } from "./row-crc.ts";

export const keyTables = `
  -- identity: the first half of the credential's SHA-256; 128 bits tell a million of them apart and halve the index.
  CREATE TABLE keys (
    id INTEGER PRIMARY KEY, identity BLOB NOT NULL UNIQUE, version INTEGER NOT NULL,
    packed BLOB NOT NULL, crc INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX keys_by_version ON keys (version);
  -- One row: the registry's version that all of \`keys\` is at.
  CREATE TABLE registry (version INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT;
`;

/** Bytes of packed records delivered at once by `after`. */
const partBytes = 1024 * 1024;
/** Row ids read at once by `load`: some 150 KB of ordinary records, 16 MiB of the largest. */
const partRows = 1024;
/** Little-endian: u16 length of the whole record, 32 bytes of hash, u64 version. */
const layout = { length: 2, hash: 4, identityEnd: 20, version: 36, bytesMin: 44 };

type Emit = (part: Uint8Array, transfer: readonly ArrayBuffer[]) => void;

export class KeyRows {
  readonly #db: DatabaseSync;
  readonly #put: StatementSync;
  readonly #setVersion: StatementSync;
  readonly #some: StatementSync;
  readonly #after: StatementSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#put = db.prepare(`INSERT INTO keys (identity, version, packed, crc) VALUES (?, ?, ?, ?)
      ON CONFLICT (identity) DO UPDATE SET version = excluded.version, packed = excluded.packed, crc = excluded.crc
      -- The flags, 0 unless the key is revoked: a tombstone beats any version.
      WHERE substr(packed, 2, 1) = x'00' OR substr(excluded.packed, 2, 1) <> x'00'`);
    // One value for many rows: a row of its own for each of a million records takes twice the time.
    this.#setVersion = db.prepare("INSERT INTO registry (version, crc) VALUES (?, ?)");
    this.#some = db.prepare(`SELECT unhex(group_concat(hex(packed), '')) AS packed,
      json_group_array(length(packed)) AS lengths, json_group_array(crc) AS crcs
      FROM keys WHERE id > ? AND id <= ?`);
    this.#after = db.prepare("SELECT packed, crc FROM keys WHERE version > ? ORDER BY version");
    this.#after.setReturnArrays(true);
  }

  /** Within the caller's transaction. */
  put(version: number, packed: Uint8Array): void {
    const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
    for (let at = 0; at < packed.length; ) {
      assert(at + layout.bytesMin <= packed.length, "packed records are whole");
      const length = view.getUint16(at + layout.length, true);
      assert(length >= layout.bytesMin && at + length <= packed.length, "packed records are whole");
      const record = packed.subarray(at, at + length);
      const identity = record.subarray(layout.hash, layout.identityEnd);
      const recordVersion = Number(view.getBigUint64(at + layout.version, true));
      this.#put.run(identity, recordVersion, record, crc32(record));
      at += length;
    }
    this.#db.exec("DELETE FROM registry");
    this.#setVersion.run(version, rowCrc(version));
  }

  /** Emits every intact record; the version of all; undefined if one was damaged or none was ever saved. */
  load(emit: Emit): number | undefined {
    const last = Number(this.#db.prepare("SELECT max(id) AS id FROM keys").get()?.["id"] ?? 0);
    let intact = true;
    for (let id = 0; id < last; id += partRows) {
      if (!this.#emitSome(id, emit)) intact = false;
    }
    const row = this.#db.prepare("SELECT version, crc FROM registry").get();
    const version = Number(row?.["version"] ?? 0);
    return intact && row?.["crc"] === rowCrc(version) ? version : undefined;
  }

  /** Emits the intact records of `partRows` ids after `id`. Whether all are. */
  #emitSome(id: number, emit: Emit): boolean {
    const row = this.#some.get(id, id + partRows);
    const packed = row?.["packed"] as Uint8Array<ArrayBuffer> | null | undefined;
    if (!row || !packed) return true;
    const crcs = JSON.parse(String(row["crcs"])) as number[];
    let from = 0;
    let kept = 0;
    for (const [i, length] of (JSON.parse(String(row["lengths"])) as number[]).entries()) {
      const record = packed.subarray(from, from + length);
      from += length;
      if (crc32(record) !== crcs[i]) continue;
      if (kept + length !== from) packed.copyWithin(kept, from - length, from);
      kept += length;
    }
    if (kept > 0) emit(packed.subarray(0, kept), [packed.buffer]);
    return kept === from;
  }

  after(version: number, emit: Emit): void {
    let part = new Uint8Array(partBytes);
    let used = 0;
    const flush = (): void => {
      if (used > 0) emit(part.subarray(0, used), [part.buffer]);
      used = 0;
    };
    const rows = this.#after.iterate(version) as Iterable<unknown>;
    for (const [packed, crc] of rows as Iterable<[Uint8Array, number]>) {
      if (crc32(packed) !== crc) continue;
      if (used + packed.length > partBytes) {
        flush();
        part = new Uint8Array(partBytes);
      }
      part.set(packed, used);
      used += packed.length;
    }
    flush();
  }
}
