/**
 * What a call leaves behind: the row it is reported under and the counters it was charged to.
 */

import type { EpochMs, Incarnation, SubjectText, WindowId } from "../base/words.ts";

/** Everything that reports can ask for. "" where the call has no such thing. */
export interface RowKey {
  /** Start of the UTC hour of admission. */
  readonly hour: EpochMs;
  /** Path of the route as configured. */
  readonly route: string;
  readonly plan: string;
  readonly owner: string;
  /** Key id, never the secret. */
  readonly key: string;
  /** The address as counted: `203.0.113.7`, `2001:db8:1:2::/64`. */
  readonly address: string;
  readonly referer: string;
}

export interface ChargedCounter {
  readonly window: WindowId;
  readonly subject: SubjectText;
  readonly lo: number;
  readonly hi: number;
}

/** A row with the counters that each of its calls is charged to. */
export interface RowDefinition extends RowKey {
  readonly counters: readonly ChargedCounter[];
}

export interface UsageSums {
  readonly calls: number;
  readonly units: number;
  readonly refundedCalls: number;
  readonly refundedUnits: number;
}

export type UsageRow = RowKey & UsageSums;

/** A producer's last word on a lease: what it spent of it. The rest goes back to the hub. */
export interface ClosedLease {
  /** The start that it was granted to, which may be an earlier one than the one that says so. */
  readonly incarnation: Incarnation;
  /** The request that it was granted for. */
  readonly request: number;
  readonly window: WindowId;
  readonly lo: number;
  readonly hi: number;
  readonly spent: number;
}

/** Not exact: a crash loses those of one flush. */
export interface Observation {
  readonly hour: EpochMs;
  readonly route: string;
  readonly plan: string;
  /** `admitted`, `limited:<limit>`, `unauthorized`, `upstream-error`… */
  readonly outcome: string;
  readonly calls: number;
  readonly bytes: number;
  /** Milliseconds, summed. */
  readonly timeMs: number;
}

/** Counters as columns of equal length. */
export interface CounterColumns {
  readonly count: number;
  /** Index into the batch's windows. */
  readonly window: Uint32Array;
  readonly lo: Uint32Array;
  readonly hi: Uint32Array;
  readonly charged: Float64Array;
  readonly refunded: Float64Array;
}
