/**
 * A route that answers with the files of a folder.
 *
 * Nothing outside the folder is ever read: segments are decoded once, those that hold a separator or a NUL or begin with a dot
 * are not found, and what a path leads to through links must lie below the folder itself. A file is opened first and looked at
 * then, so that what is told of it is true of what is sent. No listings: a folder without index.html is not found.
 *
 * Validators are of size and time of change (RFC 9110, 8.8). One range is answered (14.2); several are, as allowed, with the whole file.
 */

import { type FileHandle, open, realpath } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import { TallygateError } from "../../base/errors.ts";
import type { Handler } from "../../ports/handler.ts";

/** Read and sent at a time. */
const chunkBytes = 64 * 1024;

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".htm": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".webmanifest": "application/manifest+json",
  ".txt": "text/plain; charset=utf-8",
  ".md": "text/markdown; charset=utf-8",
  ".csv": "text/csv; charset=utf-8",
  ".xml": "application/xml",
  ".yaml": "application/yaml",
  ".yml": "application/yaml",
  ".pdf": "application/pdf",
  ".zip": "application/zip",
  ".gz": "application/gzip",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".gif": "image/gif",
  ".webp": "image/webp",
  ".avif": "image/avif",
  ".ico": "image/x-icon",
  ".woff": "font/woff",
  ".woff2": "font/woff2",
  ".mp3": "audio/mpeg",
  ".mp4": "video/mp4",
  ".webm": "video/webm",
};

/** `segment`: number of the first segment of a path that is below the folder. Fails with `config-invalid`. */
export async function staticFiles(folder: string, segment: number): Promise<Handler> {
  let root: string;
  try {
    root = await realpath(folder);
    await (await open(root)).close();
  } catch (cause) {
    throw new TallygateError("config-invalid", `${folder}: cannot be read as a folder`, cause);
  }
  return async (request) => {
    const { pathname } = new URL(request.url);
    const names = namesOf(pathname, segment);
    const found = names === undefined ? undefined : await openBelow(root, names);
    if (found === undefined) return new Response("Not found\n", { status: 404 });
    if (found === "folder") {
      // Links of a page are relative to its folder. The path alone: a query may hold a key.
      return new Response(null, { status: 308, headers: { location: `${pathname}/` } });
    }
    return answer(request, found);
  };
}

/** Decoded names of the segments, the last "" for a folder; undefined: there can be no such file. */
function namesOf(pathname: string, segment: number): readonly string[] | undefined {
  const names: string[] = [];
  for (const raw of pathname.slice(1).split("/").slice(segment)) {
    let name: string;
    try {
      name = decodeURIComponent(raw);
    } catch {
      return undefined;
    }
    if (name.startsWith(".") || /[\0/\\]/.test(name)) return undefined;
    names.push(name);
  }
  return names.slice(0, -1).includes("") ? undefined : names;
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly size: number;
  readonly changedMs: number;
  readonly type: string;
}

async function openBelow(
  root: string,
  names: readonly string[],
): Promise<OpenFile | "folder" | undefined> {
  const isFolder = names.length === 0 || names.at(-1) === "";
  let handle: FileHandle | undefined;
  try {
    const path = await realpath(join(root, ...names, isFolder ? "index.html" : ""));
    if (!path.startsWith(root.endsWith(sep) ? root : root + sep)) return undefined;
    handle = await open(path);
    const stat = await handle.stat();
    if (stat.isFile()) {
      const type = types[extname(path).toLowerCase()] ?? "application/octet-stream";
      return { handle, size: stat.size, changedMs: Math.floor(stat.mtimeMs), type };
    }
    await handle.close();
    // Of a device or a pipe nothing is read.
    return stat.isDirectory() && !isFolder ? "folder" : undefined;
  } catch {
    await handle?.close();
    return undefined;
  }
}

async function answer(request: Request, file: OpenFile): Promise<Response> {
  const { size, changedMs, type } = file;
  const tag = `"${size.toString(36)}-${changedMs.toString(36)}"`;
  const headers = new Headers({
    "content-type": type,
    "x-content-type-options": "nosniff",
    "accept-ranges": "bytes",
    etag: tag,
    "last-modified": new Date(changedMs).toUTCString(),
  });
  const end = async (status: number): Promise<Response> => {
    await file.handle.close();
    return new Response(null, { status, headers });
  };
  if (isUnchanged(request.headers, tag, changedMs)) {
    headers.delete("content-type");
    return end(304);
  }
  const range = rangeOf(request, { size, tag, changedMs });
  if (range === "unsatisfiable") {
    headers.set("content-range", `bytes */${size}`);
    headers.delete("content-type");
    return end(416);
  }
  const { from, to } = range ?? { from: 0, to: size };
  if (range !== undefined) headers.set("content-range", `bytes ${from}-${to - 1}/${size}`);
  headers.set("content-length", String(to - from));
  const status = range === undefined ? 200 : 206;
  if (request.method === "HEAD" || from === to) return end(status);
  return new Response(read(file.handle, from, to), { status, headers });
}

/** RFC 9110, 13.2.2: If-None-Match counts alone where it is there. */
function isUnchanged(headers: Headers, tag: string, changedMs: number): boolean {
  const tags = headers.get("if-none-match");
  if (tags !== null) {
    return tags.split(",").some((one) => ["*", tag, `W/${tag}`].includes(one.trim()));
  }
  const since = Date.parse(headers.get("if-modified-since") ?? "");
  return Math.floor(changedMs / 1_000) * 1_000 <= since;
}

function rangeOf(
  { headers, method }: Request,
  file: { readonly size: number; readonly tag: string; readonly changedMs: number },
): { readonly from: number; readonly to: number } | "unsatisfiable" | undefined {
  const match = /^bytes=([0-9]{0,15})-([0-9]{0,15})$/.exec(headers.get("range") ?? "");
  if (match === null || method !== "GET") return undefined;
  const { size, tag, changedMs } = file;
  const condition = headers.get("if-range");
  if (condition !== null && condition !== tag && condition !== new Date(changedMs).toUTCString()) {
    return undefined;
  }
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { from: size - length, to: size };
  }
  const from = Number(first);
  const to = last === "" ? size : Math.min(Number(last) + 1, size);
  if (last !== "" && Number(last) < from) return undefined;
  return from >= size ? "unsatisfiable" : { from, to };
}

/** The bytes [from, to), at the reader's pace. A file that became shorter meanwhile breaks the reply off. */
function read(handle: FileHandle, from: number, to: number): ReadableStream<Uint8Array> {
  let at = from;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const bytes = new Uint8Array(Math.min(chunkBytes, to - at));
        try {
          const { bytesRead } = await handle.read(bytes, 0, bytes.length, at);
          if (bytesRead === 0) throw new Error("the file is shorter than it was");
          at += bytesRead;
          controller.enqueue(bytes.subarray(0, bytesRead));
          if (at < to) return;
          controller.close();
        } catch (cause) {
          controller.error(cause);
        }
        await handle.close();
      },
      cancel: () => handle.close(),
    },
    // Nothing is read before somebody asks for it.
    { highWaterMark: 0 },
  );
}
