/**
 * One admitted call from its charge to the end of its reply.
 *
 * The reply leaves when both are there: the answer (of the handler, the upstream, or a problem) and the stored charge.
 * Whatever happens, exactly one reply is given, the call ends once, and it is refunded at most once.
 */

import type { Bag, BagMember } from "../base/bag.ts";
import type { EpochMs } from "../base/words.ts";
import type { RowDefinition } from "../metering/usage.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { Exchange, HeaderList } from "../ports/listener.ts";
import type { Log } from "../ports/log.ts";
import { recordOf } from "./access-record.ts";
import type { CallStats, Outcome } from "./call-stats.ts";
import { dropCorsFields } from "./cors.ts";
import { type ProblemKind, problemBody, problemSpec } from "./problems.ts";
import type { HeldReply, ReplyGate } from "./reply-gate.ts";
import { rewriteFields } from "./rewrite.ts";
import type { CompiledPlan, CompiledRoute } from "./setup.ts";
import type { Seat } from "./upstream-room.ts";

/** What all calls of a pipeline share. */
export interface CallServices {
  readonly region: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly stats: CallStats;
  readonly gate: ReplyGate;
  readonly meter: {
    readonly storedPosition: number;
    refund(row: RowDefinition, units: number, nowMs: EpochMs): boolean;
  };
  readonly time: { nowMs(): EpochMs };
  /** Calls whose answer is awaited, for time-outs. */
  readonly awaited: Bag<AwaitedCall>;
}

/** A call whose answer can come too late. */
export interface AwaitedCall extends BagMember {
  readonly deadlineMs: number;
  /** The deadline has passed. */
  expired(): void;
}

/** A body that follows a reply's head in parts. */
export interface ReplyStream {
  /**
   * Asked when the head may leave: the whole body, if it is there already; then nothing else of this is called. Takes
   * Content-Length, which the listener sets for a whole body, out of `headers`.
   */
  whole(headers: string[]): Uint8Array | undefined;
  /** The head is out: write. */
  opened(): void;
  /** It will never be: let go of what feeds the body. */
  dropped(): void;
}

export class Call implements HeldReply {
  readonly exchange: Exchange;
  readonly requestId: string;
  readonly route: CompiledRoute;
  readonly plan: CompiledPlan;
  /** At the route's upstream. */
  readonly seat: Seat | undefined;
  readonly startedMs: number;
  /** RateLimit-Policy; "": none. */
  readonly policy: string;
  /** Fields that let a web page read the reply; undefined: no rules. */
  readonly cors: HeaderList | undefined;
  waitUntilMs = 0;
  /** Of the charge in the journal; 0: nothing was recorded, and nothing is waited for. */
  position = 0;
  outcome: Outcome = "admitted";
  /** Spent in handler or upstream. */
  elsewhereMs = 0;
  readonly #services: CallServices;
  #row: RowDefinition | undefined;
  #units = 0;
  #tightest = -1;
  #remaining = 0;
  #resetSeconds = 0;
  #status = 0;
  #headers: string[] = [];
  #body: string | Uint8Array | undefined;
  #stream: ReplyStream | undefined;
  #isAnswered = false;
  #isEnded = false;

  constructor(
    services: CallServices,
    of: {
      readonly exchange: Exchange;
      readonly requestId: string;
      readonly route: CompiledRoute;
      readonly plan: CompiledPlan;
      readonly seat: Seat | undefined;
      readonly startedMs: number;
      readonly policy: string;
      readonly cors: HeaderList | undefined;
    },
  ) {
    this.#services = services;
    this.exchange = of.exchange;
    this.requestId = of.requestId;
    this.route = of.route;
    this.plan = of.plan;
    this.seat = of.seat;
    this.startedMs = of.startedMs;
    this.policy = of.policy;
    this.cors = of.cors;
  }

  /** The limit nearest to its end, by its place in the plan; -1: no limit applied. */
  decided(tightest: number, remaining: number, resetSeconds: number): void {
    recordOf(this.exchange)?.decided();
    this.#tightest = tightest;
    this.#remaining = remaining;
    this.#resetSeconds = resetSeconds;
  }

  /** Recorded at `position` of the journal under `row`. */
  charged(position: number, row: RowDefinition, units: number): void {
    this.position = position;
    const record = recordOf(this.exchange);
    if (record !== undefined) this.#services.gate.watch(position, record);
    this.#row = row;
    this.#units = units;
  }

