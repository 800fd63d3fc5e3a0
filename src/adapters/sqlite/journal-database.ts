/**
 * The journal's tables and every statement on them. One connection, in the journal's thread.
 *
 * `off` commits are in the operating system when they return; a sync of the log, in a later commit or from outside
 * (`journal-log-sync.ts`), puts them and all before them on disk, because the log is one file. Two rules keep a power loss from
 * mixing old and new pages: a checkpoint runs synced, and the commit that follows it (which begins the log again) is synced too.
 */

import { randomBytes } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import type {
  JournalRange,
  LeaseKey,
  OpenRemains,
  ProducerIdentity,
  StoredLease,
} from "../../ports/journal.ts";
import {
  applicationIds,
  type DatabaseSpec,
  openDatabase,
  pageBytes,
  transaction,
} from "./database.ts";
import { rowCrc } from "./row-crc.ts";
import { isSyncFailure } from "./sqlite-error.ts";
import { Statements } from "./statements.ts";

export const journalSchemaVersion = 2;

const leaseTable = `
  -- Leases not closed yet: no more than \`mark\` units of each were spent. Incarnations by name: a lease outlives what its start
  -- has stored otherwise.
  CREATE TABLE leases (
    incarnation TEXT NOT NULL, request INTEGER NOT NULL, window TEXT NOT NULL, lo INTEGER NOT NULL, hi INTEGER NOT NULL,
    mark INTEGER NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (incarnation, request)
  ) STRICT, WITHOUT ROWID;
`;

const schema = `
  CREATE TABLE producer (id TEXT NOT NULL, secret TEXT NOT NULL) STRICT;
  -- Every start: \`last\` is the highest seq ever sealed, also when its batches are trimmed.
  CREATE TABLE incarnations (
    id INTEGER PRIMARY KEY, incarnation TEXT NOT NULL UNIQUE, last INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE batches (
    -- With a row id: without one, rows of more than a quarter page take whole pages more.
    id INTEGER PRIMARY KEY, incarnation INTEGER NOT NULL, seq INTEGER NOT NULL,
    bytes BLOB NOT NULL, UNIQUE (incarnation, seq)
  ) STRICT;
  -- Groups of records not sealed yet, in the order of appending.
  CREATE TABLE open (
    id INTEGER PRIMARY KEY, incarnation INTEGER NOT NULL, bytes BLOB NOT NULL, crc INTEGER NOT NULL
  ) STRICT;
  ${leaseTable}
`;

/**
 * Log pages after which the next seal or mark checkpoints, which charges wait for: about 16 MiB, some seconds of a thousand calls
 * each, so that less than a hundredth of them feel it.
 */
const checkpointPagesDefault = 4096;
/** A group up to this is a part of one page. */
const smallGroupBytes = 512;
/** Log pages after which a group checkpoints, should nobody seal: 64 MiB. */
const checkpointPagesMax = 16_384;
/** Batches deleted in one transaction: at 64 KB each about a thousand pages, some milliseconds. */
export const trimBatchesMax = 16;
/** Bytes of one read, at most, whatever was asked for: charges wait behind it. */
export const readBytesMax = 4 * 1024 * 1024;

export interface Seal {
  /** Row id of the incarnation. */
  readonly incarnation: number;
  readonly seq: number;
  readonly bytes: Uint8Array;
  readonly closed: readonly LeaseKey[];
}

/** `seqs` and `batches` in step. */
export interface BatchesRead {
  readonly seqs: readonly number[];
  readonly batches: readonly Uint8Array[];
  readonly damaged: readonly number[];
}

export interface JournalDatabaseOptions {
  readonly durability: "os" | "disk";
  readonly incarnation: string;
  /** Log pages after which the next seal or mark checkpoints. */
  readonly checkpointPages?: number;
}

export class JournalDatabase {
  readonly #db: DatabaseSync;
  readonly #durability: "os" | "disk";
  readonly #checkpointPages: number;
  readonly #statements: Statements;
  readonly #insertOpen: StatementSync;
  readonly #usedPages: StatementSync;
  /** Row id of this start. */
  readonly current: number;
  #logPages = 0;
  #openBytes = 0;
  #storedBytes = 0;
  /** What the connection is set to. */
  #synced = true;
  /** The log begins anew with the next commit, which must be synced. */
  #logRestarts = false;
  /** A sync failed: what the log holds may not reach the disk although the next sync succeeds. */
  #logDoubtful = false;

