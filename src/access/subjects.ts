/**
 * Whom a call counts against: from what `identify` found out about the call to the fingerprints
 * that `decide` reads, and to the subjects' texts, which are made only when a row is first seen.
 *
 * A value counts as missing if it is empty, longer than `subjectValueMax`, holds control characters, or
 * (query, path) is not valid percent-encoded UTF-8. Query and path values are decoded, so that `%31` and `1` are one subject, as
 * they are to the upstream; header values are taken as they are. Of several header fields of one name
 * the values are joined by ", " (RFC 9110 5.3); of several query parameters the first counts.
 */

import type { HashKey } from "../base/hash.ts";
import type { Fingerprint, SubjectText } from "../base/words.ts";
import type { Dimension, Limit, Plan, Subjects } from "../limits/plan.ts";
import { type DimensionKind, splitDimension } from "./dimension.ts";
import { isHeaderName } from "./header-name.ts";
import { formatSubjectAddress, isIpv4, maskWords } from "./ip-address.ts";
import type { KeySlot, KeyTable } from "./key-table.ts";
import { decodedValue, queryValue } from "./query-value.ts";
import {
  fingerprintAddress,
  fingerprintOverflow,
  fingerprintValue,
  overflowSubject,
  subjectTag,
} from "./subject-fingerprint.ts";

/** Characters of a header's, query's or path parameter's value that can be a subject. */
export const subjectValueMax = 256;

/**
 * What is known of one call. Made once and overwritten for each call by its owner; nothing here
 * keeps a reference beyond a call.
 */
export interface CallFacts {
  /** The key's place in the table; -1 for a call without a key. */
  slot: KeySlot;
  /** The caller's address, masked to `addressBits` of 128. */
  readonly address: Uint32Array;
  addressBits: number;
  /** Host in lower case; "" if none. */
  referer: string;
  /** Header fields as they came: name, value, name, value… */
  rawHeaders: readonly string[];
  /** The request target's query as it came, without `?`; "" if none. */
  query: string;
  /** Parameters of the route's path and their values as they came, still encoded. */
  pathNames: readonly string[];
  pathValues: readonly string[];
}

export function emptyCallFacts(): CallFacts {
  return {
    slot: -1,
    address: new Uint32Array(4),
    addressBits: 128,
    referer: "",
    rawHeaders: [],
    query: "",
    pathNames: [],
    pathValues: [],
  };
}

export interface SubjectsOptions {
  readonly hashKey: HashKey;
  readonly keys: KeyTable;
  /** The configuration's; an index into them is an index into `Subjects`. */
  readonly dimensions: readonly Dimension[];
}

/** One configuration's subjects. Made anew with each configuration. */
export interface SubjectFiller {
  /**
   * Writes the subjects of every dimension that the limits of a plan of this configuration use; others are left as they
   * were. A missing value under `skip` has `lo` 0, under `share` it is the subject that all such
   * calls share. Returns -1, or the index of a dimension that is missing and must not be (the call
   * is a 400), with the rest unwritten. Allocates nothing but what decoding `%` in a value makes.
   */
  fill(plan: Plan, facts: CallFacts, subjects: Subjects): number;
  /** The subject's text, of a call just filled; for `skip` and `share` the one without a value. */
  text(dimension: number, facts: CallFacts): SubjectText;
  /** Writes what subjects of each dimension share that find no room, once for all calls. Keys and owners always have room. */
  fillOverflow(subjects: Subjects): void;
  /** The text of that. */
  overflowText(dimension: number): SubjectText;
}

interface Source {
  readonly index: number;
  readonly kind: DimensionKind;
  /** Of the header field (lower case), query parameter or path parameter. */
  readonly name: string;
  readonly tag: number;
  /** Of a block: bits of its prefix. */
  readonly bits: number;
  /** What calls without a value share. */
  readonly shared: Readonly<Fingerprint>;
}

interface PlanSource {
  readonly source: Source;
  readonly missing: Limit["missing"];
}

