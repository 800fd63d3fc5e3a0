/**
 * A backup is one SQLite file: the ledger as of its last checkpoint, with the registry's tables
 * beside its own under names that begin with `registry_`. The stream is not part of it: what it
 * held beyond the checkpoint is sent again by the gateways, which trim only what a backup covers.
 */

import { closeSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { TallygateError } from "../../base/errors.ts";
import { attempt, checkDatabase, openDatabase, transaction } from "./database.ts";
import { makeFolder, syncFolder } from "./folder.ts";
import { ledgerSpec } from "./ledger-schema.ts";
import { registrySpec } from "./registry-schema.ts";

/** Not the answers, which are secrets, and neither tokens nor sessions: one that was ended since must not come back to life. */
const registryTables = ["credentials", "producers", "meta", "audit", "people", "configs"];
/** Backups of earlier versions do not have them. */
const laterTables: readonly string[] = ["audit", "people", "configs"];

/** Copies a database in use. Fails with `data-unwritable` if `file` exists or cannot be written. */
export function copyDatabase(db: DatabaseSync, file: string): void {
  unwritableUnless(file, () => {
    // VACUUM INTO takes an empty file; made here it is ours alone, and never somebody's older copy.
    closeSync(openSync(file, "wx", 0o600));
    db.prepare("VACUUM INTO ?").run(file);
    syncFile(file);
  });
}

/** Adds the registry's tables to a backup just made from the ledger. */
export function addRegistry(registry: DatabaseSync, file: string): void {
  unwritableUnless(file, () => {
    registry.prepare("ATTACH ? AS backup").run(file);
    try {
      transaction(registry, () => {
        for (const table of registryTables) {
          registry.exec(`CREATE TABLE backup.registry_${table} AS SELECT * FROM main.${table}`);
        }
      });
    } finally {
      registry.exec("DETACH backup");
    }
    syncFile(file);
  });
}

/**
 * Makes `ledger.db` and `registry.db` in `folder` from a backup. Fails with `backup-invalid` or `data-newer`, and with
 * `data-unwritable` if one of them is there already: a restore never overwrites.
 */
export function restoreBackup(backup: string, folder: string): void {
  checkBackup(backup);
  makeFolder(folder);
  const ledger = join(folder, "ledger.db");
  const registry = join(folder, "registry.db");
  for (const file of [ledger, registry]) {
    // Opening for appending neither follows an older copy nor changes one.
    unwritableUnless(file, () => closeSync(openSync(file, "wx", 0o600)));
    rmSync(file);
  }
  restoreLedger(backup, ledger);
  restoreRegistry(backup, registry);
}

function checkBackup(backup: string): void {
  try {
    checkDatabase(ledgerSpec(backup));
    const db = new DatabaseSync(backup, { readOnly: true });
    try {
      const verdict = db.prepare("PRAGMA quick_check(1)").get();
      if (verdict?.["quick_check"] !== "ok") throw invalid(backup);
      for (const table of registryTables) {
        if (!laterTables.includes(table)) db.prepare(`SELECT 1 FROM registry_${table}`).get();
      }
    } finally {
      db.close();
    }
  } catch (error) {
    if (error instanceof TallygateError && error.code === "data-newer") throw error;
    throw invalid(backup, error);
  }
}

function invalid(backup: string, cause?: unknown): TallygateError {
  return new TallygateError("backup-invalid", `${backup} cannot be restored.`, cause);
}

function restoreLedger(backup: string, ledger: string): void {
  const fresh = `${ledger}.new`;
  rmSync(fresh, { force: true });
  const source = new DatabaseSync(backup, { readOnly: true });
  try {
    copyDatabase(source, fresh);
  } finally {
    source.close();
  }
  const db = new DatabaseSync(fresh);
  try {
    attempt({ file: fresh, failed: "data-unwritable" }, () =>
      transaction(db, () => {
        for (const table of registryTables) db.exec(`DROP TABLE IF EXISTS registry_${table}`);
      }),
    );
  } finally {
    db.close();
  }
  renameSync(fresh, ledger);
  syncFolder(dirname(ledger));
}

function restoreRegistry(backup: string, registry: string): void {
  const db = openDatabase(registrySpec(registry));
  try {
    db.prepare("ATTACH ? AS backup").run(backup);
    transaction(db, () => {
      for (const table of registryTables) {
        if (!hasTable(db, `registry_${table}`)) continue;
        db.exec(`INSERT INTO main.${table} SELECT * FROM backup.registry_${table}`);
      }
    });
  } finally {
    db.close();
  }
}

function hasTable(db: DatabaseSync, name: string): boolean {
  const sql = "SELECT 1 FROM backup.sqlite_schema WHERE type = 'table' AND name = ?";
  return db.prepare(sql).get(name) !== undefined;
}

function unwritableUnless(file: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw new TallygateError(
      "data-unwritable",
      `${file} is there already or cannot be written.`,
      error,
    );
  }
}

function syncFile(file: string): void {
  const descriptor = openSync(file, "r+");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  syncFolder(dirname(file));
}
