/** Recomputes the chain of the audit log, some entries a turn: it may be long, and others wait for this thread. */

import { type AuditHead, type AuditLog, auditHash } from "../ports/audit-log.ts";
import type { Timers } from "../ports/clock.ts";

/** Entries of one turn of the event loop: a few milliseconds. */
const entriesAtOnce = 500;

export interface AuditCheck {
  readonly entries: number;
  /** Entries up to this one are in archives. */
  readonly archivedTo: number;
  /** The first entry that does not follow from the one before it. */
  readonly firstBroken: number | null;
  readonly head: AuditHead | null;
}

/** From where the log begins: what was archived was checked then, and is checked where it is. */
export async function checkAudit(
  audit: Pick<AuditLog, "after" | "base">,
  timers: Pick<Timers, "after">,
): Promise<AuditCheck> {
  const base = audit.base();
  let newest = base;
  let firstBroken: number | null = null;
  for (;;) {
    const page = audit.after(newest.seq, entriesAtOnce);
    for (const { hash, ...entry } of page) {
      const follows = entry.seq === newest.seq + 1 && hash === auditHash(newest.hash, entry);
      if (!follows) firstBroken ??= entry.seq;
      newest = { seq: entry.seq, hash };
    }
    if (page.length < entriesAtOnce) {
      const entries = newest.seq - base.seq;
      return { entries, archivedTo: base.seq, firstBroken, head: newest.seq === 0 ? null : newest };
    }
    await new Promise<void>((resolve) => timers.after(0, resolve));
  }
}
