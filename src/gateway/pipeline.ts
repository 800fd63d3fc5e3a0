/**
 * A call's way through the gateway, one step after the other, without a wait between decision and charge:
 *
 *   1. door            target and fields: 400, 413, 414, 417, 431, 501, 505
 *   2. /-/health       answered whatever the state and the address: balancers are in no list; so is /-/status, which is public
 *   3. address         denied 403; from any other a browser's preflight is answered, never charged
 *      ready?          503
 *   4. identify        address blocked 403; keys differ 400; key refused 401, too often 429
 *   5. /-/usage        answered, never charged
 *   6. route           404, 405, 413; after identify, so that a refused key learns no paths
 *   7. restrictions    403; what the plan counts by is missing: 400
 *   8. journal, view   503, unless the plan lets calls through unmetered; 503 too for what an overload sheds
 *   9. decide, charge  429; 503 above what the upstream can answer
 *  10. handler or upstream; the reply leaves when the charge is stored, see `call.ts`
 *
 * Nothing before step 9 changes a counter or the journal.
 */

import type { CompiledConfig } from "../access/compiled-config.ts";
import { Bag } from "../base/bag.ts";
import type { Timer } from "../ports/clock.ts";
import type { Exchange, ExchangeTaker, HeaderList, Refusal } from "../ports/listener.ts";
import { noteRequest, recordOf } from "./access-record.ts";
import { Admission } from "./admission.ts";
import type { Call, CallServices } from "./call.ts";
import { CallStats } from "./call-stats.ts";
import type { Caller } from "./caller.ts";
import { Cors } from "./cors.ts";
import { DirectReplies } from "./direct-reply.ts";
import { answerFixed } from "./fixed-answer.ts";
import { LazyHandlerCall } from "./handler-call.ts";
import { runHandler } from "./handler-run.ts";
import { Identifier } from "./identify.ts";
import { lateMs } from "./loop-guard.ts";
import { Overload } from "./overload.ts";
import type { PipelineParts } from "./pipeline-parts.ts";
import { runProxy } from "./proxy-run.ts";
import { ReplyGate } from "./reply-gate.ts";
import { RequestIds } from "./request-ids.ts";
import { type CompiledPlan, compileSetup, type Setup } from "./setup.ts";
import { Strangers } from "./strangers.ts";
import { usageBody } from "./usage-reply.ts";

/** How often time-outs are looked for, ms: so late can a 504 be. */
const sweepIntervalMs = 100;

/** How often observations are handed to the meter, ms. A crash loses at most these. */
const observeIntervalMs = 1_000;

/** One request on its way; reused for the next, since the steps run in one turn. */
interface Visit {
  exchange: Exchange;
  requestId: string;
  startedMs: number;
  nowMs: number;
  target: string;
  pathEnd: number;
  path: string;
  cors: HeaderList | undefined;
  caller: Caller | undefined;
}

export class Pipeline implements ExchangeTaker {
  readonly #parts: PipelineParts;
  readonly #services: CallServices;
  readonly #stats: CallStats;
  readonly #direct: DirectReplies;
  readonly #gate = new ReplyGate();
  readonly #timers: readonly Timer[];
  readonly #ids: RequestIds;
  #setup: Setup;
  #cors: Cors | undefined;
  #identifier: Identifier | undefined;
  #isStopping = false;
  readonly #admission: Admission;
  readonly #strangers: Strangers;
  readonly #overload: Overload;
  #sweptMs: number;