  constructor(file: string, options: JournalDatabaseOptions) {
    this.#durability = options.durability;
    this.#checkpointPages = options.checkpointPages ?? checkpointPagesDefault;
    this.#db = openDatabase(journalSpec(file));
    this.#statements = new Statements(this.#db);
    this.#insertOpen = this.#db.prepare(
      "INSERT INTO open (incarnation, bytes, crc) VALUES (?, ?, ?)",
    );
    this.#usedPages = this.#statements.arrays(
      "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count",
    );
    this.current = this.#begin(options.incarnation);
    this.measure();
  }

  /** Forgets starts that left nothing and enters this one. */
  #begin(incarnation: string): number {
    return transaction(this.#db, () => {
      this.#db.exec(`DELETE FROM incarnations WHERE id NOT IN (SELECT incarnation FROM batches)
        AND id NOT IN (SELECT incarnation FROM open)`);
      if (this.#db.prepare("SELECT 1 FROM producer").get() === undefined) {
        this.#db
          .prepare("INSERT INTO producer (id, secret) VALUES (?, ?)")
          .run(randomBytes(16).toString("hex"), randomBytes(32).toString("hex"));
      }
      const insert = "INSERT INTO incarnations (incarnation, last) VALUES (?, 0)";
      return Number(this.#db.prepare(insert).run(incarnation).lastInsertRowid);
    });
  }

  identity(): ProducerIdentity {
    const row = this.#db.prepare("SELECT id, secret FROM producer").get();
    return { producer: String(row?.["id"]), secret: String(row?.["secret"]) };
  }

  /** Row ids of incarnations by name, this start included. */
  incarnations(): Map<string, number> {
    const rows = this.#db.prepare("SELECT id, incarnation FROM incarnations ORDER BY id").all();
    return new Map(rows.map((row) => [String(row["incarnation"]), Number(row["id"])]));
  }

  ranges(): JournalRange[] {
    const rows = this.#db
      .prepare(`SELECT i.incarnation, i.last,
          (SELECT min(seq) FROM batches b WHERE b.incarnation = i.id) AS first
        FROM incarnations i ORDER BY i.id`)
      .all();
    return rows.map((row) => ({
      incarnation: String(row["incarnation"]),
      first: Number(row["first"] ?? Number(row["last"]) + 1),
      last: Number(row["last"]),
    }));
  }

  /**
   * What an earlier start left open, up to the first group whose CRC does not match: the records
   * behind it name rows by numbers that it would have to define.
   */
  remains(): OpenRemains | undefined {
    const rows = this.#db
      .prepare(`SELECT i.incarnation, i.last, o.bytes, o.crc
        FROM open o JOIN incarnations i ON i.id = o.incarnation ORDER BY o.id`)
      .all();
    const first = rows[0];
    if (first === undefined) return undefined;
    const groups: Uint8Array[] = [];
    for (const row of rows) {
      const bytes = row["bytes"] as Uint8Array;
      if (crc32(bytes) !== row["crc"]) break;
      groups.push(bytes);
    }
    return {
      incarnation: String(first["incarnation"]),
      seq: Number(first["last"]) + 1,
      groups,
      damagedGroups: rows.length - groups.length,
    };
  }

  /** Stores one group of records of this start, as durably as the mode asks. */
  storeOpen(group: Uint8Array): void {
    if (this.#logPages >= checkpointPagesMax) this.#checkpoint();
    this.#commit(this.#durability, () => this.#insertGroup(group));
    this.#openBytes += group.length;
  }

  #insertGroup(group: Uint8Array): void {
    this.#insertOpen.run(this.current, group, crc32(group));
    this.#logPages += group.length <= smallGroupBytes ? 1 : 3 + Math.ceil(group.length / pageBytes);
  }

  /** Leases that earlier starts did not close; those that are damaged are left out, and counted. */
  leases(): { leases: StoredLease[]; damagedLeases: number } {
    const leases: StoredLease[] = [];
    const rows = this.#db.prepare("SELECT * FROM leases ORDER BY incarnation, request").all();
    for (const row of rows) {
      const lease = {
        incarnation: String(row["incarnation"]),
        request: Number(row["request"]),
        window: String(row["window"]),
        lo: Number(row["lo"]),
        hi: Number(row["hi"]),
        mark: Number(row["mark"]),
      };
      if (leaseCrc(lease) === row["crc"]) leases.push(lease);
    }
    return { leases, damagedLeases: rows.length - leases.length };
  }

  /** Stores marks; synced. */
  storeMarks(leases: readonly StoredLease[]): void {
    if (this.#logPages >= this.#checkpointPages) this.#checkpoint();
    const put = this.#statements.get("INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?, ?)");
    this.#commit("disk", () =>
      transaction(this.#db, () => {
        for (const lease of leases) {
          const { incarnation, request, window, lo, hi, mark } = lease;
          put.run(incarnation, request, window, lo, hi, mark, leaseCrc(lease));
        }
      }),
    );
    this.#logPages += 2 + leases.length;
  }

  /**
   * Stores sealed batches in place of everything open, and `group` as what is open now, as durably as the mode asks: with `os` they
   * are on disk when the log is synced.
   */
  storeSeals(seals: readonly Seal[], group: Uint8Array | undefined): void {
    if (this.#logPages >= this.#checkpointPages) this.#checkpoint();
    this.#commit(this.#durability, () => transaction(this.#db, () => this.#putSeals(seals, group)));
    this.measure();
  }

  /** After a sync of the log from outside that failed: what the log holds goes into the file itself, synced. */
  checkpoint(): void {
    this.#logDoubtful = true;
    this.#checkpoint();
  }

  #putSeals(seals: readonly Seal[], group: Uint8Array | undefined): void {
    const insert = this.#statements.get(
      "INSERT INTO batches (incarnation, seq, bytes) VALUES (?, ?, ?)",
    );
    const advance = this.#statements.get("UPDATE incarnations SET last = ? WHERE id = ?");
    const close = this.#statements.get("DELETE FROM leases WHERE incarnation = ? AND request = ?");
    this.#db.exec("DELETE FROM open");
    for (const { incarnation, seq, bytes, closed } of seals) {
      for (const lease of closed) close.run(lease.incarnation, lease.request);
      this.#logPages += closed.length;
      insert.run(incarnation, seq, bytes);
      advance.run(seq, incarnation);
      this.#logPages += 4 + Math.ceil(bytes.length / pageBytes);
    }
    if (group !== undefined) this.#insertGroup(group);
  }

  /** Batches from `from` on, whose last four bytes are the CRC-32 of the rest; those that fail are named. */
  read(incarnation: number, from: number, bytesMax: number): BatchesRead {
    const rows: Iterable<unknown> = this.#statements
      .arrays("SELECT seq, bytes FROM batches WHERE incarnation = ? AND seq >= ? ORDER BY seq")
      .iterate(incarnation, from);
    const seqs: number[] = [];
    const batches: Uint8Array[] = [];
    const damaged: number[] = [];
    let left = Math.min(bytesMax, readBytesMax);
    for (const [seq, bytes] of rows as Iterable<[number, Uint8Array]>) {
      left -= bytes.length;
      if (left < 0 && seqs.length + damaged.length > 0) break;
      if (hasValidCrc(bytes)) {
        seqs.push(seq);
        batches.push(bytes);
      } else damaged.push(seq);
    }
    return { seqs, batches, damaged };
  }

  /** Deletes the oldest batches up to `upTo`, at most `trimBatchesMax`. True if more are left to delete. */
  trimSome(incarnation: number, upTo: number): boolean {
    const remove = this.#statements.get(`DELETE FROM batches WHERE incarnation = ?1 AND seq IN
      (SELECT seq FROM batches WHERE incarnation = ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3)`);
    let removed = 0;
    this.#commit("os", () => {
      removed = Number(remove.run(incarnation, upTo, trimBatchesMax).changes);
    });
    this.#logPages += removed * 4;
    this.measure();
    return removed === trimBatchesMax;
  }

  /** Bytes of pages in use, free pages not counted. */
  get usedBytes(): number {
    return this.#storedBytes + this.#openBytes;
  }

  measure(): void {
    const [pages] = this.#usedPages.get() as unknown as [number];
    this.#storedBytes = pages * pageBytes;
    this.#openBytes = 0;
  }

  #commit(durability: "os" | "disk", commit: () => void): void {
    // Written again to the file itself, the pages are synced for certain.
    if (this.#logDoubtful) this.#checkpoint();
    this.#write(durability === "disk" || this.#logRestarts, commit);
    this.#logRestarts = false;
  }

  /** Moves the log into the file; it begins anew with the next commit. */
  #checkpoint(): void {
    this.#write(true, () => this.#db.exec("PRAGMA wal_checkpoint(PASSIVE)"));
    this.#logPages = 0;
    this.#logRestarts = true;
    this.#logDoubtful = false;
  }

  #write(synced: boolean, work: () => void): void {
    this.#setSynced(synced);
    try {
      work();
    } catch (error) {
      if (isSyncFailure(error)) this.#logDoubtful = true;
      throw error;
    }
  }

  #setSynced(synced: boolean): void {
    if (synced === this.#synced) return;
    this.#db.exec(synced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF");
    this.#synced = synced;
  }

  close(): void {
    this.#setSynced(true);
    this.#db.close();
  }
}

export function journalSpec(file: string): DatabaseSpec {
  return {
    file,
    applicationId: applicationIds.journal,
    version: journalSchemaVersion,
    schema,
    upgrades: [leaseTable],
    exclusive: true,
    synchronous: "full",
    cacheKiB: 8 * 1024,
    autoCheckpointPages: 0,
    failed: "journal-failed",
  };
}

function leaseCrc({ incarnation, request, window, lo, hi, mark }: StoredLease): number {
  return rowCrc(incarnation, request, window, lo, hi, mark);
}

function hasValidCrc(bytes: Uint8Array): boolean {
  const end = bytes.length - 4;
  if (end < 0) return false;
  const stored = new DataView(bytes.buffer, bytes.byteOffset + end, 4).getUint32(0, true);
  return crc32(bytes.subarray(0, end)) === stored;
}
