/** The site that a call comes from, as a limit `per: referer` counts it. */

import { isHeaderName } from "./header-name.ts";

/** Characters of a host name, at most (RFC 1035), and of a header value that is looked at. */
export const hostLengthMax = 253;
const valueLengthMax = 8_192;

/**
 * Host of the Referer or, where there is none, of the Origin: in lower case, without user, port
 * and final dot. "" where neither holds one; a Referer that holds none is not made up for by an
 * Origin. Internationalised names stay in the punycode that browsers send.
 */
export function refererOf(rawHeaders: readonly string[]): string {
  let origin: string | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === 7 && isHeaderName(name, "referer")) {
      return refererHost(rawHeaders[i + 1] as string);
    }
    if (name.length === 6 && origin === undefined && isHeaderName(name, "origin")) {
      origin = rawHeaders[i + 1];
    }
  }
  return origin === undefined ? "" : refererHost(origin);
}

/** The host of `http(s)://[user@]host[:port][/…]` in lower case, or "". */
export function refererHost(url: string): string {
  if (url.length > valueLengthMax) return "";
  const start = schemeEnd(url);
  if (start < 0) return "";
  let end = start;
  let hostStart = start;
  for (; end < url.length; end++) {
    const code = url.charCodeAt(end);
    if (code === 0x2f || code === 0x3f || code === 0x23) break;
    if (code === 0x40) hostStart = end + 1;
  }
  if (url.charCodeAt(hostStart) === 0x5b) return bracketedHost(url, hostStart, end);
  const colon = url.indexOf(":", hostStart);
  let hostEnd = colon >= 0 && colon < end ? colon : end;
  if (hostEnd < end && !isPort(url, hostEnd, end)) return "";
  if (url.charCodeAt(hostEnd - 1) === 0x2e) hostEnd--;
  if (hostEnd <= hostStart || hostEnd - hostStart > hostLengthMax) return "";
  for (let i = hostStart; i < hostEnd; i++) if (!isHostCode(url.charCodeAt(i))) return "";
  if (url.charCodeAt(hostStart) === 0x2e) return "";
  return url.slice(hostStart, hostEnd).toLowerCase();
}

function schemeEnd(url: string): number {
  const scheme = url.slice(0, 8).toLowerCase();
  if (scheme === "https://") return 8;
  return scheme.startsWith("http://") ? 7 : -1;
}

/** `[2001:db8::1]`, kept with its brackets; only its characters are checked. */
function bracketedHost(url: string, from: number, end: number): string {
  const close = url.indexOf("]", from);
  if (close < 0 || close >= end || close - from > 46) return "";
  if (close + 1 < end && !isPort(url, close + 1, end)) return "";
  const host = url.slice(from, close + 1).toLowerCase();
  return /^\[[0-9a-f:.]{2,45}\]$/.test(host) ? host : "";
}

/** `:` and up to five digits. */
function isPort(url: string, from: number, end: number): boolean {
  if (url.charCodeAt(from) !== 0x3a || end - from > 6) return false;
  for (let i = from + 1; i < end; i++) {
    const code = url.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}

function isHostCode(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    code === 0x2d ||
    code === 0x2e ||
    code === 0x5f
  );
}
