/**
 * The saved key records of a gateway. Of a packed record only the fixed fields are read that
 * `access/key-record.ts` puts at its beginning: its length, its hash and its version.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { assert } from "../../base/assert.ts";
import { rowCrc } from "./row-crc.ts";

export const keyTables = `
  CREATE TABLE keys (
    id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, version INTEGER NOT NULL,
    packed BLOB NOT NULL, crc INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX keys_by_version ON keys (version);
  -- One row: the registry's version that all of \`keys\` is at.
  CREATE TABLE registry (version INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT;
`;

/** Bytes of packed records delivered at once. */
const partBytes = 1024 * 1024;
/** Little-endian: u16 length of the whole record, 32 bytes of hash, u64 version. */
const layout = { length: 2, hash: 4, version: 36, bytesMin: 44 };

type Emit = (part: Uint8Array, transfer: readonly ArrayBuffer[]) => void;

export class KeyRows {
  readonly #db: DatabaseSync;
  readonly #put: StatementSync;
  readonly #all: StatementSync;
  readonly #after: StatementSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#put = db.prepare(`INSERT INTO keys (hash, version, packed, crc) VALUES (?, ?, ?, ?)
      ON CONFLICT (hash) DO UPDATE SET version = excluded.version, packed = excluded.packed, crc = excluded.crc`);
    this.#all = db.prepare("SELECT packed, crc FROM keys");
    this.#after = db.prepare("SELECT packed, crc FROM keys WHERE version > ? ORDER BY version");
    for (const statement of [this.#all, this.#after]) statement.setReturnArrays(true);
  }

  /** Within the caller's transaction. */
  put(version: number, packed: Uint8Array): void {
    const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
    for (let at = 0; at < packed.length; ) {
      assert(at + layout.bytesMin <= packed.length, "packed records are whole");
      const length = view.getUint16(at + layout.length, true);
      assert(length >= layout.bytesMin && at + length <= packed.length, "packed records are whole");
      const record = packed.subarray(at, at + length);
      const hash = record.subarray(layout.hash, layout.version);
      const recordVersion = Number(view.getBigUint64(at + layout.version, true));
      this.#put.run(hash, recordVersion, record, crc32(record));
      at += length;
    }
    this.#db.exec("DELETE FROM registry");
    const insert = this.#db.prepare("INSERT INTO registry (version, crc) VALUES (?, ?)");
    insert.run(version, rowCrc(version));
  }

  /** Emits every intact record; the version of all, or 0 if a record was damaged, so that all come again. */
  load(emit: Emit): number {
    const intact = this.#emitAll(this.#all.iterate(), emit);
    const row = this.#db.prepare("SELECT version, crc FROM registry").get();
    const version = Number(row?.["version"] ?? 0);
    return intact && row?.["crc"] === rowCrc(version) ? version : 0;
  }

  after(version: number, emit: Emit): void {
    this.#emitAll(this.#after.iterate(version), emit);
  }

  #emitAll(rows: Iterable<unknown>, emit: Emit): boolean {
    let part = new Uint8Array(partBytes);
    let used = 0;
    let intact = true;
    const flush = (): void => {
      if (used > 0) emit(part.subarray(0, used), [part.buffer]);
      part = new Uint8Array(partBytes);
      used = 0;
    };
    for (const [packed, crc] of rows as Iterable<[Uint8Array, number]>) {
      if (crc32(packed) !== crc) {
        intact = false;
        continue;
      }
      if (used + packed.length > partBytes) flush();
      part.set(packed, used);
      used += packed.length;
    }
    flush();
    return intact;
  }
}
