/** The audit log's archives: what the hub writes them for, and how they are checked away from it. */

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { TallygateError } from "../base/errors.ts";
import { type AuditEntry, type AuditHead, type AuditLog, auditHash } from "../ports/audit-log.ts";
import type { Log } from "../ports/log.ts";

/** Between looks at whether the log has grown by a segment. */
const lookMs = 600_000;

/** Archives what is due, now and from time to time. Returns how to stop. */
export function archiveAudit(audit: AuditLog, folder: string, log: Log): () => void {
  let isStopped = false;
  const look = async (): Promise<void> => {
    try {
      for (let isDue = true; isDue && !isStopped; ) {
        const archive = await audit.archive(folder);
        isDue = archive !== undefined;
        if (archive !== undefined) {
          const { file, head } = archive;
          log.info("entries of the audit log were archived", { file, upTo: head.seq });
        }
      }
    } catch (cause) {
      if (!isStopped) log.error("the audit log could not be archived", {}, cause);
    }
  };
  void look();
  const timer = setInterval(() => void look(), lookMs);
  timer.unref();
  return () => {
    isStopped = true;
    clearInterval(timer);
  };
}

export interface ArchiveCheck {
  readonly file: string;
  readonly before: AuditHead;
  readonly head: AuditHead;
  /** The first entry that does not follow from the one before it. */
  readonly firstBroken: number | null;
}

/** Fails with `data-damaged` if it is no archive. */
export function checkArchive(file: string): ArchiveCheck {
  const lines = linesOf(file);
  const { before } = parse<{ before: AuditHead }>(file, lines[0]);
  let head = before;
  let firstBroken: number | null = null;
  for (const line of lines.slice(1)) {
    const { hash, ...entry } = parse<AuditEntry>(file, line);
    const follows = entry.seq === head.seq + 1 && hash === auditHash(head.hash, entry);
    if (!follows) firstBroken ??= entry.seq;
    head = { seq: entry.seq, hash };
  }
  return { file, before, head, firstBroken };
}

/** In order; `gaps`: archives that do not go on where the one before them ends. */
export function checkArchives(files: readonly string[]): {
  readonly archives: readonly ArchiveCheck[];
  readonly gaps: readonly string[];
} {
  const archives = files.map(checkArchive).sort((a, b) => a.head.seq - b.head.seq);
  const gaps = archives.flatMap(({ file, before }, i) => {
    const previous = archives[i - 1]?.head;
    if (previous === undefined) return [];
    return previous.seq === before.seq && previous.hash === before.hash ? [] : [file];
  });
  return { archives, gaps };
}

function linesOf(file: string): string[] {
  try {
    return gunzipSync(readFileSync(file)).toString("utf8").trimEnd().split("\n");
  } catch (error) {
    throw new TallygateError("data-damaged", `${file} is no archive of an audit log.`, error);
  }
}

function parse<T>(file: string, line = ""): T {
  try {
    return JSON.parse(line) as T;
  } catch (error) {
    throw new TallygateError("data-damaged", `${file} is no archive of an audit log.`, error);
  }
}
