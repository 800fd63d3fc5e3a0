/**
 * Where gateways ask for leases: judges each request by the book, makes a grant durable, and only then sends it.
 *
 * A request is named by its asker, so that asking again (a lost answer, a new connection, a hub that crashed in between)
 * gets the same lease and never a second one. Nothing is waited for: who gets nothing is told why, and asks again.
 */

import { fingerprintSubject } from "../access/subject-fingerprint.ts";
import { type HashKey, hashKeyFromHex } from "../base/hash.ts";
import { type EpochMs, type ProducerKey, producerKey } from "../base/words.ts";
import {
  type AnswerContext,
  answerLeaseRequest,
  earlierAnswer,
  type LeaseAnswer,
  type LeaseBook,
} from "../limits/lease-book.ts";
import { parseWindowId, parseWindowSpec, windowAt, windowId } from "../limits/window.ts";
import {
  type CounterName,
  encodeFence,
  encodeGrant,
  encodeSoft,
  encodeStrict,
  type Grant,
} from "../metering/stream-record.ts";
import type { LeaseAsk, LeaseReply, LeaseResult } from "../ports/link.ts";
import type { UsageStream } from "../ports/usage-stream.ts";
import type { OvershootLimit } from "./counter-limits.ts";
import type { LeaseStatus } from "./hub-api.ts";
import type { HubState } from "./hub-state.ts";
import type { Registry } from "./registry.ts";

/** How long before its start a window may be leased of. Gateways ask for the next window some seconds before it begins. */
export const leaseAheadMs = 10_000;

/**
 * How much later than `leaseAheadMs` from now a window must begin for a restored hub to grant in it: what its clock may be
 * behind that of the hub it replaces.
 */
export const fenceMarginMs = 300_000;

/** Grants on their way into the stream, at most; who asks for more asks again. */
export const pendingGrantsMax = 100_000;

/** Between two messages to the holders of one counter that others want of it. */
const wantedIntervalMs = 200;
/** Counters that are remembered for it, at most. */
const wantedMax = 10_000;

/** A gateway's connection, as far as leases need it. */
export interface LeaseSession {
  readonly holder: ProducerKey;
  answerLeases(answers: readonly LeaseReply[]): void;
  wantLeases(counters: readonly CounterName[]): void;
}

export interface LeaseDeskParts {
  readonly state: HubState;
  readonly stream: UsageStream;
  /** Those of the start; `reconfigure` changes them. */
  readonly limits: readonly OvershootLimit[];
  readonly registry: () => Pick<Registry, "get">;
  /** 32 hex digits: the cluster's key for fingerprints. */
  readonly hashKey: string;
  readonly time: { nowMs(): EpochMs };
  /** The open connection of a lease's holder; undefined: it is not there. */
  readonly sessionOf: (holder: ProducerKey) => LeaseSession | undefined;
  readonly onResult: (result: LeaseResult) => void;
  /** A grant could not be stored. */
  readonly onFailed: (error: unknown) => void;
}

interface Pending {
  readonly grant: Grant & { readonly holder: ProducerKey };
  readonly session: LeaseSession;
}

export class LeaseDesk {
  readonly #parts: LeaseDeskParts;
  /** The strict ones, by `plan/limit`. */
  #limits: ReadonlyMap<string, OvershootLimit>;
  /** Strict until a reload, by `plan/limit`: gateways that have not heard of it yet go on by the totals. */
  #ended: ReadonlySet<string> = new Set();
  readonly #hashKey: HashKey;
  /** Appended and not durable, by counter. */
  readonly #pending = new Map<string, Pending[]>();
  #pendingCount = 0;
  /** A fence that may not be in the book yet. */
  #fencingMs: EpochMs = 0;
  readonly #wantedAtMs = new Map<string, EpochMs>();

  constructor(parts: LeaseDeskParts) {
    this.#parts = parts;
    this.#limits = strictByName(parts.limits);
    this.#hashKey = hashKeyFromHex(parts.hashKey);
    parts.state.leases.onGrant = (grant) => this.#durable(grant);
  }

