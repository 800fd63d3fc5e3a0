/**
 * Forwarding over undici: one pool per target, connections kept alive, one request on each at a time, redirects not followed,
 * nothing retried. Targets take turns.
 */

import { createRequire } from "node:module";
import type * as Undici from "undici";
import type { Dispatcher, Pool } from "undici";
import type { UpstreamConfig } from "../../access/compiled-config.ts";
import { present } from "../../base/assert.ts";
import type {
  UpstreamCall,
  UpstreamClient,
  UpstreamFailure,
  UpstreamRequest,
  UpstreamSink,
} from "../../ports/upstream.ts";
import { upstreamConnector } from "./upstream-tls.ts";

/** Calls that wait for a free connection of one target, at most; beyond: `overloaded`. */
export const waitingCallsMax = 1_024;

/** Bytes of an upstream's reply head, at most. */
export const replyHeadMaxBytes = 16 * 1024;

/** Milliseconds that an idle connection is kept: under the 5 s after which many servers close theirs. */
const idleTimeoutMs = 4_000;

const require = createRequire(import.meta.url);

/** An eighth of a gateway's start, so loaded when the first upstream is there: many have handlers alone. */
function undici(): typeof Undici {
  return require("undici") as typeof Undici;
}

interface Target {
  readonly pool: Pool;
  /** Calls forwarded and not over. */
  calls: number;
}

interface Upstream {
  readonly config: UpstreamConfig;
  readonly targets: readonly Target[];
  next: number;
}

export function upstreamClient(): UpstreamClient {
  const upstreams = new Map<string, Upstream>();

  const find = (config: UpstreamConfig): Upstream => {
    const known = upstreams.get(config.name);
    if (known !== undefined && (known.config === config || isSame(known.config, config))) {
      return known;
    }
    if (known !== undefined) closeGently(known);
    const made = { config, targets: config.targets.map((t) => openTarget(t, config)), next: 0 };
    upstreams.set(config.name, made);
    return made;
  };

  return {
    forward(config, request, sink) {
      const upstream = find(config);
      const target = upstream.targets[upstream.next] as Target;
      upstream.next = (upstream.next + 1) % upstream.targets.length;
      const call = new Forwarding(target, request, sink);
      call.start(config.connectionsMax + waitingCallsMax);
      return call;
    },
    retain(configs) {
      // Not with the first call, which would wait for it.
      if (configs.length > 0) undici();
      for (const [name, upstream] of upstreams) {
        if (configs.some((config) => config.name === name)) continue;
        upstreams.delete(name);
        closeGently(upstream);
      }
    },
    async close() {
      const pools = [...upstreams.values()].flatMap(({ targets }) => targets);
      upstreams.clear();
      await Promise.all(pools.map(({ pool }) => pool.destroy()));
    },
  };
}

function openTarget(origin: string, config: UpstreamConfig): Target {
  const pool = new (undici().Pool)(origin, {
    connections: config.connectionsMax,
    pipelining: 1,
    connect: upstreamConnector({ tls: config.tls, timeoutMs: config.connectTimeoutMs }),
    headersTimeout: config.responseTimeoutMs,
    bodyTimeout: config.responseTimeoutMs,
    keepAliveTimeout: idleTimeoutMs,
    maxHeaderSize: replyHeadMaxBytes,
    allowH2: false,
  });
  return { pool, calls: 0 };
}

function closeGently(upstream: Upstream): void {
  // Rejects only if the pool is destroyed meanwhile, which closes it as well.
  for (const { pool } of upstream.targets) pool.close().catch(() => undefined);
}

function isSame(a: UpstreamConfig, b: UpstreamConfig): boolean {
  return (
    a.connectTimeoutMs === b.connectTimeoutMs &&
    a.responseTimeoutMs === b.responseTimeoutMs &&
    a.connectionsMax === b.connectionsMax &&
    JSON.stringify(a.tls) === JSON.stringify(b.tls) &&
    a.targets.length === b.targets.length &&
    a.targets.every((target, i) => target === b.targets[i])
  );
}

const cancelled = new Error("cancelled");

class Forwarding implements UpstreamCall, Dispatcher.DispatchHandler {
  readonly #target: Target;
  readonly #request: UpstreamRequest;
  readonly #sink: UpstreamSink;
  #controller: Dispatcher.DispatchController | undefined;
  #isOver = false;
  #wantsPause = false;

  constructor(target: Target, request: UpstreamRequest, sink: UpstreamSink) {
    this.#target = target;
    this.#request = request;
    this.#sink = sink;
  }

  start(callsMax: number): void {
    const { method, target, headers, body } = this.#request;
    if (this.#target.calls >= callsMax) {
      this.#fail("overloaded", undefined);
      return;
    }
    this.#target.calls++;
    this.#target.pool.dispatch(
      {
        method,
        path: target,
        headers: headers as string[],
        // Any async iterable will do, whatever the declaration says.
        body: (body ?? null) as null,
      },
      this,
    );
  }

  get attempted(): boolean {
    return this.#controller !== undefined;
  }

  pause(): void {
    this.#wantsPause = true;
    this.#controller?.pause();
  }

  resume(): void {
    this.#wantsPause = false;
    this.#controller?.resume();
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#end();
    this.#controller?.abort(cancelled);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) controller.abort(cancelled);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#isOver || status < 200) return;
    this.#sink.started(status, texts(present(controller.rawHeaders, "raw headers")));
    if (this.#wantsPause) controller.pause();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (!this.#isOver) this.#sink.received(chunk);
  }

  onResponseEnd(): void {
    if (this.#isOver) return;
    this.#end();
    this.#sink.completed();
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    if (this.#isOver) return;
    this.#end();
    this.#fail(this.#kindOf(cause), cause);
  }

  #end(): void {
    this.#isOver = true;
    this.#target.calls--;
  }

  #fail(kind: UpstreamFailure["kind"], cause: unknown): void {
    this.#sink.failed({ kind, attempted: this.attempted, cause });
  }

  #kindOf(cause: Error): UpstreamFailure["kind"] {
    const { errors } = undici();
    if (
      cause instanceof errors.ConnectTimeoutError ||
      cause instanceof errors.HeadersTimeoutError ||
      cause instanceof errors.BodyTimeoutError
    ) {
      return "slow";
    }
    return this.attempted ? "bad" : "unreachable";
  }
}

/** undici gives the reply's raw fields as bytes; they are Latin-1 on the wire. */
function texts(raw: NonNullable<Dispatcher.DispatchController["rawHeaders"]>): string[] {
  const list = raw as readonly (Buffer | string)[];
  const headers = new Array<string>(list.length);
  for (let i = 0; i < list.length; i++) {
    const item = list[i] as Buffer | string;
    headers[i] = typeof item === "string" ? item : item.toString("latin1");
  }
  return headers;
}