export function subjectFiller(options: SubjectsOptions): SubjectFiller {
  const { hashKey, keys, dimensions } = options;
  const sources = dimensions.map((dimension, index): Source => {
    const tag = subjectTag(dimension);
    const shared: Fingerprint = { lo: 0, hi: 0 };
    fingerprintValue(hashKey, tag, "", shared);
    const { kind, name } = splitDimension(dimension);
    return { index, kind, name, bits: kind === "ip-block" ? Number(name) : 0, tag, shared };
  });
  /** By the plan's index. */
  const byPlan: PlanSource[][] = [];
  const out: Fingerprint = { lo: 0, hi: 0 };
  const block = new Uint32Array(4);

  function readBlock(address: Uint32Array, bits: number): void {
    block.set(address);
    maskWords(block, bits);
  }

  function sourcesOf(plan: Plan): readonly PlanSource[] {
    const known = byPlan[plan.index];
    if (known !== undefined) return known;
    const found = new Map<number, PlanSource>();
    for (const limit of plan.limits) {
      const counter = plan.counters[limit.counter];
      const source = counter === undefined ? undefined : sources[counter.dimension];
      // Limits of one plan on one dimension have one rule: the configuration makes sure.
      if (source !== undefined) found.set(source.index, { source, missing: limit.missing });
    }
    const list = [...found.values()];
    byPlan[plan.index] = list;
    return list;
  }

  function write(source: Source, facts: CallFacts, subjects: Subjects): boolean {
    const { index } = source;
    switch (source.kind) {
      case "key":
        if (facts.slot < 0) return false;
        subjects.lo[index] = keys.keyLo(facts.slot);
        subjects.hi[index] = keys.keyHi(facts.slot);
        subjects.anchorDay[index] = keys.anchorDay(facts.slot);
        return true;
      case "owner":
        if (facts.slot < 0 || keys.ownerLo(facts.slot) === 0) return false;
        subjects.lo[index] = keys.ownerLo(facts.slot);
        subjects.hi[index] = keys.ownerHi(facts.slot);
        subjects.anchorDay[index] = keys.ownerAnchorDay(facts.slot);
        return true;
      case "ip":
        fingerprintAddress(hashKey, facts.address, facts.addressBits, out);
        break;
      case "ip-block":
        if (isIpv4(facts.address)) return false;
        readBlock(facts.address, source.bits);
        fingerprintAddress(hashKey, block, source.bits, out);
        break;
      default: {
        const value = valueOf(source, facts);
        if (value === "") return false;
        fingerprintValue(hashKey, source.tag, value, out);
      }
    }
    subjects.lo[index] = out.lo;
    subjects.hi[index] = out.hi;
    subjects.anchorDay[index] = 1;
    return true;
  }

  return {
    fill: (plan, facts, subjects) => {
      const list = sourcesOf(plan);
      for (let i = 0; i < list.length; i++) {
        const { source, missing } = list[i] as PlanSource;
        if (write(source, facts, subjects)) continue;
        if (missing === "deny") return source.index;
        const isShared = missing === "share";
        subjects.lo[source.index] = isShared ? source.shared.lo : 0;
        subjects.hi[source.index] = isShared ? source.shared.hi : 0;
        subjects.anchorDay[source.index] = 1;
      }
      return -1;
    },
    text: (dimension, facts) => {
      const source = sources[dimension] as Source;
      switch (source.kind) {
        case "key":
          return `key:${facts.slot < 0 ? "" : keys.keyId(facts.slot)}`;
        case "owner":
          return `owner:${facts.slot < 0 ? "" : keys.owner(facts.slot)}`;
        case "ip":
          return `ip:${formatSubjectAddress(facts.address, facts.addressBits)}`;
        case "ip-block":
          readBlock(facts.address, source.bits);
          return `ip:${formatSubjectAddress(block, source.bits)}`;
        case "referer":
          return `referer:${facts.referer}`;
        default:
          return `${dimensions[dimension]}=${valueOf(source, facts)}`;
      }
    },
    fillOverflow: (subjects) => {
      for (const { index, kind } of sources) {
        if (kind === "key" || kind === "owner") continue;
        fingerprintOverflow(hashKey, dimensions[index] as Dimension, out);
        subjects.overflowLo[index] = out.lo;
        subjects.overflowHi[index] = out.hi;
      }
    },
    overflowText: (dimension) => overflowSubject(dimensions[dimension] as Dimension),
  };
}

/** The value of a text dimension, "" if missing. */
function valueOf(source: Source, facts: CallFacts): string {
  switch (source.kind) {
    case "referer":
      return facts.referer;
    case "header":
      return bounded(headerValue(facts.rawHeaders, source.name));
    case "query":
      return bounded(queryValue(facts.query, source.name));
    default:
      return bounded(decodedValue(facts.pathValues[facts.pathNames.indexOf(source.name)] ?? ""));
  }
}

/** Control characters are kept out of reports, where a terminal would obey them. */
function bounded(value: string): string {
  if (value.length > subjectValueMax) return "";
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return "";
  }
  return value;
}

function headerValue(rawHeaders: readonly string[], name: string): string {
  let value = "";
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (!isHeaderName(rawHeaders[i] as string, name)) continue;
    const next = rawHeaders[i + 1] as string;
    value = value === "" ? next : `${value}, ${next}`;
  }
  return value;
}