  /**
   * Writes down which limits are strict, where that has changed: one that was not before is so from its next window on. In a
   * cluster that has never counted anything they are at once. Before any gateway is let in.
   */
  async begin(): Promise<void> {
    const { stream, time } = this.#parts;
    await this.#writeStrict(this.#limits, stream.last === 0 ? 0 : time.nowMs());
  }

  /**
   * Takes changed limits: their quotas from the next request on. A limit that turns strict is so in windows that begin after the
   * time in which gateways hear of it and may ask ahead; until that is durable, requests for it are refused and come again.
   */
  async reconfigure(limits: readonly OvershootLimit[]): Promise<void> {
    const strict = strictByName(limits);
    await this.#writeStrict(strict, this.#parts.time.nowMs() + leaseAheadMs);
    const all = [...this.#ended, ...this.#limits.keys()];
    this.#ended = new Set(all.filter((name) => !strict.has(name)));
    this.#limits = strict;
  }

  async #writeStrict(
    limits: ReadonlyMap<string, OvershootLimit>,
    otherwiseMs: EpochMs,
  ): Promise<void> {
    const { leases } = this.#parts.state;
    const since = [...limits.values()]
      .map(strictName)
      .sort()
      .map((name) => [name, leases.strictFrom(name) ?? otherwiseMs] as const);
    const known = new Map(leases.strictSince);
    const isKnown = known.size === since.length && since.every(([name]) => known.has(name));
    if (!isKnown) await this.#parts.stream.append(encodeStrict(since));
  }

  /**
   * The hub was restored, replaced, or has heard of a later one: grants that it does not know of may be out in every window that
   * has begun or could have been leased of ahead.
   */
  async fence(): Promise<void> {
    if (this.#limits.size === 0 && this.#parts.state.leases.all().length === 0) return;
    const untilMs = this.#parts.time.nowMs() + leaseAheadMs + fenceMarginMs;
    // At once: until the record is durable, others must not be granted what it is to keep from them.
    this.#fencingMs = Math.max(this.#fencingMs, untilMs);
    await this.#parts.stream.append(encodeFence(untilMs));
  }

  /** The operator says that no other hub runs and that no grants are out that this one does not know of. */
  async liftFence(): Promise<void> {
    await this.#parts.stream.append(encodeFence(0));
    this.#fencingMs = 0;
  }

  /**
   * A key is about to be moved to `plan`: in the windows that run, those that a gateway may be in still, and those that it may have
   * begun by the time it hears of it, its limits stay soft. Resolves when that is durable.
   */
  async moved(keyId: string, plan: string, anchorDay: number): Promise<void> {
    const subject = `key:${keyId}`;
    const nowMs = this.#parts.time.nowMs();
    for (const limit of this.#limits.values()) {
      if (limit.plan !== plan || limit.per !== "key") continue;
      const spec = parseWindowSpec(limit.window);
      if ("error" in spec) continue;
      const day = spec.kind === "month@key" ? anchorDay : 1;
      const ids = [nowMs - leaseAheadMs, nowMs, nowMs + leaseAheadMs].map((atMs) => {
        const { startMs } = windowAt(spec, atMs, day);
        return windowId({ spec, startMs, anchorDay: day, region: "" });
      });
      for (const window of new Set(ids)) {
        await this.#parts.stream.append(encodeSoft({ window, ...this.#fingerprint(subject) }));
      }
    }
  }

  /** True while a window of some strict limit runs in which nothing is granted. */
  fencesNow(): boolean {
    const nowMs = this.#parts.time.nowMs();
    const { fenceMs } = this.#parts.state.leases;
    return [...this.#limits.values()].some(({ window }) => {
      const spec = parseWindowSpec(window);
      if ("error" in spec) return false;
      const isAnchored = spec.kind === "month@key";
      const startMs = isAnchored ? nowMs - spec.nominalMs : windowAt(spec, nowMs, 1).startMs;
      return startMs < fenceMs;
    });
  }

