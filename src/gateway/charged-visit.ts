/** What the meter is told about an admitted call: one object, filled anew for each. */

import type { EpochMs, WindowId } from "../base/words.ts";
import type { Charge } from "../limits/decide.ts";
import { limitsPerPlanMax } from "../limits/plan.ts";
import type { Caller } from "./caller.ts";
import type { ChargedCall, ChargedCounters } from "./row-finder.ts";
import type { CompiledPlan, CompiledRoute } from "./setup.ts";

export class ChargedVisit implements ChargedCall {
  readonly counters: ChargedCounters & {
    count: number;
    lo: Uint32Array;
    hi: Uint32Array;
    readonly dimension: Uint8Array;
    readonly windowIds: WindowId[];
  } = {
    count: 0,
    lo: new Uint32Array(0),
    hi: new Uint32Array(0),
    dimension: new Uint8Array(limitsPerPlanMax),
    windowIds: [],
  };
  cost = 0;
  nowMs: EpochMs = 0;
  #route: CompiledRoute | undefined;
  #plan: CompiledPlan | undefined;
  #caller: Caller | undefined;

  get route(): ChargedCall["route"] {
    return (this.#route as CompiledRoute).config;
  }

  get plan(): ChargedCall["plan"] {
    return (this.#plan as CompiledPlan).plan;
  }

  get caller(): Caller {
    return this.#caller as Caller;
  }

  /** `charge` is that of the decision just made. */
  set(visit: {
    readonly route: CompiledRoute;
    readonly plan: CompiledPlan;
    readonly caller: Caller;
    readonly charge: Charge;
    readonly nowMs: EpochMs;
  }): void {
    const { route, plan, charge } = visit;
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
    for (let i = 0; i < charge.count; i++) {
      const spec = specs[charge.counters[i] as number] as (typeof specs)[number];
      counters.dimension[i] = spec.dimension;
      counters.windowIds[i] = (charge.windows[i] as Charge["windows"][number]).id;
    }
  }
}
