/**
 * One call's way to an upstream: its tries, one after the other, until one is answered or no further one is allowed.
 * The reply of the last one goes to the sink as it comes.
 *
 * Each phase has its time-out: connecting, the reply's head, each pause in its body, the whole. All tries together must
 * have begun within the time-outs of connecting and of the head, so that a call ends in time however often it is tried.
 */

import type { BagMember } from "../base/bag.ts";
import type { ByteStream, HeaderList } from "../ports/listener.ts";
import type {
  UpstreamCall,
  UpstreamFailure,
  UpstreamRequest,
  UpstreamSink,
} from "../ports/upstream.ts";
import {
  isIdempotent,
  mayRetry,
  replayedBodyMaxBytes,
  saysUnavailable,
} from "../upstreams/retry-policy.ts";
import { onceOver } from "./once-over.ts";
import { ReplayableBody } from "./replayable-body.ts";
import type { Member, UpstreamGroup } from "./upstream-group.ts";
import type { TryResult, UpstreamMetrics } from "./upstream-metrics.ts";

/** A target that has not accepted a connection by then is passed over, if there is another: failing over takes a second. */
export const passOverMs = 700;

export interface RunParts {
  readonly group: UpstreamGroup;
  readonly fallback: UpstreamGroup | undefined;
  readonly metrics: UpstreamMetrics;
  readonly clock: { monotonicMs(): number };
  /** Called once, when nothing more is to be watched. */
  readonly onOver: (run: UpstreamRun) => void;
}

interface Choice {
  readonly member: Member;
  readonly group: UpstreamGroup;
}

type Phase = "names" | "trying" | "replying";

export class UpstreamRun implements UpstreamCall, UpstreamSink, BagMember {
  bagIndex = -1;
  readonly #parts: RunParts;
  readonly #request: UpstreamRequest;
  readonly #sink: UpstreamSink;
  readonly #body: ReplayableBody | undefined;
  readonly #isIdempotent: boolean;
  readonly #tried: Member[] = [];
  #group: UpstreamGroup;
  #member: Member | undefined;
  #try: UpstreamCall | undefined;
  #tries = 0;
  #isTrial = false;
  /** The try waits for a connection that others have: no fault of the target's. */
  #isQueued = false;
  /** The reply is one that tells that the target cannot answer. */
  #saidUnavailable = false;
  #wasAttempted = false;
  #isOver = false;
  #isPaused = false;
  #phase: Phase = "names";
  /** Something came or went since the last look. */
  #isTouched = false;
  #touchedMs = 0;
  /** Of the reply, as received. */
  #replyHeaders: HeaderList = [];
  #connectByMs = 0;
  #headByMs = 0;
  #endByMs = Number.POSITIVE_INFINITY;