  /** Answers at once what can be; a grant when it is durable. */
  ask(session: LeaseSession, asks: readonly LeaseAsk[]): void {
    const answers: LeaseReply[] = [];
    for (const ask of asks) {
      const answer = this.#answer(session, ask);
      if (answer === undefined) continue;
      this.#parts.onResult(answer.result);
      answers.push(answer);
    }
    if (answers.length > 0) session.answerLeases(answers);
  }

  status(): LeaseStatus {
    const { state } = this.#parts;
    let counters = 0;
    let heldUnits = 0;
    let consumedUnits = 0;
    let unusedUnits = 0;
    for (const { window, lo, hi, book } of state.leases.counters()) {
      counters++;
      heldUnits += book.held;
      consumedUnits += book.consumed;
      const charged = state.totals.windows.get(window)?.charged(lo, hi) ?? 0;
      // Of a lease that was closed after a crash, up to its mark counts as consumed, used or not.
      unusedUnits += Math.max(0, book.held - Math.max(0, charged - book.consumed));
    }
    const { fenceMs } = state.leases;
    return { counters, heldUnits, consumedUnits, unusedUnits, fencedUntilMs: fenceMs };
  }

  /** Undefined: the answer comes later, or not at all. */
  #answer(session: LeaseSession, ask: LeaseAsk): LeaseReply | undefined {
    const { request } = ask;
    const said = (result: LeaseResult, units = 0): LeaseReply => ({ request, result, units });
    const { holder } = session;
    const { book } = this.#parts.state.leases.counter(ask);
    const pending = (this.#pending.get(keyOf(ask)) ?? []).map(({ grant }) => grant);
    const others = new Set([
      ...[...book.holders].flatMap(([name, of]) => (of.open.size > 0 ? [name] : [])),
      ...pending.map((of) => of.holder),
    ]);
    others.delete(holder);
    // Since it was granted the key may have been revoked or moved: only who knows of a lease can give it back.
    const answer =
      earlierAnswer(book, { holder, request }, pending) ??
      this.#newAnswer(ask, { book, holder, pending, producers: others.size + 1 });
    switch (answer.kind) {
      case "append":
        this.#append(session, { ...ask, units: answer.record.units });
        return undefined;
      case "pending":
      case "stale":
        return undefined;
      case "granted":
        return said("granted", answer.units);
      case "others-hold":
        if (others.size > 0) this.#want(ask, others);
        return said(answer.kind);
      default:
        return said(answer.kind);
    }
  }

