/**
 * IP addresses as four 32-bit words, IPv4 as `::ffff:a.b.c.d`: one form, so that `::ffff:1.2.3.4`
 * and `1.2.3.4` are the same caller. The parser is strict and makes no garbage.
 */

import type { Cidr } from "./compiled-config.ts";

/** Longest text of an address: eight groups whose last two are written as IPv4. */
export const addressLengthMax = 45;

const mappedWord = 0x0000ffff;
const groups = new Uint16Array(8);

/**
 * Reads the address that stands at [from, to) of the text into `out`, four words. False (and `out`
 * untouched) for anything but a plain address: no port, brackets, zone id, blanks or leading zeros
 * in IPv4. Forms: RFC 4291 2.2; dotted decimal only.
 */
export function parseAddress(
  text: string,
  out: Uint32Array,
  range: { readonly from: number; readonly to: number } = { from: 0, to: text.length },
): boolean {
  return parseAddressAt(text, range.from, range.to, out);
}

/** `parseAddress` without the range object, for the path of a request. */
export function parseAddressAt(text: string, from: number, to: number, out: Uint32Array): boolean {
  if (to - from < 2 || to - from > addressLengthMax) return false;
  for (let i = from; i < to && i < from + 5; i++) {
    if (text.charCodeAt(i) === 0x3a) return parseIpv6(text, from, to, out);
  }
  const word = parseIpv4(text, from, to);
  if (word < 0) return false;
  out[0] = 0;
  out[1] = 0;
  out[2] = mappedWord;
  out[3] = word;
  return true;
}

/** The 32 bits of a dotted address, or -1. */
function parseIpv4(text: string, from: number, to: number): number {
  let word = 0;
  let at = from;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && text.charCodeAt(at++) !== 0x2e) return -1;
    const start = at;
    let value = 0;
    while (at < to && at - start < 3) {
      const digit = text.charCodeAt(at) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      at++;
    }
    // Leading zeros are octal to some readers: refused rather than guessed.
    const isOctal = at - start > 1 && text.charCodeAt(start) === 0x30;
    if (at === start || value > 255 || isOctal) return -1;
    word = word * 256 + value;
  }
  return at === to ? word : -1;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function parseIpv6(text: string, from: number, to: number, out: Uint32Array): boolean {
  let count = 0;
  /** Groups before `::`; -1 until it was seen. */
  let gap = -1;
  let at = from;
  if (text.charCodeAt(at) === 0x3a) {
    if (text.charCodeAt(at + 1) !== 0x3a) return false;
    gap = 0;
    at += 2;
  }
  while (at < to) {
    if (count === 8) return false;
    const start = at;
    let value = 0;
    while (at < to && at - start < 4) {
      const digit = hexDigit(text.charCodeAt(at));
      if (digit < 0) break;
      value = value * 16 + digit;
      at++;
    }
    if (at < to && text.charCodeAt(at) === 0x2e) {
      const word = count > 6 ? -1 : parseIpv4(text, start, to);
      if (word < 0) return false;
      groups[count++] = word >>> 16;
      groups[count++] = word;
      at = to;
      break;
    }
    if (at === start) return false;
    groups[count++] = value;
    if (at === to) break;
    if (text.charCodeAt(at++) !== 0x3a) return false;
    if (at === to) return false;
    if (text.charCodeAt(at) === 0x3a) {
      if (gap >= 0) return false;
      gap = count;
      at++;
    }
  }
  if (gap < 0 ? count !== 8 : count > 7) return false;
  if (gap >= 0) {
    const tail = count - gap;
    groups.copyWithin(8 - tail, gap, count);
    groups.fill(0, gap, 8 - tail);
  }
  for (let i = 0; i < 4; i++) {
    out[i] = ((groups[i * 2] as number) << 16) | (groups[i * 2 + 1] as number);
  }
  return true;
}

/** Whether the words are an IPv4 address. */
export function isIpv4(words: ArrayLike<number>): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === mappedWord;
}

/** Zeroes in place all but the first `bits` of 128. */
export function maskWords(words: Uint32Array, bits: number): void {
  for (let i = 0; i < 4; i++) {
    const kept = bits - i * 32;
    if (kept <= 0) words[i] = 0;
    else if (kept < 32) words[i] = (words[i] as number) & (-1 << (32 - kept));
  }
}

/**
 * Masks an address in place to the prefix that is one caller, 0 to 32 bits of IPv4 or 0 to 128 of
 * IPv6, and returns that prefix counted in 128 bits (IPv4 /32 is 128).
 */
export function maskAddress(words: Uint32Array, ipv4Prefix: number, ipv6Prefix: number): number {
  const bits = isIpv4(words) ? 96 + ipv4Prefix : ipv6Prefix;
  maskWords(words, bits);
  return bits;
}

/** RFC 5952 text: `203.0.113.7`, `2001:db8::1`. */
export function formatAddress(words: ArrayLike<number>): string {
  if (isIpv4(words)) {
    const word = words[3] as number;
    return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
  }
  const parts: number[] = [];
  for (let i = 0; i < 8; i++) parts.push(((words[i >> 1] as number) >>> (i & 1 ? 0 : 16)) & 0xffff);
  let gapStart = -1;
  let gapLength = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && parts[end] === 0) end++;
    if (end - i > gapLength) {
      gapStart = i;
      gapLength = end - i;
    }
    if (end > i) i = end;
  }
  const hex = (from: number, to?: number): string =>
    parts
      .slice(from, to)
      .map((part) => part.toString(16))
      .join(":");
  return gapStart < 0 ? hex(0) : `${hex(0, gapStart)}::${hex(gapStart + gapLength)}`;
}

/** The text of a masked address as subjects have it: `203.0.113.7`, `2001:db8:1:2::/64`. */
export function formatSubjectAddress(words: ArrayLike<number>, bits: number): string {
  const text = formatAddress(words);
  if (bits === 128) return text;
  return `${text}/${isIpv4(words) ? bits - 96 : bits}`;
}

/** Reads `10.0.0.0/8`, `2001:db8::/32` or an address alone. Bits beyond the prefix are zeroed. */
export function parseCidr(text: string): Cidr | { readonly error: string } {
  const slash = text.indexOf("/");
  const words = new Uint32Array(4);
  const end = slash < 0 ? text.length : slash;
  if (!parseAddressAt(text, 0, end, words)) {
    return { error: "an IPv4 or IPv6 address, or a block such as 10.0.0.0/8 or 2001:db8::/32" };
  }
  const isDotted = isIpv4(words) && !text.slice(0, end).includes(":");
  const width = isDotted ? 32 : 128;
  const digits = slash < 0 ? String(width) : text.slice(slash + 1);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(digits) || Number(digits) > width) {
    return { error: `a prefix length of 0 to ${width}` };
  }
  const bits = Number(digits) + (isDotted ? 96 : 0);
  maskWords(words, bits);
  return { words: Array.from(words) as [number, number, number, number], bits };
}

/** Whether the block holds the address. */
export function isInCidr(words: ArrayLike<number>, cidr: Cidr): boolean {
  for (let i = 0, left = cidr.bits; left > 0; i++, left -= 32) {
    const difference = ((words[i] as number) ^ (cidr.words[i] as number)) >>> 0;
    if (left >= 32 ? difference !== 0 : difference >>> (32 - left) !== 0) return false;
  }
  return true;
}
