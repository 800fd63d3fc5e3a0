/**
 * Loads handlers' modules and takes their replies apart.
 *
 * A handler that returns srvx's FastResponse costs neither a Response nor a stream: its parts are read
 * as they were given to the constructor. A native Response works as well, more slowly.
 */

import { statSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { TallygateError } from "../../base/errors.ts";
import type { Handler, HandlerHost, ResponseParts } from "../../ports/handler.ts";
import { staticFiles } from "./static-files.ts";

/** What srvx makes of a FastResponse; the reply is used up by it. */
interface FastParts {
  readonly status: number;
  readonly headers: string[];
  readonly body: unknown;
}

export function nodeHandlerHost(): HandlerHost {
  return {
    async load(file) {
      const url = file.startsWith("file:") ? file : pathToFileURL(file).href;
      let module: { default?: unknown };
      try {
        // By its time of change, so that a changed module is loaded anew.
        const changedMs = Math.floor(statSync(fileURLToPath(url)).mtimeMs);
        module = (await import(`${url}?changed=${changedMs}`)) as { default?: unknown };
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : "unknown reason";
        throw new TallygateError("config-invalid", `${file}: cannot be loaded (${reason})`, cause);
      }
      if (typeof module.default !== "function") {
        const detail = `${file}: the default export of a handler is a function (request, call) => Response`;
        throw new TallygateError("config-invalid", detail);
      }
      return module.default as Handler;
    },

    files: staticFiles,

    parts(response) {
      if (isFast(response)) return fastParts(response._toNodeResponse());
      if (response instanceof Response && !response.bodyUsed) return nativeParts(response);
      return undefined;
    },
  };
}

function isFast(response: unknown): response is { _toNodeResponse(): FastParts } {
  return typeof (response as { _toNodeResponse?: unknown } | null)?._toNodeResponse === "function";
}

function fastParts(parts: FastParts): ResponseParts | undefined {
  const { status, headers, body } = parts;
  if (body === undefined || body === null) return { status, headers, body: undefined };
  if (typeof body === "string" || body instanceof Uint8Array || body instanceof ReadableStream) {
    return { status, headers, body };
  }
  return undefined;
}

function nativeParts(response: Response): ResponseParts {
  const headers: string[] = [];
  for (const [name, value] of response.headers) headers.push(name, value);
  const body = (response.body as ReadableStream<Uint8Array> | null) ?? undefined;
  return { status: response.status, headers, body };
}
