/**
 * What a handler is told about its call. Texts are made when asked for, at any time: the caller is
 * read from the key table by its slot, which never becomes another's.
 */

import type { KeyTable } from "../access/key-table.ts";
import type { HandlerCall, HandlerCaller } from "../ports/handler.ts";
import type { CompiledRoute } from "./setup.ts";

export interface HandlerCallParts {
  readonly keys: KeyTable;
  /** -1: anonymous. */
  readonly keySlot: number;
  readonly plan: string;
  readonly region: string;
  readonly route: CompiledRoute;
  readonly path: string;
  readonly requestId: string;
  readonly address: { readonly text: string };
}

const anonymous: HandlerCaller = Object.freeze({ kind: "anonymous", keyId: "", owner: "" });

export class LazyHandlerCall implements HandlerCall {
  readonly #parts: HandlerCallParts;
  #caller: HandlerCaller | undefined;
  #params: Readonly<Record<string, string>> | undefined;

  constructor(parts: HandlerCallParts) {
    this.#parts = parts;
  }

  get caller(): HandlerCaller {
    if (this.#caller === undefined) {
      const { keys, keySlot } = this.#parts;
      this.#caller =
        keySlot < 0
          ? anonymous
          : { kind: "keyed", keyId: keys.keyId(keySlot), owner: keys.owner(keySlot) };
    }
    return this.#caller;
  }

  get params(): Readonly<Record<string, string>> {
    this.#params ??= pathParameters(this.#parts.route, this.#parts.path);
    return this.#params;
  }

  get plan(): string {
    return this.#parts.plan;
  }

  get region(): string {
    return this.#parts.region;
  }

  get requestId(): string {
    return this.#parts.requestId;
  }

  get clientAddress(): string {
    return this.#parts.address.text;
  }
}

/** Values of a route's parameters in a path that it matched, percent-decoded. */
export function pathParameters(route: CompiledRoute, path: string): Record<string, string> {
  // Without a prototype a parameter called `constructor` is a parameter, and nothing else is one.
  const values = Object.create(null) as Record<string, string>;
  if (route.parameters.length === 0) return values;
  const segments = path.slice(1).split("/");
  for (const { name, segment } of route.parameters) values[name] = decoded(segments[segment] ?? "");
  return values;
}

/** What is not valid UTF-8 stays as it was written. */
function decoded(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