  private constructor(
    parts: PipelineParts,
    { stats, setup, overload }: { stats: CallStats; setup: Setup; overload: Overload },
  ) {
    this.#parts = parts;
    this.#stats = stats;
    this.#setup = setup;
    this.#cors = Cors.of(setup);
    this.#overload = overload;
    this.#sweptMs = parts.clock.monotonicMs();
    const { region, clock, timers, random } = parts;
    const awaited: CallServices["awaited"] = new Bag();
    this.#services = { ...parts, stats, gate: this.#gate, awaited };
    this.#direct = new DirectReplies({ region, stats, clock, refusals: parts.refusals });
    this.#strangers = new Strangers(parts, setup.config.clients);
    this.#admission = new Admission({
      ...{ parts, overload, setup },
      services: this.#services,
      direct: this.#direct,
    });
    this.#ids = new RequestIds(random, setup.config.clients.trustedProxies);
    this.#timers = [
      timers.every(sweepIntervalMs, () => this.#sweep()),
      timers.every(observeIntervalMs, () => this.#observe()),
    ];
  }

  /** Loads the configuration's handlers. Fails with `config-invalid` if one is not usable. */
  static async create(parts: PipelineParts, config: CompiledConfig): Promise<Pipeline> {
    const stats = new CallStats(parts.metrics, parts.region);
    const overload = new Overload(parts);
    const setup = await compileSetup(config, { handlers: parts.handlers, stats, overload });
    parts.upstreams.retain(config.upstreams);
    return new Pipeline(parts, { stats, setup, overload });
  }

  /** Makes a changed configuration ready; what it returns puts it into use, for calls from then on. Fails like `create`. */
  async prepare(config: CompiledConfig): Promise<() => void> {
    const { handlers, upstreams } = this.#parts;
    const overload = this.#overload;
    const setup = await compileSetup(config, { handlers, stats: this.#stats, overload });
    return () => {
      this.#setup = setup;
      this.#cors = Cors.of(setup);
      this.#identifier = undefined;
      this.#admission.configure(setup);
      this.#strangers.configure(config.clients);
      this.#ids.configure(config.clients.trustedProxies);
      upstreams.retain(config.upstreams);
      overload.retain(config.upstreams);
    };
  }

  /** Why no call should come here now; "" if calls should. */
  unready(): string {
    if (this.#isStopping) return "the gateway is stopping";
    const reason = this.#parts.unready();
    if (reason !== "") return reason;
    return this.#parts.meter.accepts() ? "" : "the journal takes no charges";
  }

  /** Health says no from now on; calls are still answered. */
  beginStop(): void {
    this.#isStopping = true;
  }

  /** After the listener is closed. */
  stop(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#observe();
  }

  /** The journal has stored everything up to `position`. */
  stored(position: number): void {
    this.#gate.stored(position);
  }

  refuse(status: number): Refusal {
    return this.#direct.refusal(status, this.#ids.next());
  }

  take(exchange: Exchange): void {
    const { clock, log, time } = this.#parts;
    const visit: Visit = {
      exchange,
      requestId: this.#ids.of(exchange),
      startedMs: clock.monotonicMs(),
      nowMs: time.nowMs(),
      target: exchange.target,
      pathEnd: 0,
      path: "",
      cors: undefined,
      caller: undefined,
    };
    noteRequest(this.#parts, visit);
    try {
      this.#visit(visit);
    } catch (cause) {
      // A bug: this call fails, the others must not.
      log.error("a call could not be handled", { requestId: visit.requestId }, cause);
      this.#direct.problem(visit, "handler-failed", "handler-error");
    }
  }

  #visit(visit: Visit): void {
    const direct = this.#direct;
    const { exchange, target } = visit;
    const { door, callerAddress } = this.#setup;
    const malformed = door.check(exchange);
    if (malformed !== undefined) {
      direct.problem(visit, malformed, "malformed");
      return;
    }
    const { pathEnd } = door;
    visit.pathEnd = pathEnd;
    const path = pathEnd === target.length ? target : target.slice(0, pathEnd);
    visit.path = path;
    const cors = this.#cors?.answer(exchange, path);
    visit.cors = cors?.fields;
    const isReserved = path.startsWith("/-/");
    if (cors?.preflight === undefined && isReserved && this.#isPublic(visit)) return;
    callerAddress.read(exchange);
    if (callerAddress.found.isDenied) {
      this.#strangers.refused("denied");
      direct.problem(visit, "address-denied", "forbidden");
      return;
    }
    if (cors?.preflight !== undefined) {
      direct.preflight(visit, cors.preflight);
      return;
    }
    const identifier = this.#identify();
    if (identifier === undefined || this.#parts.unready() !== "") {
      direct.problem(visit, "gateway-unready", "unready");
      return;
    }
    const refused = identifier.identify(exchange, visit);
    if (refused !== undefined) {
      direct.refused(visit, refused, identifier.retryAfterSeconds);
      return;
    }
    visit.caller = identifier.caller;
    recordOf(exchange)?.identified(identifier.caller);
    const plan = identifier.plan as CompiledPlan;
    if (isReserved) this.#reserved(visit, identifier, plan);
    else this.#route(visit, identifier, plan);
  }

  /** What is answered to all, whatever the state of this gateway. False: it is something else. */
  #isPublic(visit: Visit): boolean {
    const { path } = visit;
    if (path !== "/-/health" && path !== "/-/status") return false;
    if (!this.#isRead(visit)) return true;
    if (path === "/-/health") this.#direct.health(visit, this.unready());
    else this.#direct.status(visit, this.#parts.publicStatus());
    return true;
  }

  /** The identifier of the present configuration and cluster; undefined before there is a cluster. */
  #identify(): Identifier | undefined {
    if (this.#identifier === undefined) {
      const credentials = this.#parts.credentials();
      if (credentials !== undefined)
        this.#identifier = new Identifier(this.#setup, credentials, this.#strangers);
    }
    return this.#identifier;
  }

  #reserved(visit: Visit, identifier: Identifier, plan: CompiledPlan): void {
    if (visit.path !== "/-/usage") {
      this.#direct.problem(visit, "route-unknown", "not-found");
      return;
    }
    if (!this.#isRead(visit)) return;
    const { region, viewAgeMs } = this.#parts;
    const { caller } = identifier;
    identifier.fillWhatIsThere(plan);
    const limits = this.#admission.decider().peek(plan.plan, caller.subjects, visit.nowMs);
    const age = viewAgeMs(visit.nowMs);
    this.#direct.json(visit, usageBody({ region, caller, plan, limits, viewAgeMs: age }));
  }

  #isRead(visit: Visit): boolean {
    const { method } = visit.exchange;
    if (method === "GET" || method === "HEAD") return true;
    this.#direct.problem(visit, "method-refused", "not-found", { headers: ["allow", "GET, HEAD"] });
    return false;
  }

  #route(visit: Visit, identifier: Identifier, plan: CompiledPlan): void {
    const { exchange, path } = visit;
    const { router } = this.#setup;
    const { route, isMethodRefused } = router.find(exchange.method, path);
    // TRACE would send the key back, in the hands of whatever script asked (RFC 9110, 9.3.8).
    if (route === undefined || exchange.method === "TRACE") {
      if (route !== undefined || isMethodRefused) {
        const headers = ["allow", router.allowed(path).join(", ")];
        this.#direct.problem(visit, "method-refused", "not-found", { headers });
      } else {
        this.#direct.problem(visit, "route-unknown", "not-found");
      }
      return;
    }
    const of = { plan: plan.plan.name, route: route.config.path };
    if (identifier.isRestricted(route)) {
      this.#direct.problem(visit, "key-restricted", "forbidden", of);
      return;
    }
    if (this.#setup.door.bodyBytes > route.config.bodyMaxBytes) {
      this.#direct.problem(visit, "body-too-large", "malformed", of);
      return;
    }
    const missing = identifier.fillSubjects(plan, route, path);
    if (missing !== "") {
      const detail = `The plan counts calls per ${missing}, which the request lacks.`;
      this.#direct.problem(visit, "subject-missing", "malformed", { ...of, detail });
      return;
    }
    if (plan.stalenessMs > 0 && this.#parts.cutOffMs(visit.nowMs) > plan.stalenessMs) {
      this.#direct.problem(visit, "view-stale", "unready", of);
      return;
    }
    const call = this.#admission.admit(visit, identifier, { plan, route });
    if (call !== undefined) this.#run(call, visit, identifier);
  }

  #run(call: Call, visit: Visit, identifier: Identifier): void {
    const { caller } = identifier;
    const services = this.#services;
    const { requestId, path, target, pathEnd, exchange } = visit;
    const { route } = call;
    if (route.handler !== undefined) {
      const handlerCall = new LazyHandlerCall({
        keys: caller.keys,
        keySlot: caller.keySlot,
        plan: call.plan.plan.name,
        region: this.#parts.region,
        route,
        path,
        requestId,
        address: caller.clientAddress,
      });
      runHandler(call, handlerCall, { services, host: this.#parts.handlers });
      return;
    }
    const { withheldParameters } = this.#setup.forwardRules;
    if (answerFixed(call, { path, target, pathEnd, withheldParameters })) return;
    const forwarded = identifier.forwarded(exchange, requestId);
    const { upstreams } = this.#parts;
    runProxy(call, { services, upstreams, setup: this.#setup, target, pathEnd, forwarded });
  }

  #sweep(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    this.#lookAtLoop(nowMs - this.#sweptMs - sweepIntervalMs);
    this.#sweptMs = nowMs;
    this.#gate.expire(nowMs);
    this.#services.awaited.each((waiting) => {
      if (waiting.deadlineMs <= nowMs) waiting.expired();
    });
  }

  #lookAtLoop(lateByMs: number): void {
    const { clock, timers } = this.#parts;
    const { loop } = this.#overload;
    if (lateByMs <= lateMs) return loop.look(lateByMs, 0);
    // From the end of this turn to that of the next: all that a turn does, calls' own timers included.
    timers.atTurnEnd(() => {
      const beforeMs = clock.threadCpuMs();
      timers.atTurnEnd(() => loop.look(lateByMs, clock.threadCpuMs() - beforeMs));
    });
  }

  #observe(): void {
    this.#stats.flush(this.#parts.meter, this.#parts.time.nowMs());
  }
}
