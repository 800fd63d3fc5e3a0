/** Reads a folder of built pages, once. */

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join, sep } from "node:path";
import { gzipSync } from "node:zlib";
import { TallygateError } from "../../base/errors.ts";
import type { WebFile, WebFiles } from "../../ports/web-files.ts";

/** All files together. What is built is under a megabyte; a folder that holds more is another one. */
export const webBytesMax = 16_777_216;
export const webFilesMax = 256;

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};

/** No folder: no files. Files of other kinds are left out. Fails with `config-invalid` on a folder that is too large. */
export function readWebFolder(folder: string): WebFiles {
  const files = new Map<string, WebFile>();
  if (!existsSync(folder)) return files;
  let bytesTotal = 0;
  for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) {
    const type = types[extname(path)];
    if (type === undefined) continue;
    const bytes = new Uint8Array(readFileSync(join(folder, path)));
    bytesTotal += bytes.length;
    if (bytesTotal > webBytesMax || files.size >= webFilesMax) {
      throw new TallygateError("config-invalid", "the folder of the pages holds something else");
    }
    const gzip = new Uint8Array(gzipSync(bytes, { level: 9 }));
    const name = path.replaceAll(sep, "/");
    files.set(name, {
      tag: createHash("sha256").update(bytes).digest("base64url").slice(0, 22),
      isImmutable: name.startsWith("assets/"),
      type,
      bytes,
      gzip: gzip.length < bytes.length ? gzip : undefined,
    });
  }
  return files;
}
