/** Handlers: routes that are answered in the gateway's own process. */

import type { HeaderList } from "./listener.ts";

export interface HandlerCaller {
  /** `anonymous`: no key was given. */
  readonly kind: "keyed" | "anonymous";
  /** The key's id, never its secret; "" for anonymous callers. */
  readonly keyId: string;
  /** "" where the key has none. */
  readonly owner: string;
}

/** What the gateway knows about the call. Its fields are getters: read them, do not spread. */
export interface HandlerCall {
  readonly caller: HandlerCaller;
  readonly plan: string;
  readonly region: string;
  /** Path parameters of the route, percent-decoded: `{ ip: "8.8.8.8" }` for `/{ip}`. */
  readonly params: Readonly<Record<string, string>>;
  /** Also in the reply's `x-request-id` and in the log. */
  readonly requestId: string;
  /** The caller's whole address, after trusted proxies: `203.0.113.7`, `2001:db8::1`. */
  readonly clientAddress: string;
}

/**
 * The default export of a handler's module. A promise that does not settle within the route's time-out is a 504;
 * whatever is thrown, or is no Response, a 500.
 */
export type Handler = (request: Request, call: HandlerCall) => Response | Promise<Response>;

/** A handler's Response taken apart, its body not read yet. */
export interface ResponseParts {
  readonly status: number;
  /** Flat, names in lower case. */
  readonly headers: HeaderList;
  /** `undefined`: none. */
  readonly body: string | Uint8Array | ReadableStream<Uint8Array> | undefined;
}

export interface HandlerHost {
  /** Loads the module anew if it has changed. Throws `config-invalid` if it has no usable default export. */
  load(file: string): Promise<Handler>;
  /**
   * Answers with the files of a folder; `segment` is the number of the first segment of a path that is below it. Throws
   * `config-invalid` if the folder cannot be read.
   */
  files(folder: string, segment: number): Promise<Handler>;
  /** Undefined: the value is no Response, or one whose body was used. */
  parts(response: unknown): ResponseParts | undefined;
}
