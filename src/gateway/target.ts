/**
 * The request target, checked on the very bytes that are matched and forwarded, so that no server
 * behind the gateway can read another path out of it than the gateway did.
 *
 * Only origin-form (RFC 9112, 3.2.1). Refused in the path: dot segments however they are written,
 * an encoded slash, backslash or NUL, a `%` without two hex digits, bytes that are never UTF-8, two
 * leading slashes; anywhere: control characters, blanks, raw bytes above ASCII, `#`, `\`.
 */

/** Where the path ends in an admissible target (at `?` or the end), or why it is refused. */
export type TargetCheck = number;
export const targetMalformed = -1;
export const targetTooLong = -2;

const slash = 0x2f;
const dot = 0x2e;
const percent = 0x25;
const question = 0x3f;
const semicolon = 0x3b;

/** 0: never in a target. 1: plain. 2: needs a look in the path. */
const kinds = new Uint8Array(128);
for (let code = 0x21; code < 0x7f; code++) kinds[code] = 1;
for (const code of [0x23, 0x5c]) kinds[code] = 0;
for (const code of [slash, percent, question]) kinds[code] = 2;

/** The index at which the path of `target` ends, or a negative reason. `lengthMax`: characters; longer is 414. */
export function checkTarget(target: string, lengthMax: number): TargetCheck {
  const { length } = target;
  if (length > lengthMax) return targetTooLong;
  if (length === 0 || target.charCodeAt(0) !== slash) return targetMalformed;
  if (target.charCodeAt(1) === slash) return targetMalformed;
  let pathEnd = length;
  for (let i = 0; i < length; i++) {
    const code = target.charCodeAt(i);
    const kind = code < 128 ? kinds[code] : 0;
    if (kind === 1) continue;
    if (kind === 0) return targetMalformed;
    if (pathEnd < length) continue;
    if (code === question) pathEnd = i;
    else if (code === slash && isDotSegment(target, i + 1)) return targetMalformed;
    else if (code === percent && !isHarmlessEscape(target, i)) return targetMalformed;
  }
  return pathEnd;
}

/** Whether the segment that starts at `at` is `.` or `..`, encoded or not, also before a `;`. */
function isDotSegment(target: string, at: number): boolean {
  let dots = 0;
  for (let i = at; i < target.length; ) {
    const code = target.charCodeAt(i);
    if (code === dot) i++;
    else if (code === percent && escapedByte(target, i) === dot) i += 3;
    else return dots > 0 && (code === slash || code === question || code === semicolon);
    if (++dots > 2) return false;
  }
  return dots > 0;
}

function isHarmlessEscape(target: string, at: number): boolean {
  const byte = escapedByte(target, at);
  if (byte === slash || byte === 0x5c) return false;
  // Overlong forms of three and four bytes.
  if (byte === 0xe0 || byte === 0xf0) {
    const next = target.charCodeAt(at + 3) === percent ? escapedByte(target, at + 3) : -1;
    return next >= (byte === 0xe0 ? 0xa0 : 0x90);
  }
  // Control characters; C0 and C1 begin only overlong forms, F5 and up nothing at all.
  return byte > 0x1f && byte !== 0x7f && byte !== 0xc0 && byte !== 0xc1 && byte < 0xf5;
}

/** The byte that `%xx` stands for, or -1. */
function escapedByte(target: string, at: number): number {
  const high = hexDigit(target.charCodeAt(at + 1));
  const low = hexDigit(target.charCodeAt(at + 2));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