  constructor(request: UpstreamRequest, sink: UpstreamSink, parts: RunParts) {
    this.#parts = parts;
    this.#request = request;
    this.#sink = sink;
    this.#group = parts.group;
    this.#isIdempotent = isIdempotent(request.method) && !request.isUpgrade;
    const { body } = request;
    if (body !== undefined) {
      const keptMaxBytes = this.#isIdempotent ? replayedBodyMaxBytes : 0;
      this.#body = new ReplayableBody(body, keptMaxBytes, () => {
        this.#isTouched = true;
      });
    }
  }

  get attempted(): boolean {
    return this.#wasAttempted || this.#try?.attempted === true;
  }

  start(): void {
    const { group, fallback, clock } = this.#parts;
    const nowMs = clock.monotonicMs();
    const { connectTimeoutMs, responseTimeoutMs, timeoutMs } = group.config;
    this.#headByMs = nowMs + connectTimeoutMs + responseTimeoutMs;
    if (timeoutMs > 0) this.#endByMs = nowMs + timeoutMs;
    group.budget.called(nowMs);
    group.enter();
    fallback?.enter();
    if (group.isReady) this.#first();
    else group.whenReady(() => this.#first());
  }

  pause(): void {
    this.#isPaused = true;
    this.#try?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#isTouched = true;
    this.#try?.resume();
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#wasAttempted = this.attempted;
    this.#endTry("left");
    this.#over();
  }

  /** Looks for time-outs. */
  sweep(nowMs: number): void {
    if (nowMs >= this.#endByMs) this.#late(false);
    else if (this.#phase === "names") {
      if (nowMs >= this.#headByMs) this.#late(false);
    } else if (this.#phase === "trying") this.#sweepTry(nowMs);
    else {
      const isClientSlow = this.#isPaused || this.#body?.awaitsClient === true;
      if (this.#isTouched || isClientSlow) this.#touchedMs = nowMs;
      this.#isTouched = false;
      if (nowMs - this.#touchedMs >= this.#group.config.idleTimeoutMs) this.#late(false);
    }
  }

  started(status: number, headers: string[]): void {
    const member = this.#member as Member;
    this.#group.replied(member, status);
    this.#saidUnavailable = saysUnavailable(status);
    if (this.#saidUnavailable && this.#goOn({ isAttempted: true, result: "error" })) return;
    member.counters[status >= 500 ? "error" : "ok"].add(1);
    this.#phase = "replying";
    this.#isTouched = true;
    this.#replyHeaders = headers;
    this.#sink.started(status, headers);
  }

  received(bytes: Uint8Array): void {
    this.#isTouched = true;
    this.#sink.received(bytes);
  }

  completed(): void {
    if (!this.#saidUnavailable) this.#member?.health.succeeded();
    this.#endTry(undefined);
    this.#over();
    this.#sink.completed();
  }

  upgraded(headers: string[], stream: ByteStream): void {
    const member = this.#member as Member;
    this.#wasAttempted = true;
    this.#group.replied(member, 101);
    member.health.succeeded();
    this.#endTry("ok");
    this.#over();
    member.sockets++;
    this.#sink.upgraded(
      headers,
      onceOver(stream, () => {
        member.sockets--;
      }),
    );
  }

  failed({ kind, attempted, cause }: UpstreamFailure): void {
    if (this.#body?.brokenBy !== undefined) {
      // The client's doing, not the target's.
      this.#wasAttempted = this.attempted;
      this.#endTry("left");
      this.#fail({ kind: "body", cause });
      return;
    }
    this.#tryFailed({ kind, cause, isAttempted: attempted });
  }

  #first(): void {
    if (this.#isOver) return;
    const choice = this.#choose();
    if (choice === undefined) this.#fail({ ...this.#group.refusal(), cause: undefined });
    else this.#begin(choice);
  }

  #sweepTry(nowMs: number): void {
    if (this.#try?.attempted !== true) {
      this.#touchedMs = nowMs;
      if (nowMs >= this.#connectByMs) this.#late(true);
      return;
    }
    const { responseTimeoutMs } = this.#group.config;
    if (this.#isTouched || this.#body?.awaitsClient === true) {
      // Neither a long upload nor a client that stops in it is a slow upstream.
      this.#touchedMs = nowMs;
      this.#headByMs = Math.max(this.#headByMs, nowMs + responseTimeoutMs);
      this.#isTouched = false;
    }
    if (nowMs >= Math.min(this.#touchedMs + responseTimeoutMs, this.#headByMs)) this.#late(true);
  }

  #late(mayGoOn: boolean): void {
    const isAttempted = this.#try?.attempted === true;
    const failure = { kind: "slow" as const, cause: undefined, isAttempted };
    if (mayGoOn && this.#phase === "trying") {
      this.#tryFailed(failure);
      return;
    }
    this.#wasAttempted = this.attempted;
    // A stream in which nothing happens says nothing of the target.
    if (this.#phase !== "replying" || !isEventStream(this.#replyHeaders)) {
      this.#targetFailed("slow");
    }
    this.#endTry(this.#phase === "replying" ? undefined : "slow");
    this.#fail(failure);
  }

  #tryFailed(failure: {
    readonly kind: UpstreamFailure["kind"];
    readonly cause: unknown;
    readonly isAttempted: boolean;
  }): void {
    const { kind, cause, isAttempted } = failure;
    this.#wasAttempted ||= isAttempted;
    this.#targetFailed(kind);
    const result = kind === "unreachable" || kind === "slow" ? kind : "bad";
    if (this.#phase === "trying" && this.#goOn({ isAttempted, result, kind })) return;
    this.#endTry(this.#phase === "replying" ? undefined : result);
    this.#fail({ kind, cause });
  }

  #targetFailed(kind: UpstreamFailure["kind"]): void {
    if (this.#member === undefined || (this.#isQueued && this.#try?.attempted !== true)) return;
    this.#group.failed(this.#member, kind);
  }

  /** Gives up the present try and begins another, if that is allowed and there is a target for it. */
  #goOn(failed: {
    readonly isAttempted: boolean;
    readonly result: TryResult;
    readonly kind?: UpstreamFailure["kind"];
  }): boolean {
    const { group, metrics, clock } = this.#parts;
    const nowMs = clock.monotonicMs();
    const { isAttempted } = failed;
    if (nowMs >= this.#headByMs || nowMs >= this.#endByMs) return false;
    const verdict = mayRetry({
      method: this.#request.isUpgrade ? "GET, to be upgraded" : this.#request.method,
      tries: this.#tries,
      triesAllowed: group.config.tries,
      isAttempted,
      isBodyWhole: this.#body?.isWhole !== false,
    });
    if (verdict === "no") return false;
    const last = this.#member as Member;
    this.#tried.push(last);
    const next = this.#choose() ?? (failed.kind === "bad" ? this.#sameAgain(last) : undefined);
    if (next === undefined) return false;
    if (verdict === "budget" && !group.budget.take(nowMs)) return false;
    this.#wasAttempted ||= isAttempted;
    this.#endTry(failed.result);
    metrics.retried(group.name, verdict === "budget" ? "again" : "elsewhere");
    this.#begin(next);
    return true;
  }

  /** A target of the upstream, or one of its fallback: there if the upstream has none, and for the last try. */
  #choose(): Choice | undefined {
    const { group, fallback } = this.#parts;
    const isLast = this.#tries + 1 >= group.config.tries;
    const { isUpgrade } = this.#request;
    const isPrecious = isLast || !this.#isIdempotent;
    const call = { tried: this.#tried, isPrecious, isUpgrade };
    const isFailingOver = fallback !== undefined && isLast && this.#tries > 0;
    if (this.#group === group && !isFailingOver) {
      const member = group.choose(call);
      if (member !== undefined) return { member, group };
    }
    const member = fallback?.choose(call);
    return member && fallback && { member, group: fallback };
  }

  /** A broken connection may just have been an old one: the only target gets a second chance. */
  #sameAgain(member: Member): Choice | undefined {
    const nowMs = this.#parts.clock.monotonicMs();
    const group = this.#group;
    const isUsable = group.members.includes(member) && member.health.standing(nowMs) === "in";
    return isUsable ? { member, group } : undefined;
  }

  #begin({ member, group }: Choice): void {
    const { clock, metrics } = this.#parts;
    const nowMs = clock.monotonicMs();
    if (group !== this.#group) metrics.fellBack(this.#group.name);
    this.#group = group;
    const number = ++this.#tries;
    this.#member = member;
    this.#try = undefined;
    this.#phase = "trying";
    this.#touchedMs = nowMs;
    this.#isTouched = false;
    this.#saidUnavailable = false;
    this.#isQueued = member.calls >= group.config.connectionsMax;
    member.calls++;
    this.#isTrial = member.health.began();
    this.#connectByMs = this.#isQueued ? this.#headByMs : nowMs + group.config.connectTimeoutMs;
    if (!this.#isQueued && this.#hasAlternative(member)) {
      this.#connectByMs = Math.min(this.#connectByMs, nowMs + passOverMs);
    }
    const body = this.#body?.read();
    const call = member.connections.send({ ...this.#request, body }, this);
    // It may have failed already, and another may have been begun.
    if (this.#tries === number && this.#member === member) this.#try = call;
  }

  #hasAlternative(member: Member): boolean {
    const { group, fallback } = this.#parts;
    if (this.#tries >= group.config.tries) return false;
    if (fallback !== undefined && this.#group !== fallback) return true;
    const nowMs = this.#parts.clock.monotonicMs();
    return this.#group.members.some(
      (other) =>
        other !== member && !this.#tried.includes(other) && other.health.standing(nowMs) === "in",
    );
  }

  #endTry(result: TryResult | undefined): void {
    const member = this.#member;
    if (member === undefined) return;
    this.#try?.cancel();
    this.#member = undefined;
    member.calls--;
    if (this.#isTrial) member.health.trialEnded();
    this.#isTrial = false;
    if (result !== undefined) member.counters[result].add(1);
  }

  #fail(failure: Omit<UpstreamFailure, "attempted">): void {
    this.#over();
    if (this.#tries === 0) this.#parts.metrics.refused(this.#parts.group.name, failure.kind);
    this.#sink.failed({ ...failure, attempted: this.#wasAttempted });
  }

  #over(): void {
    const { group, fallback, onOver } = this.#parts;
    this.#isOver = true;
    group.leave();
    fallback?.leave();
    onOver(this);
  }
}

function isEventStream(headers: HeaderList): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    if ((headers[i] as string).toLowerCase() !== "content-type") continue;
    return /^text\/event-stream\s*(;|$)/i.test(headers[i + 1] as string);
  }
  return false;
}
