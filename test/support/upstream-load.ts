/** Calls at a fixed rate that carry an id each, and what became of every one. */

import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";

export interface Answer {
  readonly id: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  /** From the load's beginning. */
  readonly startMs: number;
  readonly tookMs: number;
  /** 0: broken before a head came. */
  readonly status: number;
  /** `x-tallygate-outcome`; "" for none. */
  readonly outcome: string;
  /** The whole body came. */
  readonly isWhole: boolean;
}

/** Every third call is a POST. */
const postEvery = 3;
const connectionsMax = 400;

export class UpstreamLoad {
  readonly answers: Answer[] = [];
  readonly #pool: Pool;
  readonly #key: string;
  readonly #originMs = performance.now();
  #count = 0;

  constructor(url: string, key: string) {
    this.#pool = new Pool(url, { connections: connectionsMax, headersTimeout: 0, bodyTimeout: 0 });
    this.#key = key;
  }

  get nowMs(): number {
    return performance.now() - this.#originMs;
  }

  /** Open loop, for `ms`; resolves when the last call is answered. Returns this run's answers. */
  async run(path: string, options: { perSecond: number; ms: number }): Promise<Answer[]> {
    const from = this.answers.length;
    const startMs = this.nowMs;
    const calls: Promise<void>[] = [];
    for (let sent = 0; this.nowMs - startMs < options.ms; sent++) {
      const waitMs = startMs + (sent * 1_000) / options.perSecond - this.nowMs;
      if (waitMs > 0) await sleep(waitMs);
      calls.push(this.#call(path));
    }
    await Promise.all(calls);
    return this.answers.slice(from);
  }

  async stop(): Promise<void> {
    await this.#pool.destroy();
  }

  async #call(path: string): Promise<void> {
    const id = `c${this.#count++}`;
    const method = this.#count % postEvery === 0 ? "POST" : "GET";
    const startMs = this.nowMs;
    let status = 0;
    let outcome = "";
    let isWhole = false;
    try {
      const response = await this.#pool.request({
        path,
        method,
        headers: { "x-api-key": this.#key, "x-call": id },
        body: method === "POST" ? "a small body" : null,
      });
      status = response.statusCode;
      outcome = String(response.headers["x-tallygate-outcome"] ?? "");
      await response.body.text();
      isWhole = true;
    } catch {
      // Told by `isWhole`.
    }
    const tookMs = this.nowMs - startMs;
    this.answers.push({ id, method, path, startMs, tookMs, status, outcome, isWhole });
  }
}
