/** What the meter is told about an admitted call: one object, filled anew for each. */

import type { EpochMs, WindowId } from "../base/words.ts";
import type { Charge, Decision } from "../limits/decide.ts";
import { limitsAtWorkMax } from "../limits/plan.ts";
import type { Caller } from "./caller.ts";
import type { ChargedCall, ChargedCounters, MeteredCaller } from "./row-finder.ts";
import type { CompiledPlan, CompiledRoute } from "./setup.ts";

/**
 * The caller of a call whose address found no room. Its usage is one row with that of all others like it: a row for each address
 * would be what the bound on counters is there to prevent.
 */
class CrowdedCaller implements MeteredCaller {
  readonly address = new Uint32Array(4);
  readonly referer = "";
  caller: Caller | undefined;

  get keySlot(): number {
    return (this.caller as Caller).keySlot;
  }

  keyId(): string {
    return (this.caller as Caller).keyId();
  }

  owner(): string {
    return (this.caller as Caller).owner();
  }

  addressText(): string {
    return "other";
  }

  subjectText(dimension: number): string {
    return (this.caller as Caller).subjectText(dimension);
  }

  overflowText(dimension: number): string {
    return (this.caller as Caller).overflowText(dimension);
  }
}

export class ChargedVisit implements ChargedCall {
  readonly counters: ChargedCounters & {
    count: number;
    lo: Uint32Array;
    hi: Uint32Array;
    readonly dimension: Uint8Array;
    readonly windowIds: WindowId[];
    shared: number;
  } = {
    count: 0,
    lo: new Uint32Array(0),
    hi: new Uint32Array(0),
    dimension: new Uint8Array(limitsAtWorkMax),
    windowIds: [],
    shared: 0,
  };
  cost = 0;
  nowMs: EpochMs = 0;
  #route: CompiledRoute | undefined;
  #plan: CompiledPlan | undefined;
  #caller: MeteredCaller | undefined;
  readonly #crowded = new CrowdedCaller();

  get route(): ChargedCall["route"] {
    return (this.#route as CompiledRoute).config;
  }

  get plan(): ChargedCall["plan"] {
    return (this.#plan as CompiledPlan).plan;
  }

  get caller(): MeteredCaller {
    return this.#caller as MeteredCaller;
  }

  /** `decision` is the one just made. */
  set(visit: {
    readonly route: CompiledRoute;
    readonly plan: CompiledPlan;
    readonly caller: Caller;
    readonly decision: Readonly<Decision>;
    readonly nowMs: EpochMs;
  }): void {
    const { route, plan, decision } = visit;
    const { charge, shared } = decision;
    this.#route = route;
    this.#plan = plan;
    this.#caller = visit.caller;
    this.cost = route.config.cost;
    this.nowMs = visit.nowMs;
    const { counters } = this;
    const { counters: specs } = plan.plan;
    counters.count = charge.count;
    counters.lo = charge.lo;
    counters.hi = charge.hi;
    counters.shared = 0;
    for (let i = 0; i < charge.count; i++) {
      const spec = specs[charge.counters[i] as number] as (typeof specs)[number];
      counters.dimension[i] = spec.dimension;
      counters.windowIds[i] = (charge.windows[i] as Charge["windows"][number]).id;
      if (shared !== 0 && (shared & (1 << (charge.counters[i] as number))) !== 0) {
        counters.shared |= 1 << i;
      }
    }
    if (counters.shared === 0) return;
    this.#crowded.caller = visit.caller;
    this.#caller = this.#crowded;
  }
}