  #newAnswer(
    ask: LeaseAsk,
    of: Pick<AnswerContext, "pending" | "producers"> & {
      readonly book: Readonly<LeaseBook>;
      readonly holder: ProducerKey;
    },
  ): LeaseAnswer | { readonly kind: "refused" | "soft" } {
    const judged = this.#judge(ask);
    if (typeof judged === "string") return { kind: judged };
    const { request, want, needed } = ask;
    const { book, holder, pending, producers } = of;
    const { fenceMs } = this.#parts.state.leases;
    const isFenced = judged.startMs < Math.max(fenceMs, this.#fencingMs);
    const context = { quota: judged.limit.quota, producers, pending, isFenced };
    return answerLeaseRequest(book, { holder, request, want, needed }, context);
  }

  #judge(ask: LeaseAsk): "refused" | "soft" | { limit: OvershootLimit; startMs: EpochMs } {
    const { state, time } = this.#parts;
    const name = `${ask.plan}/${ask.limit}`;
    const limit = this.#limits.get(name);
    const window = parseWindowId(ask.window);
    if (limit === undefined) return this.#ended.has(name) ? "soft" : "refused";
    if (window === undefined) return "refused";
    const { startMs, endMs, spec, region } = window;
    if (spec.text !== limit.window || region !== "") return "refused";
    const nowMs = time.nowMs();
    if (endMs <= state.horizonMs || endMs <= nowMs - leaseAheadMs) return "refused";
    if (startMs > nowMs + leaseAheadMs) return "refused";
    const { lo, hi } = ask;
    if (!ask.subject.startsWith(`${limit.per}:`)) return "refused";
    const fingerprint = this.#fingerprint(ask.subject);
    if (fingerprint.lo !== lo || fingerprint.hi !== hi) return "refused";
    let createdAtMs = 0;
    if (limit.per === "key") {
      const key = this.#parts.registry().get(ask.subject.slice("key:".length));
      if (key === undefined || key.revoked || key.plan !== ask.plan) return "refused";
      ({ createdAtMs } = key);
    }
    if (state.leases.counter(ask).isSoft) return "soft";
    const sinceMs = state.leases.strictFrom(strictName(limit));
    // Written down and not folded yet.
    if (sinceMs === undefined) return "refused";
    // A key made since then has had no other plan, or is marked soft.
    return startMs >= sinceMs || createdAtMs >= sinceMs ? { limit, startMs } : "soft";
  }

  #fingerprint(subject: string): { lo: number; hi: number } {
    const out = { lo: 0, hi: 0 };
    fingerprintSubject(this.#hashKey, subject, out);
    return out;
  }

  #append(session: LeaseSession, given: LeaseAsk & { readonly units: number }): void {
    if (this.#pendingCount >= pendingGrantsMax) return;
    const { holder } = session;
    const { request, units, window, lo, hi } = given;
    const [producer = "", incarnation = ""] = holder.split("/");
    const grant = { holder, producer, incarnation, request, units, window, lo, hi };
    const key = keyOf(given);
    const pending = this.#pending.get(key) ?? [];
    this.#pending.set(key, [...pending, { grant, session }]);
    this.#pendingCount++;
    this.#parts.stream.append(encodeGrant(grant)).catch((error: unknown) => {
      // Not stored, so not granted: the gateway asks again.
      this.#settle(grant);
      this.#parts.onFailed(error);
    });
  }

  #durable(grant: Grant): void {
    const pending = this.#settle(grant);
    if (pending === undefined) return;
    const { request, units } = grant;
    this.#parts.onResult("granted");
    pending.session.answerLeases([{ request, result: "granted", units }]);
  }

  #settle(grant: Grant): Pending | undefined {
    const key = keyOf(grant);
    const pending = this.#pending.get(key);
    const holder = producerKey(grant.producer, grant.incarnation);
    const settled = pending?.find(
      (other) => other.grant.holder === holder && other.grant.request === grant.request,
    );
    if (pending === undefined || settled === undefined) return undefined;
    this.#pendingCount--;
    const rest = pending.filter((other) => other !== settled);
    if (rest.length > 0) this.#pending.set(key, rest);
    else this.#pending.delete(key);
    return settled;
  }

  /** Tells the others who hold units of a counter that somebody asks for them. */
  #want(counter: CounterName, holders: Iterable<ProducerKey>): void {
    const key = keyOf(counter);
    const nowMs = this.#parts.time.nowMs();
    if (nowMs - (this.#wantedAtMs.get(key) ?? 0) < wantedIntervalMs) return;
    if (this.#wantedAtMs.size >= wantedMax) this.#wantedAtMs.clear();
    this.#wantedAtMs.set(key, nowMs);
    const { window, lo, hi } = counter;
    for (const holder of holders) {
      this.#parts.sessionOf(holder)?.wantLeases([{ window, lo, hi }]);
    }
  }
}

function strictByName(limits: readonly OvershootLimit[]): ReadonlyMap<string, OvershootLimit> {
  const strict = limits.filter(({ isStrict }) => isStrict);
  return new Map(strict.map((limit) => [`${limit.plan}/${limit.limit}`, limit]));
}

/** What it counts belongs to it: under the name of one that was strict, a limit may come to count what was not leased. */
function strictName({ plan, limit, per, window }: OvershootLimit): string {
  return `${plan}/${limit}/${per}/${window}`;
}

function keyOf({ window, lo, hi }: CounterName): string {
  return `${window} ${lo} ${hi}`;
}
