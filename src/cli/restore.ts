/**
 * `restore`: a hub's data folder from a backup, offline. What was there is moved aside, into a folder beside it, and
 * never deleted: an operator who took the wrong backup loses nothing.
 */

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { restoreBackup } from "../adapters/sqlite/backup.ts";
import { syncFolder } from "../adapters/sqlite/folder.ts";
import { openLedgerStore } from "../adapters/sqlite/ledger-store.ts";
import { lockFolder } from "../adapters/sqlite/lock.ts";
import { TallygateError } from "../base/errors.ts";
import type { Position } from "../base/words.ts";
import { markRestored } from "../hub/ledger-meta.ts";
import { type DataFolder, ensureFolder } from "./data-folder.ts";

/** Begins the name of what was there before a restore. */
const replacedPrefix = "replaced-";

export interface Restored {
  /** What the backup covers of the stream. */
  readonly position: Position;
  /** Where the old data went; undefined: there were none. */
  readonly replaced: string | undefined;
}

/**
 * Makes the hub's files in `data`; its next start takes a higher epoch. Fails with `data-in-use` under a running hub, and
 * with `backup-invalid` for a file that is none; then everything is as it was. `nowMs` names the folder of the old data.
 */
export async function restore(backup: string, data: DataFolder, nowMs: number): Promise<Restored> {
  if (!existsSync(backup)) throw new TallygateError("not-found", `There is no file ${backup}.`);
  ensureFolder(data.root);
  const lock = lockFolder(data.hub);
  const fresh = join(data.hub, `restoring-${process.pid}`);
  try {
    mkdirSync(fresh, { mode: 0o700 });
    restoreBackup(backup, fresh);
    const ledger = await openLedgerStore(join(fresh, "ledger.db"));
    let position: Position;
    try {
      position = await markRestored(ledger, statSync(backup).mtimeMs);
    } finally {
      await ledger.close();
    }
    const replaced = moveAside(data.hub, nowMs);
    // The ledger last: without one, beside old data or a registry, no hub starts (`refuseHalfRestored`).
    for (const name of ["registry.db", "ledger.db"]) {
      renameSync(join(fresh, name), join(data.hub, name));
    }
    syncFolder(data.hub);
    return { position, replaced };
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    lock.release();
  }
}

/** A crash between moving the old data away and placing the new ones must not begin an empty cluster. */
export function refuseHalfRestored(hubFolder: string): void {
  if (!existsSync(hubFolder) || existsSync(join(hubFolder, "ledger.db"))) return;
  const isHalf = readdirSync(hubFolder).some(
    (name) => name.startsWith(replacedPrefix) || name === "registry.db",
  );
  if (!isHalf) return;
  throw new TallygateError(
    "data-damaged",
    `${hubFolder} has no ledger.db, but data of a hub; was a restore broken off? Run it again, or put the file back`,
  );
}

/**
 * Moves all databases, sealed checkpoints and write-ahead logs included: they belong to another history of the stream
 * than the one that begins now. The lock stays, and so does what was seen of the regions: it is of no stream.
 */
function moveAside(hubFolder: string, nowMs: number): string | undefined {
  const names = readdirSync(hubFolder).filter((name) => /\.db(-wal|-shm)?$/.test(name));
  const old = names.filter((name) => !/^(lock|status)\.db/.test(name));
  if (old.length === 0) return undefined;
  const stamp = new Date(nowMs).toISOString().replace(/[:.]/g, "-");
  const replaced = join(hubFolder, `${replacedPrefix}${stamp}`);
  mkdirSync(replaced, { mode: 0o700 });
  // The ledger first: where it is gone, no hub starts on the rest.
  const isLedger = (name: string): boolean => name === "ledger.db";
  for (const name of [...old.filter(isLedger), ...old.filter((name) => !isLedger(name))]) {
    renameSync(join(hubFolder, name), join(replaced, name));
  }
  syncFolder(replaced);
  syncFolder(hubFolder);
  return replaced;
}
