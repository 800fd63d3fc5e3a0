/**
 * Fingerprints of subjects: a function of the cluster's key and the subject's text, the same on
 * every gateway. The parts of the text are hashed rather than the text, so that the path of a
 * request need not make it.
 *
 * `<per>:<value>` has the tag CRC-32 of `<per>` and the text `<value>`; an address has its four
 * masked words instead of a text, and its prefix in the tag.
 */

import { assert } from "../base/assert.ts";
import { crc32Text, fingerprintText, fingerprintWords, type HashKey } from "../base/hash.ts";
import type { Fingerprint, SubjectText } from "../base/words.ts";
import type { Dimension } from "../limits/plan.ts";
import { isIpv4, maskWords, parseAddress } from "./ip-address.ts";

/** What keeps `key:a` and `owner:a` apart. */
export function subjectTag(dimension: Dimension): number {
  return crc32Text(dimension);
}

/** Fingerprint of a dimension's value; "" is the subject that calls without one share. */
export function fingerprintValue(key: HashKey, tag: number, value: string, out: Fingerprint): void {
  fingerprintText(key, tag, value, out);
}

const addressTag = subjectTag("ip");

/** Fingerprint of an address masked to `bits` of 128. */
export function fingerprintAddress(
  key: HashKey,
  words: ArrayLike<number>,
  bits: number,
  out: Fingerprint,
): void {
  fingerprintWords(key, addressTag ^ (bits << 24), words, out);
}

/** What subjects of `dimension` share that find no room in a window: `overflow:ip`. */
export function overflowSubject(dimension: Dimension): SubjectText {
  return `overflow:${dimension}`;
}

const overflowTag = crc32Text("overflow");

/** Fingerprint of `overflowSubject`. */
export function fingerprintOverflow(key: HashKey, dimension: Dimension, out: Fingerprint): void {
  fingerprintText(key, overflowTag, dimension, out);
}

/** The fingerprint of a subject given by its text, as gateways write it. */
export function fingerprintSubject(key: HashKey, subject: SubjectText, out: Fingerprint): void {
  const isNamed = /^(header|query|path):/.test(subject);
  const end = subject.indexOf(isNamed ? "=" : ":");
  assert(end > 0, "not a subject");
  const dimension = subject.slice(0, end) as Dimension;
  const value = subject.slice(end + 1);
  if (dimension !== "ip") {
    fingerprintValue(key, subjectTag(dimension), value, out);
    return;
  }
  const slash = value.indexOf("/");
  const words = new Uint32Array(4);
  assert(parseAddress(slash < 0 ? value : value.slice(0, slash), words), "not an address");
  const bits = slash < 0 ? 128 : Number(value.slice(slash + 1)) + (isIpv4(words) ? 96 : 0);
  maskWords(words, bits);
  fingerprintAddress(key, words, bits, out);
}
