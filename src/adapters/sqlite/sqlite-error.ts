/**
 * Maps what SQLite and the file system report to the catalogue of operating failures, by code,
 * never by text.
 *
 * Sources: https://www.sqlite.org/rescode.html; the primary code is the low byte of an extended one.
 */

import { type ErrorCode, TallygateError } from "../../base/errors.ts";

const primary = { busy: 5, locked: 6, readonly: 8, corrupt: 11, cantOpen: 14, notADatabase: 26 };
const permission = 3;
/** A sync failed: what was written before may be gone although a later sync succeeds. */
const syncCodes: readonly number[] = [1034, 1290];

/** The extended result code of an error of `node:sqlite`; undefined for anything else. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}

export function isSyncFailure(error: unknown): boolean {
  return syncCodes.includes(sqliteCode(error) ?? 0);
}

export function isBusy(error: unknown): boolean {
  const code = (sqliteCode(error) ?? 0) & 0xff;
  return code === primary.busy || code === primary.locked;
}

/** What a failure means where the code alone does not say: the file's name and the port's own code. */
export interface FailureContext {
  readonly file: string;
  /** For a failed write, a full disk, an input or output error. */
  readonly failed: ErrorCode;
}

/**
 * The failure that `error` is. Errors that are neither of SQLite nor of the file system come back
 * as they are: they are bugs, or already mapped.
 */
export function storeError(error: unknown, context: FailureContext): unknown {
  const code = sqliteCode(error);
  if (code === undefined) {
    return isSystemError(error)
      ? new TallygateError("data-unwritable", `${context.file} cannot be written.`, error)
      : error;
  }
  switch (code & 0xff) {
    case primary.corrupt:
    case primary.notADatabase:
      return damaged(context.file, error);
    case primary.cantOpen:
    case primary.readonly:
    case permission:
      return new TallygateError("data-unwritable", `${context.file} cannot be written.`, error);
    case primary.busy:
    case primary.locked:
      return new TallygateError(
        "data-in-use",
        `${context.file} is locked by another process.`,
        error,
      );
    default:
      return new TallygateError(
        context.failed,
        `${context.file} could not be read or written (SQLite code ${code}).`,
        error,
      );
  }
}

export function damaged(file: string, cause?: unknown): TallygateError {
  return new TallygateError(
    "data-damaged",
    `${file} is not a readable Tallygate database. It was left as it is: restore it from a backup or move it away.`,
    cause,
  );
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}