  /** True once an answer was given: further ones are ignored. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** The whole answer. `headers` becomes the call's. */
  answer(status: number, headers: string[], body: string | Uint8Array | undefined): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#status = status;
    this.#headers = headers;
    this.#body = body;
    this.#leave();
  }

  /** The answer's head, whose body `stream` writes when it has been opened. */
  answerStream(status: number, headers: string[], stream: ReplyStream): void {
    if (this.#isAnswered) {
      stream.dropped();
      return;
    }
    this.#isAnswered = true;
    this.#status = status;
    this.#headers = headers;
    this.#stream = stream;
    this.#leave();
  }

  /** A problem instead of an answer. */
  fail(kind: ProblemKind, outcome: Outcome, extraHeaders: readonly string[] = []): void {
    if (this.#isAnswered) return;
    this.outcome = outcome;
    const { status, headers } = problemSpec(kind);
    const list = ["content-type", "application/problem+json", ...(headers ?? []), ...extraHeaders];
    this.answer(status, list, problemBody(kind, this.requestId));
  }

  /** Gives the units back, once. */
  refund(): void {
    const row = this.#row;
    if (row === undefined) return;
    this.#row = undefined;
    const { meter, time, log } = this.#services;
    if (!meter.refund(row, this.#units, time.nowMs())) {
      log.warn("a call could not be refunded", { requestId: this.requestId });
      return;
    }
    this.#remaining += this.#units;
  }

  #leave(): void {
    if (this.#status >= 500 && this.route.refunds5xx) this.refund();
    const { meter, gate, clock } = this.#services;
    if (meter.storedPosition >= this.position) this.release();
    else gate.hold(this, clock.monotonicMs());
  }

  release(): void {
    const { exchange } = this;
    const headers = this.#headers;
    const stream = this.#stream;
    const body = stream === undefined ? this.#body : stream.whole(headers);
    this.#addFields(headers);
    try {
      if (stream === undefined || body !== undefined) {
        exchange.reply(this.#status, headers, body);
      } else {
        exchange.startReply(this.#status, headers);
        stream.opened();
        return;
      }
    } catch (cause) {
      this.#unsendable(cause);
    }
    this.ended(body === undefined ? 0 : body.length);
  }

  giveUp(): void {
    this.#stream?.dropped();
    this.#stream = undefined;
    // Nobody knows whether the charge will survive; the caller does not get what it was for.
    this.refund();
    this.outcome = "unrecordable";
    const { status, headers } = problemSpec("usage-unrecordable");
    this.#status = status;
    this.#headers = ["content-type", "application/problem+json", ...(headers ?? [])];
    this.#body = problemBody("usage-unrecordable", this.requestId);
    this.release();
  }

  /** The reply is complete, or broken off. `bytes` of body. */
  ended(bytes: number): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.seat?.leave();
    const { stats, clock } = this.#services;
    const ended = endedCall;
    ended.route = this.route.config.path;
    ended.plan = this.plan.plan.name;
    ended.outcome = this.outcome;
    ended.bytes = bytes;
    ended.durationMs = clock.monotonicMs() - this.startedMs;
    ended.elsewhereMs = this.elsewhereMs;
    stats.ended(ended);
    const record = recordOf(this.exchange);
    if (record !== undefined) record.ended({ ...ended, status: this.#status });
  }

  #addFields(headers: string[]): void {
    rewriteFields(headers, this.route.config.responseFields);
    if (this.cors !== undefined) {
      dropCorsFields(headers);
      headers.push(...this.cors);
    }
    const { policy } = this;
    const { remaining } = this.plan.fields;
    if (policy !== "") {
      headers.push("RateLimit-Policy", policy);
      if (this.#tightest >= 0) {
        const name = remaining[this.#tightest] as string;
        headers.push("RateLimit", `${name}${this.#remaining};t=${this.#resetSeconds}`);
      }
    }
    headers.push("x-request-id", this.requestId, "x-region", this.#services.region);
  }

  /** A handler's field that cannot stand in a reply. */
  #unsendable(cause: unknown): void {
    const { log } = this.#services;
    const { requestId } = this;
    log.error("a reply could not be sent", { requestId, route: this.route.config.path }, cause);
    this.outcome = "handler-error";
    if (this.route.refunds5xx) this.refund();
    this.#stream?.dropped();
    const headers = ["content-type", "application/problem+json"];
    this.#addFields(headers);
    this.exchange.reply(500, headers, problemBody("handler-failed", requestId));
  }
}

/** Reused: the stats take what they need from it at once. */
const endedCall = {
  route: "",
  plan: "",
  outcome: "admitted" as Outcome,
  bytes: 0,
  durationMs: 0,
  elsewhereMs: 0,
};
