/**
 * Calls from web pages of other sites (Fetch, 3.2). Preflights are answered here: they are nobody's call, so they are neither charged
 * nor forwarded, and need no key, which a browser does not send with them. Every reply carries the fields that let the page read it,
 * refusals as well: a 429 that the browser hides helps nobody.
 *
 * A site that may not call gets the same replies without those fields: it is the browser that keeps them from it.
 */

import type { CorsRules } from "../access/compiled-config.ts";
import type { Exchange, HeaderList } from "../ports/listener.ts";
import type { Setup } from "./setup.ts";

/** What a preflight may ask for; anything else in the field is not named in the answer. */
const fieldNames =
  /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}( *, *[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}){0,99}$/;

const hostCharacters = /^[a-z0-9.-]+$/;

const ownPaths = ["/-/usage", "/-/health", "/-/status"];

export interface CorsAnswer {
  /** For the reply, whoever gives it. */
  readonly fields: HeaderList;
  /** Of a preflight, which these answer; undefined: it is a call. */
  readonly preflight: HeaderList | undefined;
}

/** One configuration's. */
export class Cors {
  readonly #setup: Setup;
  readonly #requestedMethod: number;
  readonly #requestedHeaders: number;

  /** Undefined where no rules are configured, as for most gateways. */
  static of(setup: Setup): Cors | undefined {
    const { cors, routes } = setup.config;
    const hasRules = cors !== undefined || routes.some((route) => route.cors !== undefined);
    return hasRules ? new Cors(setup) : undefined;
  }

  private constructor(setup: Setup) {
    const { scan } = setup.door;
    this.#setup = setup;
    this.#requestedMethod = scan.watch("access-control-request-method");
    this.#requestedHeaders = scan.watch("access-control-request-headers");
  }

  /** For the request that the door checked last; undefined where its route has no rules. */
  answer({ method }: Exchange, path: string): CorsAnswer | undefined {
    const { door, router, config } = this.#setup;
    const origin = door.scan.first(door.origin);
    const requested =
      method === "OPTIONS" && origin !== undefined
        ? door.scan.first(this.#requestedMethod)
        : undefined;
    const route = path.startsWith("/-/") ? undefined : router.find(requested ?? method, path).route;
    const rules = route === undefined ? config.cors : route.config.cors;
    if (rules === undefined) return undefined;
    const fields = fieldsFor(rules, origin);
    const isKnown = route !== undefined || ownPaths.includes(path);
    if (requested === undefined || !isKnown) return { fields, preflight: undefined };
    return { fields, preflight: this.#preflight(rules, requested, fields) };
  }

  #preflight(rules: CorsRules, requested: string, fields: HeaderList): HeaderList {
    const out = ["vary", "Access-Control-Request-Method, Access-Control-Request-Headers"];
    const isAllowed = rules.methods === undefined || rules.methods.includes(requested);
    // Only of a site that may call is anything told.
    if (!isAllowed || !fields.includes("access-control-allow-origin")) return out;
    out.push("access-control-allow-methods", rules.methods?.join(", ") ?? requested);
    const asked = this.#setup.door.scan.first(this.#requestedHeaders) ?? "";
    const headers = rules.headers ?? (fieldNames.test(asked) ? asked : "");
    if (headers !== "") out.push("access-control-allow-headers", headers);
    out.push("access-control-max-age", String(rules.maxAgeSeconds));
    return out;
  }
}

function fieldsFor(rules: CorsRules, origin: string | undefined): HeaderList {
  const exposed = ["access-control-expose-headers", rules.exposed];
  // The same for all, so that caches may keep it; also for requests that are not from a page.
  if (rules.isAny) return ["access-control-allow-origin", "*", ...exposed];
  const vary = ["vary", "Origin"];
  if (origin === undefined || !isAllowed(rules, origin)) return vary;
  const credentials = rules.credentials ? ["access-control-allow-credentials", "true"] : [];
  return ["access-control-allow-origin", origin, ...credentials, ...exposed, ...vary];
}

function isAllowed({ origins, subdomains }: CorsRules, origin: string): boolean {
  if (origins.has(origin)) return true;
  return subdomains.some(({ scheme, suffix }) => {
    if (!origin.startsWith(scheme) || !origin.endsWith(suffix)) return false;
    return hostCharacters.test(origin.slice(scheme.length, -suffix.length));
  });
}

/** Takes out what the server behind says of the matter, in place: two answers are none to a browser. */
export function dropCorsFields(headers: string[]): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    if ((headers[i] as string).toLowerCase().startsWith("access-control-")) headers.splice(i, 2);
  }
}
