/**
 * May this caller spend `cost` units? Over all limits of the plan at once, from memory, without
 * waiting: E = total + own of each counter, admitted iff E + cost ≤ quota for every limit that applies, and
 * then charged to every counter once. A denied call changes nothing.
 *
 * Shadow limits are charged and say what they would have refused; they refuse nothing. Strict limits are decided like soft
 * ones here.
 */

import type { EpochMs, WindowId } from "../base/words.ts";
import { emptyCounterRef } from "./counter-table.ts";
import { type Limit, limitsPerPlanMax, type Plan, type Subjects } from "./plan.ts";
import type { LiveWindow, WindowTables } from "./window-tables.ts";

/** The answer, in one object that the next decision overwrites. */
export class Decision {
  admitted = false;
  /** Bit i: limit i of the plan refused the call. */
  violated = 0;
  /** Bit i: limit i is a shadow limit and would have refused the call. */
  shadowed = 0;
  /** Index of the limit with the lowest remaining/quota, of equals the longest window; -1: no limit applies. */
  tightest = -1;
  /** Units left under the tightest limit, after this call if it was admitted; not below 0. */
  tightestRemaining = 0;
  tightestResetMs: EpochMs = 0;
  /** Denied: the latest end of the violated limits' windows. */
  retryAtMs: EpochMs = 0;

  /** Counters that apply to the call; charged if it was admitted. */
  count = 0;
  readonly lo = new Uint32Array(limitsPerPlanMax);
  readonly hi = new Uint32Array(limitsPerPlanMax);
  readonly dimension = new Uint8Array(limitsPerPlanMax);
  readonly windowIds: WindowId[] = [];
  readonly windows: LiveWindow[] = [];

  /** By plan counter: what is used now; -1: the counter does not apply to the call. */
  readonly used = new Float64Array(limitsPerPlanMax);
  readonly refs = Array.from({ length: limitsPerPlanMax }, emptyCounterRef);
  /** By plan counter: place among the counters that apply. */
  readonly place = new Uint8Array(limitsPerPlanMax);
}

/** What a call asks: who, under which plan, how much, when. A reused object. */
export interface Question {
  readonly plan: Plan;
  readonly subjects: Subjects;
  /** Units, 0 to costMax. */
  readonly cost: number;
  readonly nowMs: EpochMs;
}

/** Decides, charges what is admitted, and writes the answer to `out`. */
export function decide(tables: WindowTables, question: Question, out: Decision): boolean {
  look(tables, question, out);
  weigh(question, out, question.cost);
  if (!out.admitted) return false;
  const { cost } = question;
  if (cost > 0) charge(out, cost);
  return true;
}

/** The same answer for a call of no cost that is not charged: what `/-/usage` tells. */
export function peek(tables: WindowTables, question: Question, out: Decision): void {
  look(tables, question, out);
  weigh(question, out, 0);
}

/** Takes the last charge of `out` back out of the tables: the journal did not take it. */
export function uncharge(out: Decision, cost: number): void {
  if (cost === 0) return;
  for (let i = 0; i < out.count; i++) {
    const live = out.windows[i] as LiveWindow;
    live.table.addOwn(out.lo[i] as number, out.hi[i] as number, -cost);
  }
}

/** Finds the counters of the call and what each has used. */
function look(tables: WindowTables, question: Question, out: Decision): void {
  const { plan, subjects, nowMs } = question;
  const { counters } = plan;
  const current = tables.current(plan, nowMs);
  let count = 0;
  for (let c = 0; c < counters.length; c++) {
    const counter = counters[c] as Plan["counters"][number];
    const { dimension } = counter;
    const lo = subjects.lo[dimension] as number;
    if (lo === 0) {
      out.used[c] = -1;
      continue;
    }
    const live =
      current[c] ?? tables.anchored(counter, nowMs, subjects.anchorDay[dimension] as number);
    const hi = subjects.hi[dimension] as number;
    out.lo[count] = lo;
    out.hi[count] = hi;
    out.dimension[count] = dimension;
    out.windowIds[count] = live.id;
    out.windows[count] = live;
    out.place[c] = count;
    const ref = out.refs[count] as (typeof out.refs)[number];
    out.used[c] = live.table.used(lo, hi, ref);
    count++;
  }
  out.count = count;
}

/** Holds the limits against what is used. */
function weigh(question: Question, out: Decision, cost: number): void {
  const { limits } = question.plan;
  let violated = 0;
  let shadowed = 0;
  let denied = false;
  out.retryAtMs = 0;
  for (let i = 0; i < limits.length; i++) {
    const limit = limits[i] as Limit;
    const used = out.used[limit.counter] as number;
    if (used < 0 || used + cost <= limit.quota) continue;
    if (limit.enforcement === "shadow") {
      shadowed |= 1 << i;
      continue;
    }
    violated |= 1 << i;
    denied = true;
    const { endMs } = out.windows[out.place[limit.counter] as number] as LiveWindow;
    if (endMs > out.retryAtMs) out.retryAtMs = endMs;
  }
  out.admitted = !denied;
  out.violated = violated;
  out.shadowed = shadowed;
  tighten(question, out, denied ? 0 : cost);
}

/** Finds the limit that the RateLimit field tells. */
function tighten(question: Question, out: Decision, charged: number): void {
  const { limits } = question.plan;
  let lowest = Number.POSITIVE_INFINITY;
  let longest = 0;
  out.tightest = -1;
  for (let i = 0; i < limits.length; i++) {
    const limit = limits[i] as Limit;
    const used = out.used[limit.counter] as number;
    if (used < 0 || limit.enforcement === "shadow") continue;
    const remaining = Math.max(0, limit.quota - used - charged);
    const share = remaining / limit.quota;
    const live = out.windows[out.place[limit.counter] as number] as LiveWindow;
    const lengthMs = live.spec.nominalMs;
    if (share > lowest || (share === lowest && lengthMs <= longest)) continue;
    lowest = share;
    longest = lengthMs;
    out.tightest = i;
    out.tightestRemaining = remaining;
    out.tightestResetMs = live.endMs;
  }
}

/**
 * Adds `cost` to every counter. Those that have a slot go first: making a slot for another may move them, and two counters of
 * a call can share a table.
 */
function charge(out: Decision, cost: number): void {
  let isMissing = false;
  for (let i = 0; i < out.count; i++) {
    const ref = out.refs[i] as (typeof out.refs)[number];
    if (ref.at >= 0) (out.windows[i] as LiveWindow).table.addOwnAt(ref, cost);
    else isMissing = true;
  }
  if (!isMissing) return;
  for (let i = 0; i < out.count; i++) {
    if ((out.refs[i] as (typeof out.refs)[number]).at >= 0) continue;
    const live = out.windows[i] as LiveWindow;
    live.table.addOwn(out.lo[i] as number, out.hi[i] as number, cost);
  }
}
