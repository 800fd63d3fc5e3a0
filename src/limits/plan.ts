/**
 * A plan as the decision reads it: distinct counters, and limits that point at them. Two limits on
 * the same subject, window and scope share one counter, which a call charges once.
 */

import type { WindowSpec } from "./window.ts";

/**
 * `key`, `owner`, `ip`, `referer`, `header:<name>`, `query:<name>`, `path:<parameter>`; and `ip/48`, the IPv6 block of that
 * prefix, which calls from IPv4 do not have.
 */
export type Dimension =
  | "key"
  | "owner"
  | "ip"
  | `ip/${number}`
  | "referer"
  | `header:${string}`
  | `query:${string}`
  | `path:${string}`;

export type Scope = "region" | "global";

export interface CounterSpec {
  readonly per: Dimension;
  /** Index into the configuration's list of dimensions, and so into `Subjects`. */
  readonly dimension: number;
  readonly window: WindowSpec;
  readonly scope: Scope;
}

/** `shadow` counts and reports what it would have refused, and refuses nothing. */
export type Enforcement = "soft" | "strict" | "shadow";

export interface Limit {
  /** Unique within its plan; a structured-field string: printable ASCII without `"` and `\`. */
  readonly name: string;
  /** Index into the plan's `counters`. */
  readonly counter: number;
  /** Units per window, 1 to quotaMax. */
  readonly quota: number;
  /** Of the counter that subjects share which came when the window had `subjectsMax` of them; at least `quota`. */
  readonly sharedQuota: number;
  readonly enforcement: Enforcement;
  /** Milliseconds after which a view is too old for this limit; 0: never. */
  readonly stalenessMs: number;
  /** What a call gets while the journal cannot be written. */
  readonly onFailure: "deny" | "allow";
  /** What a call gets that has no such subject. */
  readonly missing: "skip" | "share" | "deny";
}

export interface Plan {
  readonly name: string;
  /** Place in the configuration's list of plans. */
  readonly index: number;
  readonly limits: readonly Limit[];
  readonly counters: readonly CounterSpec[];
}

/** Limits that a plan is written with, at most. */
export const limitsPerPlanMax = 16;

/** Limits of a plan with the ceilings that come with them, at most; so also its counters. One bit each in a mask. */
export const limitsAtWorkMax = 32;

/** Distinct dimensions in a configuration, at most. */
export const dimensionsMax = 32;

/**
 * Who a call counts against, by dimension index: filled by `identify`, read by `decide`, reused
 * for the next call. A dimension that the call lacks has `lo` 0.
 */
export interface Subjects {
  readonly lo: Uint32Array;
  readonly hi: Uint32Array;
  /** Day of the month, 1 to 31, on which windows of `month@key` start, by dimension index. */
  readonly anchorDay: Uint8Array;
  /**
   * What subjects that find no room share, by dimension index; `lo` 0: they always have room. The same for every call of a
   * configuration.
   */
  readonly overflowLo: Uint32Array;
  readonly overflowHi: Uint32Array;
}

export function emptySubjects(): Subjects {
  return {
    lo: new Uint32Array(dimensionsMax),
    hi: new Uint32Array(dimensionsMax),
    anchorDay: new Uint8Array(dimensionsMax).fill(1),
    overflowLo: new Uint32Array(dimensionsMax),
    overflowHi: new Uint32Array(dimensionsMax),
  };
}
