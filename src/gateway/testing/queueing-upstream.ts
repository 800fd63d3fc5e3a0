/** An upstream in virtual time: so many workers, a time for each call, and an endless queue, which is what a limit has to spare it. */

import { seededRandom } from "../../base/random.ts";
import type { ConcurrencyLimit } from "../concurrency-limit.ts";

export interface UpstreamPhase {
  readonly ms: number;
  /** Calls that come a second, at random moments. */
  readonly perSecond: number;
  /** Of one call, on the average. */
  readonly serviceMs: number;
}

export interface PhaseResult {
  readonly answeredPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Shares of the calls that came. */
  readonly shedKeyed: number;
  readonly shedAnonymous: number;
}

interface Tally {
  readonly latencies: number[];
  keyed: number;
  anonymous: number;
  keyedShed: number;
  anonymousShed: number;
}

export class QueueingUpstream {
  readonly #limit: ConcurrencyLimit;
  readonly #workers: number;
  readonly #spread: number;
  readonly #random = seededRandom(7);
  readonly #queue: number[] = [];
  /** When busy workers are done, and when the call of each began; unsorted, there are few. */
  readonly #busy: { readonly doneMs: number; readonly beganMs: number }[] = [];
  #nowMs = 0;

  /** `spread`: service times are within this share of their mean. */
  constructor(limit: ConcurrencyLimit, of: { workers: number; spread: number }) {
    this.#limit = limit;
    this.#workers = of.workers;
    this.#spread = of.spread;
  }

  run({ ms, perSecond, serviceMs }: UpstreamPhase): PhaseResult {
    const tally: Tally = { latencies: [], keyed: 0, anonymous: 0, keyedShed: 0, anonymousShed: 0 };
    const endMs = this.#nowMs + ms;
    let arrivesMs = this.#nowMs;
    for (;;) {
      arrivesMs -= (Math.log(1 - this.#random.next()) * 1000) / perSecond;
      this.#workUntil(Math.min(arrivesMs, endMs), serviceMs, tally);
      if (arrivesMs >= endMs) break;
      this.#arrive(serviceMs, tally);
    }
    this.#nowMs = endMs;
    const sorted = tally.latencies.sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0;
    return {
      answeredPerSecond: (sorted.length * 1000) / ms,
      ...{ p50: at(0.5), p99: at(0.99) },
      shedKeyed: tally.keyedShed / tally.keyed,
      shedAnonymous: tally.anonymousShed / tally.anonymous,
    };
  }

  /** Three of ten callers have no key. */
  #arrive(serviceMs: number, tally: Tally): void {
    const isAnonymous = this.#random.next() < 0.3;
    const goes = this.#limit.begin(isAnonymous);
    if (isAnonymous) tally.anonymous++;
    else tally.keyed++;
    if (goes) {
      this.#queue.push(this.#nowMs);
      this.#start(serviceMs);
    } else if (isAnonymous) tally.anonymousShed++;
    else tally.keyedShed++;
  }

  #start(serviceMs: number): void {
    while (this.#busy.length < this.#workers) {
      const beganMs = this.#queue.shift();
      if (beganMs === undefined) return;
      const factor = 1 + this.#spread * (2 * this.#random.next() - 1);
      this.#busy.push({ doneMs: this.#nowMs + serviceMs * factor, beganMs });
    }
  }

  #workUntil(untilMs: number, serviceMs: number, tally: Tally): void {
    for (;;) {
      let next = -1;
      for (let i = 0; i < this.#busy.length; i++) {
        if (next < 0 || this.#doneMs(i) < this.#doneMs(next)) next = i;
      }
      if (next < 0 || this.#doneMs(next) > untilMs) break;
      const [done] = this.#busy.splice(next, 1);
      if (done === undefined) break;
      this.#nowMs = done.doneMs;
      tally.latencies.push(done.doneMs - done.beganMs);
      this.#limit.end(done.doneMs - done.beganMs, this.#nowMs);
      this.#start(serviceMs);
    }
    this.#nowMs = untilMs;
  }

  #doneMs(index: number): number {
    return this.#busy[index]?.doneMs ?? Number.POSITIVE_INFINITY;
  }
}
