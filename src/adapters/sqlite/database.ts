/**
 * Opens one of Tallygate's database files, or makes it.
 *
 * A file is made under another name and renamed when its schema is complete and synced, so a file
 * that exists was once whole. Version and kind stand in the header of the file itself (they are
 * written before it is switched to a write-ahead log). A file that is not ours, is of a newer version or is damaged
 * is refused before anything is opened for writing, and stays as it is byte for byte.
 */

import { closeSync, existsSync, fsyncSync, openSync, readSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type ErrorCode, TallygateError } from "../../base/errors.ts";
import { makeFolder, syncFolder } from "./folder.ts";
import { damaged, sqliteCode, storeError } from "./sqlite-error.ts";

export interface DatabaseSpec {
  readonly file: string;
  /** Which of Tallygate's files it is; see `applicationIds`. */
  readonly applicationId: number;
  /** Version of the schema, from 1. A file with a higher one is refused. */
  readonly version: number;
  /** Makes the tables of `version`. */
  readonly schema: string;
  /** What leads from each version to the next, beginning with that from 1 to 2. Run in one transaction, synced. */
  readonly upgrades?: readonly string[];
  /** One connection for good: spares the locks and the shared memory of every transaction. */
  readonly exclusive?: boolean;
  /** `full`: every commit is synced. `off`: the caller syncs when it must. */
  readonly synchronous: "full" | "off";
  readonly cacheKiB: number;
  /** Pages in the log after which a commit checkpoints; 0: the caller checkpoints. */
  readonly autoCheckpointPages: number;
  /** Code of a failed write. */
  readonly failed: ErrorCode;
}

type FileSpec = Pick<DatabaseSpec, "file" | "applicationId" | "version" | "upgrades">;

/** "TG" and a letter: what `file` and people see in the header. */
export const applicationIds = {
  journal: 0x54_47_00_4a,
  stream: 0x54_47_00_53,
  ledger: 0x54_47_00_4c,
  registry: 0x54_47_00_52,
  state: 0x54_47_00_47,
  status: 0x54_47_00_50,
} as const;

export const pageBytes = 4096;
/** How long a statement waits for a lock that somebody's hand (`sqlite3`) holds. */
const busyTimeoutMs = 5000;
/** Fixed offsets of the file header: https://www.sqlite.org/fileformat2.html#the_database_header */
const header = { bytes: 100, pageSize: 16, userVersion: 60, applicationId: 68 };
/** SQLITE_READONLY_ROLLBACK: a journal has to be rolled back, and whoever asks may not write. */
const readOnlyRollback = 776;
const magic = "SQLite format 3\0";

