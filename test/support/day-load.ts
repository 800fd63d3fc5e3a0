/**
 * A day of callers in little: many keys, few of which do most (Zipf), busy and quiet hours, bursts, and some clients that
 * misbehave. At the start and after the roll-over there is a round: every key calls once in every region, the rarest too.
 * Keeps books per key and side of the roll-over: what was certainly charged there, and what may have been.
 */

import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";
import type { Target } from "./call-ledger.ts";

export interface DayLoadOptions {
  readonly targets: readonly Target[];
  /** Secrets, the busiest first. */
  readonly keys: readonly string[];
  /** `Date.now()` of the moment at which all windows roll over. */
  readonly rollOverMs: number;
  readonly lengthMs: number;
  /** To all targets together, at the quietest and the busiest time. */
  readonly perSecond: { readonly low: number; readonly high: number };
}

/** Units of a key on one side of the roll-over. */
export interface Bounds {
  min: number;
  max: number;
}

interface Sides {
  readonly before: Bounds;
  readonly after: Bounds;
}

const zipfExponent = 1.1;
const badShare = 0.02;
/** Of the calls while there is a round, those that belong to it. */
const roundShare = 1 / 3;
/** Every so often one key calls many times at once. */
const burstEveryMs = 5_000;
const burstCalls = 100;
const tickMs = 20;
const connectionsPerTarget = 24;
/** Waiting for a connection or an answer, per target; what is beyond it is not sent, as callers give up. */
const pendingMax = 2_000;
const answerMsMax = 10_000;
/** Clocks of gateways and of this process agree to within this. */
const edgeMs = 1_000;

export class DayLoad {
  readonly books = new Map<string, Sides>();
  readonly statuses = new Map<number, number>();
  sent = 0;
  acked = 0;
  unknown = 0;
  badCalls = 0;
  readonly #options: DayLoadOptions;
  readonly #pools: readonly Pool[];
  readonly #pending: number[];
  /** Share of all calls that go to the keys up to this one. */
  readonly #shares: Float64Array;
  #isStopped = false;
  #running: Promise<void> | undefined;
  readonly #calls = new Set<Promise<void>>();
  /** Calls of the present round that were sent. */
  #roundSent = 0;
  #hasRolledOver = false;

  constructor(options: DayLoadOptions) {
    this.#options = options;
    this.#pools = options.targets.map(
      ({ url }) => new Pool(url, { connections: connectionsPerTarget, pipelining: 1 }),
    );
    this.#pending = options.targets.map(() => 0);
    this.#shares = zipfShares(options.keys.length);
    for (const key of options.keys) {
      this.books.set(key, { before: { min: 0, max: 0 }, after: { min: 0, max: 0 } });
    }
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Resolves when every call is answered or broken. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    await Promise.all(this.#calls);
    await Promise.all(this.#pools.map((pool) => pool.destroy()));
  }

  async #run(): Promise<void> {
    const { lengthMs, keys } = this.#options;
    const startMs = performance.now();
    let lastMs = startMs;
    let due = 0;
    let burstAtMs = startMs + burstEveryMs;
    while (!this.#isStopped) {
      await sleep(tickMs);
      const nowMs = performance.now();
      due += (this.#rateAt((nowMs - startMs) / lengthMs) * (nowMs - lastMs)) / 1_000;
      lastMs = nowMs;
      this.#beginRound();
      for (; due >= 1; due--) this.#sendNext();
      if (nowMs < burstAtMs) continue;
      burstAtMs += burstEveryMs;
      const key = keys[Math.floor(Math.random() * keys.length)] as string;
      for (let i = 0; i < burstCalls; i++) this.#sendOne(key);
    }
  }

  /** One hump, as a day has. `share`: of the day that is over. */
  #rateAt(share: number): number {
    const { low, high } = this.#options.perSecond;
    return low + ((high - low) * (1 - Math.cos(2 * Math.PI * share))) / 2;
  }

  #pickKey(): string {
    const at = Math.random();
    let low = 0;
    let high = this.#shares.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#shares[middle] as number) < at) low = middle + 1;
      else high = middle;
    }
    return this.#options.keys[low] as string;
  }

  #beginRound(): void {
    if (this.#hasRolledOver || Date.now() <= this.#options.rollOverMs + edgeMs) return;
    this.#hasRolledOver = true;
    this.#roundSent = 0;
  }

  #sendNext(): void {
    const { keys } = this.#options;
    const targets = this.#pools.length;
    if (this.#roundSent === keys.length * targets || Math.random() >= roundShare) {
      return this.#sendOne(this.#pickKey());
    }
    const key = keys[Math.floor(this.#roundSent / targets)] as string;
    this.#send(key, this.#roundSent++ % targets, false);
  }

  #sendOne(key: string): void {
    const target = Math.floor(Math.random() * this.#pools.length);
    this.#send(key, target, Math.random() < badShare);
  }

  #send(key: string, target: number, isBad: boolean): void {
    if ((this.#pending[target] as number) >= pendingMax) return;
    (this.#pending[target] as number)++;
    const call = (isBad ? this.#misbehave(target) : this.#call(target, key)).finally(() => {
      (this.#pending[target] as number)--;
      this.#calls.delete(call);
    });
    this.#calls.add(call);
  }

  async #call(target: number, key: string): Promise<void> {
    const fromMs = Date.now();
    this.sent++;
    try {
      const { statusCode, body } = await (this.#pools[target] as Pool).request({
        ...{ path: "/", method: "GET", headers: { "x-api-key": key } },
        ...{ headersTimeout: answerMsMax, bodyTimeout: answerMsMax },
      });
      this.statuses.set(statusCode, (this.statuses.get(statusCode) ?? 0) + 1);
      if (statusCode === 200) this.#note(key, fromMs, true);
      await body.dump().catch(() => undefined);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ECONNREFUSED") return;
      this.#note(key, fromMs, false);
    }
  }

  #note(key: string, fromMs: number, isCharged: boolean): void {
    const { rollOverMs } = this.#options;
    const { before, after } = this.books.get(key) as Sides;
    const isBefore = Date.now() < rollOverMs - edgeMs;
    const isAfter = fromMs > rollOverMs + edgeMs;
    if (isCharged) this.acked++;
    else this.unknown++;
    if (!isAfter) before.max++;
    if (!isBefore) after.max++;
    if (isCharged && isBefore) before.min++;
    if (isCharged && isAfter) after.min++;
  }

  /** Garbage, an unknown key, a request cut in the middle, one that is left waiting: none of it may be charged. */
  async #misbehave(target: number): Promise<void> {
    this.badCalls++;
    const { hostname, port } = new URL((this.#options.targets[target] as Target).url);
    const texts = [
      "\u0016\u0003\u0001 no request at all\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX-Api-Key: ipd_live_nobody\r\nConnection: close\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX-Api",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ];
    const socket = connect({ host: hostname, port: Number(port) });
    const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.on("error", () => undefined);
    socket.resume();
    socket.write(texts[this.badCalls % texts.length] as string);
    socket.setTimeout(500, () => socket.resetAndDestroy());
    await ended;
  }
}

function zipfShares(count: number): Float64Array {
  const shares = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += 1 / (rank + 1) ** zipfExponent;
    shares[rank] = sum;
  }
  return shares.map((share) => share / sum);
}
