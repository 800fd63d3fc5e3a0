/**
 * The lock of a data folder: `lock.db`, held in an exclusive transaction for as long as the process
 * lives. The system frees it when the process dies, however it dies.
 */

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { TallygateError } from "../../base/errors.ts";
import { makeFolder } from "./folder.ts";
import { isBusy } from "./sqlite-error.ts";

/** Holds every lock until it is released: a connection that nobody refers to is collected, and its lock with it. */
const heldLocks = new Set<DatabaseSync>();

export interface FolderLock {
  readonly folder: string;
  release(): void;
}

/** Takes the lock of `folder`, which is made if missing. Fails with `data-in-use` or `data-unwritable`. */
export function lockFolder(folder: string): FolderLock {
  makeFolder(folder);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(join(folder, "lock.db"), { timeout: 0 });
    db.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    db?.close();
    if (isBusy(error)) {
      throw new TallygateError(
        "data-in-use",
        `${folder}; stop that process or choose another folder`,
        error,
      );
    }
    throw new TallygateError("data-unwritable", `The folder ${folder} cannot be written.`, error);
  }
  const held = db;
  heldLocks.add(held);
  return {
    folder,
    release: () => {
      if (heldLocks.delete(held)) held.close();
    },
  };
}
