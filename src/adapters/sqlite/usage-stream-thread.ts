/** The usage stream's thread: one synced transaction per group of records. */

import { crc32 } from "node:zlib";
import { TallygateError } from "../../base/errors.ts";
import { applicationIds, type DatabaseSpec, openDatabase, transaction } from "./database.ts";
import { rowsAsArrays } from "./statements.ts";
import { type Handlers, serveThread } from "./thread-server.ts";
import type { StreamApi, StreamReady, StreamStart } from "./usage-stream-protocol.ts";

const schema = `
  CREATE TABLE records (position INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
  -- The highest position ever given and trimmed, so that an empty stream does not begin again at 1.
  CREATE TABLE trimmed (last INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT;
`;

/** Records deleted in one transaction: some milliseconds, while appends wait. */
const trimRecordsMax = 256;
/** Bytes of one read, at most, whatever was asked for. */
const readBytesMax = 8 * 1024 * 1024;

serveThread<StreamApi, StreamStart, StreamReady>(open, ({ file }) => ({
  file,
  failed: "stream-failed",
}));

function specOf(file: string): DatabaseSpec {
  return {
    file,
    applicationId: applicationIds.stream,
    version: 1,
    schema,
    synchronous: "full",
    cacheKiB: 16 * 1024,
    autoCheckpointPages: 4096,
    failed: "stream-failed",
  };
}

function open({ file, startAfter }: StreamStart): {
  handlers: Handlers<StreamApi>;
  ready: StreamReady;
} {
  const db = openDatabase(specOf(file));
  const insert = db.prepare("INSERT INTO records (position, bytes) VALUES (?, ?)");
  const from = rowsAsArrays(
    db.prepare("SELECT position, bytes FROM records WHERE position >= ? ORDER BY position"),
  );
  const remove = db.prepare(`DELETE FROM records WHERE position IN
    (SELECT position FROM records WHERE position < ? ORDER BY position LIMIT ${trimRecordsMax})`);
  const bounds = db.prepare("SELECT min(position) AS first, max(position) AS last FROM records");
  let last = Math.max(Number(bounds.get()?.["last"] ?? 0), readTrimmed());

  if (last < startAfter) {
    last = startAfter;
    transaction(db, writeTrimmed);
  }

  function readTrimmed(): number {
    const row = db.prepare("SELECT last, crc FROM trimmed").get();
    if (row === undefined) return 0;
    if (row["crc"] !== crc32(String(row["last"]))) {
      throw new TallygateError("data-damaged", `${file} does not know its last position any more.`);
    }
    return Number(row["last"]);
  }

  function writeTrimmed(): void {
    db.exec("DELETE FROM trimmed");
    db.prepare("INSERT INTO trimmed (last, crc) VALUES (?, ?)").run(last, crc32(String(last)));
  }

  const handlers: Handlers<StreamApi> = {
    append({ bytes, lengths }) {
      let position = last;
      transaction(db, () => {
        let at = 0;
        for (const length of lengths) {
          position++;
          insert.run(position, bytes.subarray(at, at + length));
          at += length;
        }
      });
      last = position;
      return last;
    },
    read({ from: first, bytesMax }, { transfer }) {
      const records: { position: number; bytes: Uint8Array }[] = [];
      let left = Math.min(bytesMax, readBytesMax);
      const rows: Iterable<unknown> = from.iterate(first);
      for (const [position, bytes] of rows as Iterable<[number, Uint8Array<ArrayBuffer>]>) {
        left -= bytes.length;
        if (left < 0 && records.length > 0) break;
        records.push({ position, bytes });
        transfer.push(bytes.buffer);
      }
      return records;
    },
    trimSome({ before }) {
      const removed = transaction(db, () => {
        writeTrimmed();
        return Number(remove.run(before).changes);
      });
      return {
        more: removed === trimRecordsMax,
        first: Number(bounds.get()?.["first"] ?? last + 1),
      };
    },
    close() {
      db.close();
    },
  };
  return { handlers, ready: { first: Number(bounds.get()?.["first"] ?? last + 1), last } };
}
