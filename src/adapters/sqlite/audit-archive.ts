/**
 * Moves the oldest entries of the audit log into a file of their own: whole segments, verified entry by entry first, and durable there
 * before they are taken out here. A crash in between leaves them in both places, and the next time writes the same file.
 */

import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { gzipSync } from "node:zlib";
import { TallygateError } from "../../base/errors.ts";
import {
  type AuditArchive,
  type AuditEntry,
  type AuditHead,
  auditHash,
  auditKept,
  auditSegment,
} from "../../ports/audit-log.ts";
import { baseName, baseOf, selectBase } from "./audit-base.ts";
import { auditEntry, selectAfter } from "./audit-rows.ts";
import { transaction } from "./database.ts";
import { makeFolder, syncFolder } from "./folder.ts";
import { rowCrc } from "./row-crc.ts";

/** One segment, if one is due. Fails with `data-damaged` if its chain does not hold, and with `data-unwritable`. */
export function archiveSegment(db: DatabaseSync, folder: string): AuditArchive | undefined {
  const base = baseOf(db.prepare(selectBase).get());
  const newest = Number(db.prepare("SELECT max(seq) AS seq FROM audit").get()?.["seq"] ?? 0);
  if (newest - base.seq < auditKept + auditSegment) return undefined;
  const [sql, values] = selectAfter(base.seq, auditSegment);
  const entries = db
    .prepare(sql)
    .all(...values)
    .map(auditEntry);
  const head = verified(entries, base);
  const name = `audit-${base.seq + 1}-${head.seq}-${head.hash.slice(0, 12)}.jsonl.gz`;
  const file = join(folder, name);
  makeFolder(folder);
  writeArchive(file, [JSON.stringify({ before: base }), ...entries.map((e) => JSON.stringify(e))]);
  transaction(db, () => {
    const value = JSON.stringify(head);
    const put = "INSERT OR REPLACE INTO meta (name, value, crc) VALUES (?, ?, ?)";
    db.prepare(put).run(baseName, value, rowCrc(baseName, value));
    db.prepare("DELETE FROM audit WHERE seq <= ?").run(head.seq);
  });
  return { file, before: base, head };
}

function verified(entries: readonly AuditEntry[], base: AuditHead): AuditHead {
  let head = base;
  for (const { hash, ...entry } of entries) {
    if (entry.seq !== head.seq + 1 || hash !== auditHash(head.hash, entry)) {
      const detail = `Entry ${entry.seq} of the audit log does not follow from the one before it: nothing is archived.`;
      throw new TallygateError("data-damaged", detail);
    }
    head = { seq: entry.seq, hash };
  }
  return head;
}

function writeArchive(file: string, lines: readonly string[]): void {
  const fresh = `${file}.new`;
  try {
    rmSync(fresh, { force: true });
    const descriptor = openSync(fresh, "wx", 0o600);
    try {
      const bytes = gzipSync(`${lines.join("\n")}\n`);
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(fresh, file);
    syncFolder(join(file, ".."));
  } catch (error) {
    throw new TallygateError("data-unwritable", `${file} cannot be written.`, error);
  }
}
