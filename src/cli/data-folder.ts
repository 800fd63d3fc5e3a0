/** Where things lie in the data folder, and the tokens kept there. */

import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { TallygateError } from "../base/errors.ts";
import { sha256 } from "../base/hash.ts";

export const dataFolderDefault = ".tallygate";

/** Absolute paths. */
export interface DataFolder {
  readonly root: string;
  /** 0600. Whoever has it may do everything through the control plane. */
  readonly adminToken: string;
  /** 0600. Whoever has it may connect as a gateway. */
  readonly joinToken: string;
  /** Written by `dev`. */
  readonly devState: string;
  readonly hub: string;
  /** Folder of one process of one region. */
  gateway(region: string, process: number): string;
}

export function dataFolder(path: string): DataFolder {
  const root = resolve(path);
  return {
    root,
    adminToken: join(root, "admin-token"),
    joinToken: join(root, "join-token"),
    devState: join(root, "dev.json"),
    hub: join(root, "hub"),
    gateway: (region, process) => join(root, "gateways", region, String(process)),
  };
}

/** Makes a folder that only this user can read; one that exists stays as it is. */
export function ensureFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** 128 bits would do; 256 cost nothing. */
const tokenBytes = 32;

/** Characters of a token that somebody chose: fewer can be guessed, more is not a token. */
const tokenLengthMin = 16;
const tokenLengthMax = 512;

/**
 * The token in `file`, made at random if there is none. Safe against another process that makes it
 * at the same moment: both get the same one.
 */
export function ensureToken(file: string): string {
  try {
    return readToken(file);
  } catch (error) {
    if (!(error instanceof TallygateError) || error.code !== "not-found") throw error;
  }
  ensureFolder(dirname(file));
  const fresh = `${file}.${process.pid}.new`;
  try {
    writeSynced(fresh, `${randomBytes(tokenBytes).toString("base64url")}\n`, 0o600);
    // Unlike a rename, a link fails where another process was first.
    linkSync(fresh, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw unwritable(file, error);
  } finally {
    rmSync(fresh, { force: true });
  }
  return readToken(file);
}

/** Fails with `not-found` if there is no such file. */
export function readToken(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new TallygateError("not-found", `no token in ${file}`, error);
    throw new TallygateError("data-damaged", `${file} cannot be read (${code})`, error);
  }
  if (
    !/^[\x21-\x7e]+$/.test(text) ||
    text.length < tokenLengthMin ||
    text.length > tokenLengthMax
  ) {
    throw new TallygateError(
      "data-damaged",
      `${file} must hold ${tokenLengthMin} to ${tokenLengthMax} printable characters without spaces`,
    );
  }
  return text;
}

/** A changed token is taken over this late at most. */
const tokenAgeMsMax = 1_000;

/**
 * SHA-256 of the token in `file`, made if there is none. A new content counts within a second; while
 * the file is gone or not valid, the last good one does.
 */
export function watchToken(file: string): () => Uint8Array {
  let hash = sha256(ensureToken(file));
  let checkedAtMs = performance.now();
  let changedMs = statSync(file).mtimeMs;
  return () => {
    const nowMs = performance.now();
    if (nowMs - checkedAtMs < tokenAgeMsMax) return hash;
    checkedAtMs = nowMs;
    try {
      const { mtimeMs } = statSync(file);
      if (mtimeMs !== changedMs) {
        hash = sha256(readToken(file));
        changedMs = mtimeMs;
      }
    } catch {
      // Being edited; asked again at the next call a second later.
    }
    return hash;
  };
}

/** Replaces a file as a whole: a reader sees the old content or the new one. */
export function replaceFile(file: string, text: string, mode = 0o600): void {
  const fresh = `${file}.${process.pid}.new`;
  try {
    writeSynced(fresh, text, mode);
    renameSync(fresh, file);
  } catch (error) {
    throw unwritable(file, error);
  }
}

function writeSynced(file: string, text: string, mode: number): void {
  rmSync(file, { force: true });
  const descriptor = openSync(file, "wx", mode);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  // The umask may have taken bits away, never added any.
  chmodSync(file, mode);
}

function unwritable(path: string, error: unknown): TallygateError {
  const { code } = error as NodeJS.ErrnoException;
  return new TallygateError("data-unwritable", `${path} cannot be written (${code})`, error);
}
