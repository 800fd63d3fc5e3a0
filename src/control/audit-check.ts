/** Recomputes the chain of the audit log, some entries a turn: it may be long, and others wait for this thread. */

import { type AuditLog, auditGenesis, auditHash } from "../ports/audit-log.ts";
import type { Timers } from "../ports/clock.ts";

/** Entries of one turn of the event loop: a few milliseconds. */
const entriesAtOnce = 500;

export interface AuditCheck {
  readonly entries: number;
  /** The first entry that does not follow from the one before it. */
  readonly firstBroken: number | null;
  readonly head: { readonly seq: number; readonly hash: string } | null;
}

export async function checkAudit(
  audit: Pick<AuditLog, "after">,
  timers: Pick<Timers, "after">,
): Promise<AuditCheck> {
  let entries = 0;
  let firstBroken: number | null = null;
  let head: AuditCheck["head"] = null;
  for (;;) {
    const page = audit.after(head?.seq ?? 0, entriesAtOnce);
    for (const { hash, ...entry } of page) {
      entries++;
      const follows =
        entry.seq === entries && hash === auditHash(head?.hash ?? auditGenesis, entry);
      if (!follows) firstBroken ??= entry.seq;
      head = { seq: entry.seq, hash };
    }
    if (page.length < entriesAtOnce) return { entries, firstBroken, head };
    await new Promise<void>((resolve) => timers.after(0, resolve));
  }
}
