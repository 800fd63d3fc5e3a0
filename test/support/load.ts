/** Bounded load from this process: so many calls over so many connections, or so many a second. */

import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "undici";

export interface LoadOptions {
  readonly url: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly calls: number;
  readonly connections: number;
}

export interface LoadResult {
  /** Answers by status; 0: no answer (connection refused or broken). */
  readonly statuses: ReadonlyMap<number, number>;
  readonly seconds: number;
  readonly perSecond: number;
}

/** Closed loop: each connection sends its next call when the last one is answered. */
export async function runCalls(options: LoadOptions): Promise<LoadResult> {
  const statuses = new Map<number, number>();
  let left = options.calls;
  const start = performance.now();
  const workers = Array.from({ length: options.connections }, async () => {
    const client = new Client(options.url);
    while (left > 0) {
      left--;
      const status = await call(client, options);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    await client.close();
  });
  await Promise.all(workers);
  const seconds = (performance.now() - start) / 1000;
  return { statuses, seconds, perSecond: options.calls / seconds };
}

export async function call(
  client: Client,
  options: { path?: string; headers?: Readonly<Record<string, string>> },
): Promise<number> {
  try {
    const { statusCode, body } = await client.request({
      path: options.path ?? "/",
      method: "GET",
      headers: options.headers ?? {},
      headersTimeout: 10_000,
      bodyTimeout: 10_000,
    });
    await body.dump();
    return statusCode;
  } catch {
    return 0;
  }
}

export interface PacedOptions {
  /** Asked anew for every call, so that a restarted process is found. */
  readonly url: () => string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly perSecond: number;
  readonly connections: number;
  readonly client?: Client.Options;
}

export interface PacedLoad {
  readonly statuses: Map<number, number>;
  /** Milliseconds from the intended time of sending to the end of the answer, answered calls only. */
  readonly latenciesMs: number[];
  /** Sent and not answered now. */
  inFlight: number;
  stop(): Promise<void>;
}

/** Open loop at a fixed rate: a call that is late is counted from when it should have been sent. */
export function startPaced(options: PacedOptions): PacedLoad {
  const load = { statuses: new Map<number, number>(), latenciesMs: [] as number[], inFlight: 0 };
  let stopped = false;
  const start = performance.now();
  let sent = 0;
  const worker = async (): Promise<void> => {
    let client = new Client(options.url(), options.client);
    let origin = options.url();
    while (!stopped) {
      const dueMs = start + (sent++ * 1000) / options.perSecond;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      if (stopped) break;
      if (options.url() !== origin) {
        void client.destroy();
        origin = options.url();
        client = new Client(origin, options.client);
      }
      load.inFlight++;
      const status = await call(client, options);
      load.inFlight--;
      load.statuses.set(status, (load.statuses.get(status) ?? 0) + 1);
      if (status !== 0) load.latenciesMs.push(performance.now() - dueMs);
    }
    await client.close();
  };
  const workers = Promise.all(Array.from({ length: options.connections }, worker));
  return Object.assign(load, {
    stop: async () => {
      stopped = true;
      await workers;
    },
  });
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
