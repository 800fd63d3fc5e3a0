/**
 * What is noted of one request on its way, for the access log and for traces. Where neither is asked for there is none, and
 * nothing is noted.
 */

import { formatSubjectAddress, isIpv4, maskAddress } from "../access/ip-address.ts";
import type { Clock } from "../ports/clock.ts";
import type { Exchange } from "../ports/listener.ts";
import type { Caller } from "./caller.ts";
import { formatTraceparent, type TraceParent, traceOf } from "./trace-context.ts";

/** What looks at requests. */
export interface CallObserver {
  /** A request has come. */
  began(record: AccessRecord, exchange: Exchange): void;
  /** It is over: the record is complete and not written any more. */
  ended(record: AccessRecord): void;
}

/** The trace of a request, as its tracer has it. */
export interface RequestTrace {
  /** A span around the call to an upstream begins; the upstream's spans are below it. */
  forwards(nowMs: number): TraceParent;
}

/** Bits that an address keeps at most: enough to see where a flood comes from, too few to tell a person. */
export const loggedIpv4Bits = 24;
export const loggedIpv6Bits = 48;

/** Characters of a path that are noted, at most. */
export const pathNotedMax = 512;

export class AccessRecord {
  readonly requestId: string;
  readonly method: string;
  /** Without the query, which may hold a key. */
  readonly path: string;
  /** Instants are the clock's monotonic time; 0: it was not reached. */
  readonly startedMs: number;
  identifiedMs = 0;
  /** Admitted and charged. */
  decidedMs = 0;
  storedMs = 0;
  forwardedMs = 0;
  endedMs = 0;
  /** Spent in handler or upstream. */
  elsewhereMs = 0;
  /** Of the reply; 0: the client left before. */
  status = 0;
  outcome = "";
  /** As configured; "" if none was found. */
  route = "";
  plan = "";
  /** Its id; "" without a key. */
  key = "";
  /** Cut to `loggedIpv4Bits` or `loggedIpv6Bits`; "" before the caller is known. */
  address = "";
  /** Of the reply's body. */
  bytes = 0;
  trace: RequestTrace | undefined;
  readonly #clock: Clock;
  readonly #observer: CallObserver;

  constructor(
    observer: CallObserver,
    of: {
      readonly exchange: Exchange;
      readonly requestId: string;
      readonly startedMs: number;
      readonly clock: Clock;
    },
  ) {
    const { exchange, requestId, startedMs, clock } = of;
    const { method, target } = exchange;
    const pathEnd = target.indexOf("?");
    this.#observer = observer;
    this.#clock = clock;
    this.requestId = requestId;
    this.method = method;
    this.path = target.slice(0, Math.min(pathEnd < 0 ? target.length : pathEnd, pathNotedMax));
    this.startedMs = startedMs;
    observer.began(this, exchange);
  }

  identified(caller: Caller): void {
    this.identifiedMs = this.#clock.monotonicMs();
    this.key = caller.keyId();
    this.address = loggedAddress(caller.address);
  }

  decided(): void {
    this.decidedMs = this.#clock.monotonicMs();
  }

  stored(): void {
    this.storedMs = this.#clock.monotonicMs();
  }

  /** The `traceparent` that goes to an upstream; "": nobody records traces here. */
  forwards(): string {
    this.forwardedMs = this.#clock.monotonicMs();
    return this.trace === undefined ? "" : formatTraceparent(this.trace.forwards(this.forwardedMs));
  }

  /** The span of the caller's that this request belongs to. */
  parent(exchange: Pick<Exchange, "headers">): TraceParent | undefined {
    return traceOf(exchange.headers);
  }

  ended(of: {
    readonly status: number;
    readonly outcome: string;
    readonly route: string;
    readonly plan: string;
    readonly bytes: number;
    readonly elsewhereMs: number;
  }): void {
    this.endedMs = this.#clock.monotonicMs();
    this.status = of.status;
    this.outcome = of.outcome;
    this.route = of.route;
    this.plan = of.plan;
    this.bytes = of.bytes;
    this.elsewhereMs = of.elsewhereMs;
    this.#observer.ended(this);
  }
}

/** Begins the record of a request, where somebody asks for it. */
export function noteRequest(
  { observer, clock }: { readonly observer?: CallObserver | undefined; readonly clock: Clock },
  of: { readonly exchange: Exchange; readonly requestId: string; readonly startedMs: number },
): void {
  if (observer === undefined) return;
  of.exchange.scratch = new AccessRecord(observer, { ...of, clock });
}

/** The record of a request; undefined where nobody asks. */
export function recordOf(exchange: Pick<Exchange, "scratch">): AccessRecord | undefined {
  return exchange.scratch as AccessRecord | undefined;
}

/** `words`: an address as counted, so cut already to what the configuration says. */
function loggedAddress(words: Uint32Array): string {
  const cut = words.slice();
  const bits = maskAddress(cut, loggedIpv4Bits, loggedIpv6Bits);
  return formatSubjectAddress(cut, isIpv4(words) ? 96 + loggedIpv4Bits : bits);
}
