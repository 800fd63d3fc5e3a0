/**
 * The door: whether a request may come in at all, decided on its target and the raw list of its fields before anything
 * else is known of it. What passes is read in one way only, by this gateway and by every server behind it.
 *
 * node:http and its parser let through, or decide by themselves: HTTP/0.9 and 2.0 in the request line, a second or odd
 * Host, Transfer-Encoding other than chunked or with HTTP/1.0, repeated credentials (the first wins, or they are joined),
 * names that differ in `_` and `-` only, bodies of any length, `Expect` that merely holds 100-continue. All that is
 * decided here. What the parser refuses itself never comes this far: see `http-listener.ts`, which answers for it, and
 * closes what could be left open on a connection (`docs/http.md` is the table of all cases).
 *
 * Order: target, version, number of fields, names, Host, framing, length, Expect, credentials. The first fault decides.
 */

import type { CompiledConfig } from "../access/compiled-config.ts";
import type { Exchange } from "../ports/listener.ts";
import { HeaderScan } from "./header-scan.ts";
import { isHost } from "./host.ts";
import type { ProblemKind } from "./problems.ts";
import { checkTarget, targetTooLong } from "./target.ts";

/** A length of more digits than this is above every bound. */
const lengthDigitsMax = 15;

/** A coding that is framed by chunked at the end: understood as far as to know that it is not understood here. */
const codedThenChunked = /^[!#$%&'*+.^_`|~0-9a-z-]+[ \t]*,[ \t]*chunked$/;

/** One configuration's. */
export class Door {
  /** Of the request checked last. */
  readonly scan = new HeaderScan();
  /** Where the path ends in the target of the request checked last. */
  pathEnd = 0;
  /** Length of its body, as far as it was said; 0: none, or not known beforehand. */
  bodyBytes = 0;
  readonly host = this.scan.watch("host");
  readonly authorization = this.scan.watch("authorization");
  readonly referer = this.scan.watch("referer");
  readonly origin = this.scan.watch("origin");
  readonly #transferEncoding = this.scan.watch("transfer-encoding");
  readonly #contentLength = this.scan.watch("content-length");
  readonly #expect = this.scan.watch("expect");
  readonly #keyFields: readonly number[];
  readonly #fieldsMax: number;
  readonly #targetMax: number;
  readonly #bodyMax: number;
  /** The last Host that was found to be well-formed: nearly always the next one as well. */
  #lastHost = "";

  constructor({ keys, dimensions, listener }: CompiledConfig) {
    this.#fieldsMax = listener.fieldsMax;
    this.#targetMax = listener.targetMaxBytes;
    this.#bodyMax = listener.bodyOfAnyRouteMaxBytes;
    this.#keyFields = keys.from.flatMap((source) =>
      source.kind === "header" ? [this.scan.watch(source.name)] : [],
    );
    // Only names that the operator has written may hold `_`.
    for (const dimension of dimensions) {
      if (dimension.startsWith("header:")) this.scan.watch(dimension.slice("header:".length));
    }
  }

  /** Why the request is refused; undefined: it may come in, and `scan` and `pathEnd` are set. */
  check(exchange: Exchange): ProblemKind | undefined {
    const { headers, target } = exchange;
    const pathEnd = checkTarget(target, this.#targetMax);
    if (pathEnd < 0) return pathEnd === targetTooLong ? "target-too-long" : "request-malformed";
    this.pathEnd = pathEnd;
    const isOld = exchange.httpVersion === "1.0";
    if (!isOld && exchange.httpVersion !== "1.1") return "version-unsupported";
    if (headers.length > this.#fieldsMax * 2) return "headers-too-large";
    const { scan } = this;
    if (!scan.scan(headers)) return "field-name-refused";
    return (
      this.#checkHost(isOld) ??
      this.#checkFraming(isOld) ??
      this.#checkExpect(isOld) ??
      this.#checkCredentials()
    );
  }

  /** One, but for HTTP/1.0, which may have none. */
  #checkHost(isOld: boolean): ProblemKind | undefined {
    const count = this.scan.count(this.host);
    if (count !== 1) return count === 0 && isOld ? undefined : "request-malformed";
    const host = this.scan.first(this.host) as string;
    if (host === this.#lastHost) return undefined;
    if (!isHost(host)) return "request-malformed";
    this.#lastHost = host;
    return undefined;
  }

  /** RFC 9112, 6: chunked alone, or one length alone. */
  #checkFraming(isOld: boolean): ProblemKind | undefined {
    const { scan } = this;
    this.bodyBytes = 0;
    const lengths = scan.count(this.#contentLength);
    const codings = scan.count(this.#transferEncoding);
    if (codings > 0) {
      if (isOld || codings > 1 || lengths > 0) return "request-malformed";
      const coding = (scan.first(this.#transferEncoding) as string).toLowerCase();
      if (coding === "chunked") return undefined;
      const isKnownToEnd = codedThenChunked.test(coding) && !coding.startsWith("chunked");
      return isKnownToEnd ? "encoding-unknown" : "request-malformed";
    }
    if (lengths === 0) return undefined;
    const length = scan.first(this.#contentLength) as string;
    if (lengths > 1 || !isDigits(length)) return "request-malformed";
    if (length.length > lengthDigitsMax) return "body-too-large";
    this.bodyBytes = Number(length);
    return this.bodyBytes > this.#bodyMax ? "body-too-large" : undefined;
  }

  /** HTTP/1.0 does not know it (RFC 9110, 10.1.1). */
  #checkExpect(isOld: boolean): ProblemKind | undefined {
    const count = this.scan.count(this.#expect);
    if (count === 0 || isOld) return undefined;
    const isKnown = this.scan.first(this.#expect)?.toLowerCase() === "100-continue";
    return count === 1 && isKnown ? undefined : "expectation-failed";
  }

  #checkCredentials(): ProblemKind | undefined {
    const { scan } = this;
    if (scan.count(this.authorization) > 1) return "request-malformed";
    for (let i = 0; i < this.#keyFields.length; i++) {
      if (scan.count(this.#keyFields[i] as number) > 1) return "keys-differ";
    }
    return undefined;
  }
}

function isDigits(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return false;
  }
  return text.length > 0;
}