/** Fails with `data-newer`, `data-damaged`, `data-unwritable`, `data-in-use` or the spec's own code. */
export function openDatabase(spec: DatabaseSpec): DatabaseSync {
  makeFolder(dirname(spec.file));
  if (existsSync(spec.file)) checkDatabase(spec);
  else createDatabase(spec);
  return attempt(spec, () => {
    const db = new DatabaseSync(spec.file, { timeout: busyTimeoutMs });
    try {
      if (spec.exclusive) db.exec("PRAGMA locking_mode = EXCLUSIVE");
      db.exec("PRAGMA journal_mode = WAL");
      db.exec(`PRAGMA synchronous = ${spec.synchronous}`);
      db.exec(`PRAGMA cache_size = -${spec.cacheKiB}`);
      db.exec("PRAGMA temp_store = MEMORY");
      db.exec(`PRAGMA wal_autocheckpoint = ${spec.autoCheckpointPages}`);
      // SQLite opens a file that it may not write without a word; this asks.
      db.exec("BEGIN IMMEDIATE; COMMIT");
      upgrade(db, spec);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

/** A second connection to a file that this process has opened with `openDatabase` and not `exclusive`. */
export function openBeside(spec: Pick<DatabaseSpec, "file" | "failed" | "cacheKiB">): DatabaseSync {
  return attempt(spec, () => {
    const db = new DatabaseSync(spec.file, { timeout: busyTimeoutMs });
    db.exec("PRAGMA synchronous = FULL");
    db.exec(`PRAGMA cache_size = -${spec.cacheKiB}`);
    return db;
  });
}

/**
 * Fails with `data-damaged` or `data-newer` unless the file is a database of this kind and version whose tables can be
 * read. Finds what makes a file unusable, not a flipped bit within: rows carry their own CRC.
 */
export function checkDatabase(spec: FileSpec & Pick<DatabaseSpec, "failed">): void {
  attempt(spec, () => checkHeader(spec, readHeader(spec.file)));
  attempt(spec, () => {
    try {
      checkTables(spec, { readOnly: true });
    } catch (error) {
      // A crash while the file was switched to a write-ahead log: it is taken back first, and nothing of ours is lost by that.
      if (sqliteCode(error) !== readOnlyRollback) throw error;
      checkTables(spec, { readOnly: false });
    }
  });
}

function checkTables(spec: FileSpec, { readOnly }: { readonly readOnly: boolean }): void {
  const db = new DatabaseSync(spec.file, { readOnly, timeout: busyTimeoutMs });
  try {
    refuseOther(spec, userVersion(db));
    const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    if (tables.length === 0) throw damaged(spec.file);
    for (const { name } of tables) db.prepare(`SELECT 1 FROM "${String(name)}" LIMIT 1`).get();
  } finally {
    db.close();
  }
}

/** Runs `work` and turns what it throws into a failure of the catalogue. */
export function attempt<T>(spec: Pick<DatabaseSpec, "file" | "failed">, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw storeError(error, spec);
  }
}

/** Runs `work` in one transaction: all of it is committed, or nothing. */
export function transaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    // A failed commit may have rolled back by itself.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function upgrade(db: DatabaseSync, { version, upgrades = [] }: DatabaseSpec): void {
  const found = userVersion(db);
  if (found === version) return;
  db.exec("PRAGMA synchronous = FULL");
  // A step may sort all that there is.
  db.exec("PRAGMA temp_store = FILE");
  transaction(db, () => {
    for (const step of upgrades.slice(found - 1)) db.exec(step);
    db.exec(`PRAGMA user_version = ${version}`);
  });
  db.exec("PRAGMA temp_store = MEMORY");
}

function userVersion(db: DatabaseSync): number {
  return Number(db.prepare("PRAGMA user_version").get()?.["user_version"]);
}

function createDatabase(spec: DatabaseSpec): void {
  const fresh = `${spec.file}.new`;
  attempt({ ...spec, failed: "data-unwritable" }, () => {
    for (const leftOver of [fresh, `${fresh}-journal`]) rmSync(leftOver, { force: true });
    closeSync(openSync(fresh, "wx", 0o600));
    const db = new DatabaseSync(fresh);
    try {
      db.exec(`PRAGMA page_size = ${pageBytes}`);
      transaction(db, () => {
        db.exec(`PRAGMA application_id = ${spec.applicationId}`);
        db.exec(`PRAGMA user_version = ${spec.version}`);
        db.exec(spec.schema);
      });
    } finally {
      db.close();
    }
    const descriptor = openSync(fresh, "r+");
    fsyncSync(descriptor);
    closeSync(descriptor);
    renameSync(fresh, spec.file);
    syncFolder(dirname(spec.file));
  });
}

function readHeader(file: string): Buffer {
  const bytes = Buffer.alloc(header.bytes);
  const descriptor = openSync(file, "r");
  try {
    return bytes.subarray(0, readSync(descriptor, bytes, 0, header.bytes, 0));
  } finally {
    closeSync(descriptor);
  }
}

function checkHeader(spec: FileSpec, bytes: Buffer): void {
  if (bytes.length < header.bytes || bytes.toString("latin1", 0, magic.length) !== magic) {
    throw damaged(spec.file);
  }
  if (bytes.readUInt32BE(header.applicationId) !== spec.applicationId) throw damaged(spec.file);
  refuseOther(spec, bytes.readUInt32BE(header.userVersion));
}

function refuseOther(spec: FileSpec, found: number): void {
  if (found > spec.version) {
    throw new TallygateError(
      "data-newer",
      `${spec.file} has version ${found}, this program reads up to ${spec.version}. It was left as it is: start the newer program.`,
    );
  }
  const oldest = spec.version - (spec.upgrades?.length ?? 0);
  if (found < oldest) throw damaged(spec.file);
}
