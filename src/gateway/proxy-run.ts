/**
 * Forwards a call to its route's upstream and the reply back, both bodies streamed at the pace of the slower side; an upstream is
 * asked when the beginning of the request's body is here. A client that leaves cancels the call behind. One that is slow can lose
 * its connection to the upstream to others that need it.
 */

import type { ByteStream } from "../ports/listener.ts";
import type {
  UpstreamCall,
  UpstreamClient,
  UpstreamFailure,
  UpstreamRequest,
  UpstreamReservation,
  UpstreamSink,
} from "../ports/upstream.ts";
import { BodyAhead, bodyAheadMaxBytes } from "./body-ahead.ts";
import type { Call, CallServices, ReplyStream } from "./call.ts";
import type { Outcome } from "./call-stats.ts";
import { type Forwarded, forwardHeaders, replyHeaders } from "./forward-headers.ts";
import { queryWithout } from "./query.ts";
import { rewriteFields, upstreamPath } from "./rewrite.ts";
import type { Setup } from "./setup.ts";
import { onwardTraceparent, traceOf } from "./trace-context.ts";
import { Tunnel } from "./tunnel.ts";
import type { Holder } from "./upstream-room.ts";

/** Bytes of a body after which the upstream is held until the head may leave: most bodies are shorter. */
const earlyBytesMax = 16 * 1024;

export interface ProxyParts {
  readonly services: CallServices;
  readonly upstreams: UpstreamClient;
  readonly setup: Setup;
  readonly target: string;
  readonly pathEnd: number;
  readonly forwarded: Forwarded;
}

export function runProxy(call: Call, parts: ProxyParts): void {
  new ProxyRun(call, parts.services).start(parts);
}

class ProxyRun implements UpstreamSink, ReplyStream, Holder {
  readonly #call: Call;
  readonly #services: CallServices;
  readonly #startedMs: number;
  /** When the upstream had, or could have had, all of the request. */
  #askedMs: number;
  #upstream: UpstreamCall | undefined;
  /** The call has turned into a WebSocket. */
  #tunnel: Tunnel | undefined;
  #idleTimeoutMs = 0;
  /** Parts that came before the head could leave. */
  #early: Uint8Array[] = [];
  #isOpen = false;
  #isPaused = false;
  #isComplete = false;
  /** Broken by either side: nothing is written any more. */
  #isOver = false;
  #bytes = 0;

  constructor(call: Call, services: CallServices) {
    this.#call = call;
    this.#services = services;
    this.#startedMs = services.clock.monotonicMs();
    this.#askedMs = this.#startedMs;
  }

