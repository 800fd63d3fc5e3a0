/** `restore`: a hub's data folder from a backup, offline. */

import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { restoreBackup } from "../adapters/sqlite/backup.ts";
import { openLedgerStore } from "../adapters/sqlite/ledger-store.ts";
import { lockFolder } from "../adapters/sqlite/lock.ts";
import { TallygateError } from "../base/errors.ts";
import type { Position } from "../base/words.ts";
import { markRestored } from "../hub/ledger-meta.ts";
import { type DataFolder, ensureFolder } from "./data-folder.ts";

const hubFiles = ["ledger.db", "registry.db", "stream.db"];

/**
 * Makes the hub's files in `data`; its next start takes a higher epoch. Never overwrites: fails with
 * `data-unwritable` where a hub's data are already, with `data-in-use` under a running hub, with
 * `backup-invalid` for a file that is none. Resolves with the position that the backup covers.
 */
export async function restore(backup: string, data: DataFolder): Promise<Position> {
  if (!existsSync(backup)) throw new TallygateError("not-found", `There is no file ${backup}.`);
  ensureFolder(data.root);
  const lock = lockFolder(data.hub);
  const fresh = join(data.hub, `restoring-${process.pid}`);
  try {
    const present = hubFiles.find((name) => existsSync(join(data.hub, name)));
    if (present !== undefined) {
      throw new TallygateError(
        "data-unwritable",
        `${join(data.hub, present)} is there already: move the old data away first.`,
      );
    }
    mkdirSync(fresh, { mode: 0o700 });
    restoreBackup(backup, fresh);
    const ledger = await openLedgerStore(join(fresh, "ledger.db"));
    let position: Position;
    try {
      position = await markRestored(ledger);
    } finally {
      await ledger.close();
    }
    // The ledger last: what a crash leaves behind is refused above, or is marked as restored.
    for (const name of ["registry.db", "ledger.db"]) {
      renameSync(join(fresh, name), join(data.hub, name));
    }
    return position;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    lock.release();
  }
}
