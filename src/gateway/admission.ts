/**
 * Steps 8 and 9 of a call's way: may it be answered, may its caller spend, and its charge. All of it in one turn.
 *
 * Where a call is refused its reply has been given, and nothing is left of it in counters, journal and queues.
 */

import { Decider, type Decision } from "../limits/decide.ts";
import type { WindowTables } from "../limits/window-tables.ts";
import type { CounterChild } from "../ports/metrics.ts";
import { Call, type CallServices } from "./call.ts";
import { ChargedVisit } from "./charged-visit.ts";
import type { DirectReplies, Visited } from "./direct-reply.ts";
import type { Identifier } from "./identify.ts";
import type { Overload } from "./overload.ts";
import type { PipelineParts } from "./pipeline-parts.ts";
import { secondsUntil } from "./reply-fields.ts";
import { type CompiledPlan, type CompiledRoute, rulesFor, type Setup } from "./setup.ts";
import type { Seat } from "./upstream-room.ts";

const notAttempted = ["x-tallygate-outcome", "not-attempted"];

export interface AdmissionParts {
  readonly parts: PipelineParts;
  readonly services: CallServices;
  readonly direct: DirectReplies;
  readonly overload: Overload;
  readonly setup: Setup;
}

interface Asked {
  readonly plan: CompiledPlan;
  readonly route: CompiledRoute;
}

export class Admission {
  readonly #parts: PipelineParts;
  readonly #services: CallServices;
  readonly #direct: DirectReplies;
  readonly #overload: Overload;
  readonly #charged = new ChargedVisit();
  #setup: Setup;
  #tables: WindowTables | undefined;
  #decider: Decider | undefined;

  constructor({ parts, services, direct, overload, setup }: AdmissionParts) {
    this.#parts = parts;
    this.#services = services;
    this.#direct = direct;
    this.#overload = overload;
    this.#setup = setup;
  }

  /** For calls from now on. */
  configure(setup: Setup): void {
    this.#setup = setup;
    this.#decider = undefined;
  }

  /** The view's tables are replaced as a whole by a snapshot, and the decider with them. */
  decider(): Decider {
    const { tables: present, leases } = this.#parts;
    const tables = present();
    if (this.#decider === undefined || this.#tables !== tables) {
      this.#tables = tables;
      const { addressesMax } = this.#setup.config.clients;
      this.#decider = new Decider(tables, leases.held, addressesMax);
    }
    return this.#decider;
  }

  /** The admitted and charged call of the caller identified last; undefined: it was refused, and told so. */
  admit(visit: Visited, identifier: Identifier, { plan, route }: Asked): Call | undefined {
    const { meter } = this.#parts;
    const of = { plan: plan.plan.name, route: route.config.path };
    const isMetered = meter.accepts();
    if (!isMetered && !plan.allowsUnmetered) {
      return this.#direct.problem(visit, "usage-unrecordable", "unrecordable", of);
    }
    if (this.#overload.loop.sheds(plan.isAnonymous)) {
      return this.#direct.problem(visit, "gateway-overloaded", "shed", of);
    }
    const decider = this.decider();
    const { cost } = route.config;
    const { subjects, address } = identifier.caller;
    const { rules, policy } = rulesFor(plan, address);
    const decision = decider.decide(rules, subjects, cost, visit.nowMs);
    if (decision.shadowViolated !== 0) countEach(plan.shadowDenied, decision.shadowViolated);
    if (decision.shared !== 0) countEach(plan.shared, decision.shared);
    if (!decision.admitted) return this.#refuse(visit, identifier, { plan, route, decision });
    const seat = seatOf(visit, plan, route);
    if (seat === undefined && route.room !== undefined) {
      decider.undo(rules);
      const context = { ...of, headers: notAttempted };
      return this.#direct.problem(visit, "upstream-overloaded", "shed", context);
    }
    const { exchange, requestId, startedMs, cors } = visit;
    const call = new Call(this.#services, {
      ...{ exchange, requestId, route, plan, seat },
      ...{ startedMs, policy, cors },
    });
    let position = 0;
    if (isMetered) {
      const { caller } = identifier;
      this.#charged.set({ route, plan, caller, decision, nowMs: visit.nowMs });
      position = meter.charge(this.#charged);
    }
    if (position === 0) {
      decider.undo(rules);
      if (!plan.allowsUnmetered) {
        seat?.leave();
        return this.#direct.problem(visit, "usage-unrecordable", "unrecordable", of);
      }
      meter.unmeteredCalls++;
    }
    plan.admitted.add(1);
    call.decided(decision.tightest, decision.remaining, resetSeconds(decision, visit));
    if (position === 0) call.outcome = "unmetered";
    else call.charged(position, meter.lastRow, cost);
    return call;
  }

  #refuse(
    visit: Visited,
    identifier: Identifier,
    { plan, route, decision }: Asked & { readonly decision: Readonly<Decision> },
  ): undefined {
    countEach(plan.denied, decision.violated & ~decision.unleased);
    if (decision.unleased !== 0) {
      this.#demand(decision.unleased, identifier, { plan, cost: route.config.cost });
    }
    if (decision.violated === decision.unleased) {
      const of = { plan: plan.plan.name, route: route.config.path };
      this.#direct.problem(visit, "quota-not-held", "unleased", of);
      return;
    }
    identifier.noteLimited(visit.nowMs);
    const { signup } = this.#setup.config;
    const { policy } = rulesFor(plan, identifier.caller.address);
    this.#direct.limited(visit, { plan, route, decision, signup, policy });
  }

  /** Asks for quota that this process lacks: the caller comes again in a moment. */
  #demand(
    unleased: number,
    identifier: Identifier,
    call: { readonly plan: CompiledPlan; readonly cost: number },
  ): void {
    const { plan } = call.plan;
    for (let i = 0; i < plan.limits.length; i++) {
      const limit = plan.limits[i];
      if (limit === undefined || (unleased & (1 << i)) === 0) continue;
      call.plan.unleased[i]?.add(1);
      const dimension = plan.counters[limit.counter]?.dimension ?? 0;
      this.#parts.leases.demand({
        ...{ plan: plan.name, limit: limit.name, quota: limit.quota, want: 0, cost: call.cost },
        subject: identifier.caller.subjectText(dimension),
        place: this.decider().unleased(plan, i),
      });
    }
  }
}

/** While its body is still to come a call takes up no room, and then may find none: what cannot be is refused before the charge. */
function seatOf(
  { exchange, startedMs }: Visited,
  { isAnonymous }: CompiledPlan,
  { room }: CompiledRoute,
): Seat | undefined {
  if (room === undefined) return undefined;
  return exchange.hasBody
    ? room.expect(isAnonymous, startedMs)
    : room.begin(isAnonymous, startedMs);
}

function countEach(counters: readonly CounterChild[], bits: number): void {
  for (let i = 0; i < counters.length; i++) if ((bits & (1 << i)) !== 0) counters[i]?.add(1);
}

function resetSeconds(decision: Readonly<Decision>, visit: Visited): number {
  return decision.tightest < 0 ? 0 : secondsUntil(decision.resetsAtMs, visit.nowMs);
}