  start({ upstreams, setup, target, pathEnd, forwarded }: ProxyParts): void {
    const { exchange, route } = this.#call;
    const to = route.config.target;
    if (to.kind !== "upstream") return;
    const { upstream } = to;
    this.#idleTimeoutMs = upstream.idleTimeoutMs;
    const rules = upstream.forwardKey ? setup.forwardRulesWithKey : setup.forwardRules;
    const caller = traceOf(exchange.headers);
    // That of the span here, where somebody records traces.
    const traceParent = forwarded.traceparent || onwardTraceparent(caller, this.#services.random);
    const of = { forwarded, traceParent, isTraced: caller !== undefined };
    const path = upstreamPath(to, target.slice(0, pathEnd));
    exchange.onClosed(() => this.#clientLeft());
    const request = {
      method: exchange.method,
      target: path + queryWithout(target, pathEnd, rules.withheldParameters),
      headers: rewriteFields(
        forwardHeaders(exchange.headers, rules, of),
        route.config.requestFields,
      ),
      body: undefined,
      isUpgrade: exchange.asksUpgrade && upstream.webSocket,
    };
    if (this.#call.seat !== undefined) this.#call.seat.holder = this;
    // The door has just read it.
    const bytesMin = setup.door.bodyBytes > 0 ? bodyAheadMaxBytes : 1;
    if (!exchange.hasBody) this.#send(() => upstreams.forward(upstream, request, this));
    else void this.#sendBody(request, bytesMin, upstreams.reserve(upstream));
  }

  #send(forward: () => UpstreamCall): void {
    try {
      this.#upstream = forward();
      if (this.#isOver) this.#upstream.cancel();
    } catch (cause) {
      this.#broke(cause);
    }
  }

  /** Until the beginning of its body is here a call has no seat. Never rejects. */
  async #sendBody(
    request: UpstreamRequest,
    bytesMin: number,
    reserved: UpstreamReservation,
  ): Promise<void> {
    const call = this.#call;
    const { seat } = call;
    const { clock } = this.#services;
    try {
      const body = new BodyAhead(call.exchange.body(call.route.config.bodyMaxBytes), {
        now: () => clock.monotonicMs(),
        waits: (sinceMs) => seat?.waits(sinceMs),
        goesOn: () => seat?.goesOn(),
        whole: () => {
          this.#askedMs = clock.monotonicMs();
          if (!call.isAnswered) seat?.awaitsAnswer();
        },
      });
      const broken = await body.begin(bytesMin).catch((cause: unknown) => ({ cause }));
      if (this.#isOver) return;
      if (broken !== undefined) {
        this.failed({ kind: "body", attempted: false, cause: broken.cause });
      } else if (seat?.connect(body.isWhole, clock.monotonicMs()) !== false) {
        this.#send(() => reserved.forward({ ...request, body: body.read() }, this));
      } else {
        // As if it had not been let in.
        call.refund();
        this.#answered(false);
        this.#fail({ kind: "overloaded", attempted: false, cause: undefined });
      }
    } catch (cause) {
      this.#broke(cause);
    } finally {
      reserved.release();
    }
  }

  /** A bug: this call fails, the others must not. */
  #broke(cause: unknown): void {
    const call = this.#call;
    this.#services.log.error("a call could not be handled", { requestId: call.requestId }, cause);
    if (this.#isOver) return;
    this.#upstream?.cancel();
    if (call.isAnswered) this.#breakOff("handler-error");
    else call.fail("handler-failed", "handler-error");
  }

  started(status: number, headers: string[]): void {
    this.#answered(true);
    this.#call.answerStream(status, replyHeaders(headers), this);
  }

  received(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#bytes += bytes.byteLength;
    if (!this.#isOpen) {
      this.#early.push(bytes);
      if (this.#bytes >= earlyBytesMax) this.#pause();
    } else if (!this.#call.exchange.write(bytes)) this.#awaitClient();
  }

  completed(): void {
    this.#isComplete = true;
    if (this.#isOpen) this.#finish();
  }

  failed(failure: UpstreamFailure): void {
    const { requestId, route } = this.#call;
    const { kind, attempted, cause } = failure;
    const { bodyFault } = this.#call.exchange;
    if (bodyFault !== "" && !this.#call.isAnswered) {
      // If the upstream has seen a part of the body, what it did with that is not known, and the charge stays.
      this.#answered(false);
      if (!attempted && this.#call.route.refundsNotAttempted) this.#call.refund();
      this.#call.fail(bodyFault === "too-large" ? "body-too-large" : "request-late", "malformed");
      return;
    }
    const path = route.config.path;
    // A body that broke off is the client's doing.
    if (kind !== "body") {
      this.#services.log.warn("an upstream failed", {
        requestId,
        route: path,
        kind,
        attempted,
        cause: cause instanceof Error ? cause.message : undefined,
      });
    }
    if (!this.#call.isAnswered) {
      this.#answered(attempted);
      this.#fail(failure);
      return;
    }
    if (kind === "body") this.#breakOff("malformed");
    else this.#breakOff("upstream-error");
  }

  upgraded(headers: string[], stream: ByteStream): void {
    this.#answered(true);
    // WebSockets are long, and the upstream's connections for calls are others.
    this.#call.seat?.leave();
    const idleTimeoutMs = this.#idleTimeoutMs;
    this.#tunnel = new Tunnel(this.#call, this.#services, { upstream: stream, idleTimeoutMs });
    this.#call.answerStream(101, replyHeaders(headers), this.#tunnel);
  }

  whole(headers: string[]): Uint8Array | undefined {
    const [bytes, more] = this.#early;
    if (!this.#isComplete || this.#isOver || bytes === undefined || more !== undefined) {
      return undefined;
    }
    this.#isOver = true;
    for (let i = headers.length - 2; i >= 0; i -= 2) {
      if (headers[i] === "content-length") headers.splice(i, 2);
    }
    return bytes;
  }

  opened(): void {
    const { exchange } = this.#call;
    this.#isOpen = true;
    if (this.#isOver) {
      exchange.abort();
      return;
    }
    exchange.onDrain(() => this.#resume());
    let mayGoOn = true;
    for (const bytes of this.#early) mayGoOn = exchange.write(bytes);
    this.#early = [];
    if (this.#isComplete) this.#finish();
    else if (mayGoOn) this.#resume();
    else this.#awaitClient();
  }

  dropped(): void {
    this.#isOver = true;
    this.#upstream?.cancel();
  }

  /** Others need the connection that this call keeps for a slow client. */
  cutOff(): void {
    if (this.#isOver) return;
    const attempted = this.#upstream?.attempted === true;
    this.#upstream?.cancel();
    if (this.#call.isAnswered) {
      this.#breakOff("shed");
      return;
    }
    this.#answered(false);
    this.#fail({ kind: "overloaded", attempted, cause: undefined });
  }

  #pause(): void {
    this.#isPaused = true;
    this.#upstream?.pause();
  }

  #awaitClient(): void {
    this.#pause();
    this.#call.seat?.waits(this.#services.clock.monotonicMs());
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#call.seat?.goesOn();
    this.#upstream?.resume();
  }

  /** `tells`: how long it took says something about the upstream. */
  #answered(tells: boolean): void {
    const nowMs = this.#services.clock.monotonicMs();
    this.#call.elsewhereMs = nowMs - this.#startedMs;
    this.#call.seat?.answered(tells ? nowMs - this.#askedMs : undefined, nowMs);
  }

  #fail({ kind, attempted, waitMs = 0 }: UpstreamFailure): void {
    const call = this.#call;
    if (!attempted && call.route.refundsNotAttempted) call.refund();
    const fields = ["x-tallygate-outcome", attempted ? "attempted" : "not-attempted"];
    if (kind === "slow") call.fail("answer-late", "timeout", fields);
    else if (kind === "overloaded") call.fail("upstream-overloaded", "shed", fields);
    else if (kind === "unavailable") {
      fields.push("retry-after", String(Math.max(1, Math.ceil(waitMs / 1_000))));
      call.fail("upstream-unavailable", "upstream-error", fields);
    } else call.fail("upstream-failed", "upstream-error", fields);
  }

  #clientLeft(): void {
    if (this.#isOver) return;
    const call = this.#call;
    if (this.#upstream?.attempted !== true && call.route.refundsNotAttempted) call.refund();
    this.#isOver = true;
    this.#tunnel?.dropped();
    this.#upstream?.cancel();
    call.ended(this.#bytes);
  }

  /** The head is out or on its way: only a broken connection tells the client that this is not all. */
  #breakOff(outcome: Outcome): void {
    this.#isOver = true;
    this.#call.outcome = outcome;
    // What is the client's own doing is not given back.
    if (outcome !== "malformed" && this.#call.route.refunds5xx) this.#call.refund();
    if (this.#isOpen) this.#call.exchange.abort();
    this.#call.ended(this.#bytes);
  }

  #finish(): void {
    this.#isOver = true;
    this.#call.exchange.end();
    this.#call.ended(this.#bytes);
  }
}
