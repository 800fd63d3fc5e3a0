/** Data folders: 0700, made when missing; a failure names the folder. */

import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from "node:fs";
import { TallygateError } from "../../base/errors.ts";

/** Makes `folder` and what is missing above it, readable by its owner only. Fails with `data-unwritable`. */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new TallygateError("data-unwritable", `The folder ${folder} cannot be made.`, error);
  }
}

/** Makes the names in `folder` durable: files just made, renamed or removed. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Bytes of a database with its write-ahead log; files that are not there count 0. */
export function databaseBytes(file: string): number {
  let bytes = 0;
  for (const name of [file, `${file}-wal`]) {
    bytes += statSync(name, { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
