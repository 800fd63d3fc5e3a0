/**
 * Journals of processes that the configuration no longer has: the region's process 0 takes them over one after the other,
 * under their own lock and their own producer's identity, until the hub has everything that they hold.
 */

import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { nodeMetrics } from "../adapters/node/metrics.ts";
import { type FolderLock, lockFolder } from "../adapters/sqlite/lock.ts";
import type { Log } from "../ports/log.ts";
import { type Member, openCore } from "./open-core.ts";

/** Between looks at whether the hub has everything. */
const lookMs = 250;

const noRules = { plans: [], version: "" };

/** Starts in the background; the result stops it, and what is left stays for the next start. */
export function adoptJournals(member: Member, processes: number, log: Log): () => Promise<void> {
  const stop = new AbortController();
  const done = adoptAll(member, processes, { log, signal: stop.signal }).catch((cause: unknown) => {
    if (!stop.signal.aborted) log.error("a journal could not be adopted", {}, cause);
  });
  return () => {
    stop.abort();
    return done;
  };
}

async function adoptAll(
  member: Member,
  processes: number,
  run: { readonly log: Log; readonly signal: AbortSignal },
): Promise<void> {
  for (const process of orphans(member, processes)) {
    if (run.signal.aborted) return;
    await adopt({ ...member, process }, run);
  }
}

function orphans(member: Member, processes: number): number[] {
  const { folder, region } = member;
  const region0 = folder.gateway(region, 0);
  return readdirSync(dirname(region0))
    .filter((name) => /^[0-9]{1,3}$/.test(name) && Number(name) >= processes)
    .map(Number)
    .filter((process) => existsSync(join(folder.gateway(region, process), "journal.db")))
    .sort((a, b) => a - b);
}

async function adopt(
  { configs: _, ...orphan }: Member,
  run: { readonly log: Log; readonly signal: AbortSignal },
): Promise<void> {
  const lock = tryLock(orphan);
  if (lock === undefined) return;
  const { log, signal } = run;
  try {
    // It serves nothing, so it asks for no quota.
    const { core } = await openCore({ ...orphan, rules: noRules }, { log, metrics: nodeMetrics() });
    const { batches } = core.view.own.outstanding();
    if (batches > 0) log.info("a journal was adopted", { process: orphan.process, batches });
    try {
      while (core.view.own.outstanding().batches > 0) await sleep(lookMs, undefined, { signal });
    } finally {
      await core.stop();
    }
  } finally {
    lock.release();
  }
}

/** Undefined: its process still runs, being stopped perhaps; the next start looks again. */
function tryLock(orphan: Member): FolderLock | undefined {
  try {
    return lockFolder(orphan.folder.gateway(orphan.region, orphan.process));
  } catch {
    return undefined;
  }
}
