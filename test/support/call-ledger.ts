/**
 * A caller that keeps books: calls at a fixed rate to every region with several keys, and what became of each. What the
 * gateways count is then bounded from both sides, whatever is killed meanwhile: acked ≤ counted ≤ acked + unknown.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { Client, errors } from "undici";

export interface Book {
  /** Answered 200: charged for certain. */
  acked: number;
  /** Sent, and the connection broke before an answer came: charged or not. */
  unknown: number;
}

export interface Target {
  readonly region: string;
  readonly url: string;
}

export interface CallLedgerOptions {
  readonly targets: readonly Target[];
  /** Default `/`. */
  readonly path?: string;
  /** Of another caller with the same keys: kept together. */
  readonly books?: Map<string, Book>;
  /** Secrets of the keys, used in turn. */
  readonly keys: readonly string[];
  /** To all targets together. */
  readonly perSecond: number;
  /** To each target; bounds what is in flight there. */
  readonly connections: number;
}

export interface Answered {
  readonly region: string;
  readonly key: string;
  readonly status: number;
  /** `performance.now()` at which it should have been sent. */
  readonly dueMs: number;
  /** At which it was. */
  readonly sentMs: number;
  /** From when it was due to the end of the answer. */
  readonly latencyMs: number;
}

/** A call that takes longer than this is broken off and unknown. */
const answerMsMax = 10_000;

/** Pause of a connection whose gateway does not listen: no busy loop, and a restart is noticed soon. */
const refusedPauseMs = 10;

export class CallLedger {
  readonly books: Map<string, Book>;
  /** Answered 200, by region and key. */
  readonly #ackedBy = new Map<string, number>();
  readonly answered: Answered[] = [];
  /** Never sent: nobody listened. By region. */
  readonly refused = new Map<string, number>();
  /** Answers that are not 200, by region and status: `sydney 503`. Definite, and not charged. */
  readonly others = new Map<string, number>();
  /** Unknown calls by region. */
  readonly broken = new Map<string, number>();
  sent = 0;
  readonly #options: CallLedgerOptions;
  readonly #keys: string[] = [];
  readonly #nextKey = new Map<string, number>();
  #running: Promise<unknown> | undefined;
  #stopped = false;

  constructor(options: CallLedgerOptions) {
    this.#options = options;
    this.books = options.books ?? new Map<string, Book>();
    for (const key of options.keys) this.addKey(key);
  }

  /** From now on it is used in turn with the others. */
  addKey(key: string): void {
    if (!this.books.has(key)) this.books.set(key, { acked: 0, unknown: 0 });
    this.#keys.push(key);
  }

  start(): void {
    this.#stopped = false;
    const { targets, connections } = this.#options;
    const workers = targets.flatMap((target) => {
      const pace = { sent: 0, startMs: performance.now() };
      return Array.from({ length: connections }, () => this.#work(target, pace));
    });
    this.#running = Promise.all(workers);
  }

  /** Resolves when every call that was sent is answered or broken. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** One call on a connection of its own, in the books like every other. The status; 0: no answer. */
  async probe(target: Target): Promise<number> {
    const client = new Client(target.url);
    try {
      return await this.#call(client, target, performance.now());
    } finally {
      await client.destroy();
    }
  }

  /** What must hold of the units counted for a key. */
  bounds(key: string): { min: number; max: number } {
    const { acked, unknown } = this.books.get(key) as Book;
    return { min: acked, max: acked + unknown };
  }

  ackedBy(region: string, key: string): number {
    return this.#ackedBy.get(`${region} ${key}`) ?? 0;
  }

  get acked(): number {
    return [...this.books.values()].reduce((sum, book) => sum + book.acked, 0);
  }

  get unknown(): number {
    return [...this.books.values()].reduce((sum, book) => sum + book.unknown, 0);
  }

  /** Calls to a region that failed in any way. */
  failures(region: string): number {
    const others = [...this.others].filter(([name]) => name.startsWith(`${region} `));
    const statuses = others.reduce((sum, [, count]) => sum + count, 0);
    return statuses + (this.refused.get(region) ?? 0) + (this.broken.get(region) ?? 0);
  }

  /** Latencies of calls due in [from, to), `performance.now()`. */
  latencies(regions: readonly string[], from: number, to: number): number[] {
    return this.answered
      .filter(({ region, dueMs }) => regions.includes(region) && dueMs >= from && dueMs < to)
      .map(({ latencyMs }) => latencyMs);
  }

  async #work(target: Target, pace: { sent: number; startMs: number }): Promise<void> {
    const perSecond = this.#options.perSecond / this.#options.targets.length;
    const client = new Client(target.url);
    while (!this.#stopped) {
      const dueMs = pace.startMs + (pace.sent++ * 1000) / perSecond;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      if (this.#stopped) break;
      const status = await this.#call(client, target, dueMs);
      if (status === 0) await sleep(refusedPauseMs);
    }
    await client.destroy();
  }

  /** In turn at each region: regions that send at the same moment would otherwise each get keys of their own. */
  #takeKey(region: string): string {
    const next = this.#nextKey.get(region) ?? 0;
    this.#nextKey.set(region, next + 1);
    return this.#keys[next % this.#keys.length] as string;
  }

  async #call(client: Client, target: Target, dueMs: number): Promise<number> {
    const { region } = target;
    const key = this.#takeKey(region);
    const book = this.books.get(key) as Book;
    const sentMs = performance.now();
    this.sent++;
    try {
      const { statusCode, body } = await client.request({
        path: this.#options.path ?? "/",
        method: "GET",
        headers: { "x-api-key": key },
        headersTimeout: answerMsMax,
        bodyTimeout: answerMsMax,
      });
      // The status decides: a gateway killed while the body is on its way has charged.
      if (statusCode === 200) {
        book.acked++;
        add(this.#ackedBy, `${region} ${key}`);
      } else add(this.others, `${region} ${statusCode}`);
      await body.dump().catch(() => undefined);
      const latencyMs = performance.now() - dueMs;
      this.answered.push({ region, key, status: statusCode, dueMs, sentMs, latencyMs });
      return statusCode;
    } catch (error) {
      if (isNeverSent(error)) add(this.refused, region);
      else {
        book.unknown++;
        add(this.broken, region);
      }
      return 0;
    }
  }
}

function isNeverSent(error: unknown): boolean {
  return (
    (error as NodeJS.ErrnoException).code === "ECONNREFUSED" ||
    error instanceof errors.ConnectTimeoutError
  );
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
