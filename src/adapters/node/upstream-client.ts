/**
 * Connections to upstreams over undici: one pool per address, one request on each connection at a time, redirects not
 * followed, nothing retried, no time-outs but that of connecting.
 */

import * as dns from "node:dns/promises";
import { createRequire } from "node:module";
import { isIPv6, type LookupFunction } from "node:net";
import type { Duplex } from "node:stream";
import type * as Undici from "undici";
import type { Dispatcher, Pool } from "undici";
import type { UpstreamConfig, UpstreamTls } from "../../access/compiled-config.ts";
import { present } from "../../base/assert.ts";
import { TallygateError } from "../../base/errors.ts";
import type { Log } from "../../ports/log.ts";
import type {
  UpstreamCall,
  UpstreamConnections,
  UpstreamFailure,
  UpstreamNetwork,
  UpstreamPlace,
  UpstreamRequest,
  UpstreamSink,
} from "../../ports/upstream.ts";
import { nodeByteStream } from "./byte-stream.ts";
import { upstreamConnector, type WatchedTls, watchTls } from "./upstream-tls.ts";

/** Bytes of an upstream's reply head, at most. */
export const replyHeadMaxBytes = 16 * 1024;

/** Milliseconds that an idle connection is kept: under the 5 s after which many servers close theirs. */
const idleTimeoutMs = 4_000;

/** Milliseconds that the answer about a name may take. */
const resolveTimeoutMs = 5_000;

const require = createRequire(import.meta.url);

/** An eighth of a gateway's start, so loaded when the first upstream is there: many have handlers alone. */
function undici(): typeof Undici {
  return require("undici") as typeof Undici;
}

export function upstreamNetwork(log: Log): UpstreamNetwork {
  const watched = new WeakMap<UpstreamTls, WatchedTls>();
  const tlsOf = ({ name, tls }: UpstreamConfig): WatchedTls | undefined => {
    if (tls === undefined) return undefined;
    const known = watched.get(tls) ?? watchTls(tls, (cause) => refused(name, cause));
    watched.set(tls, known);
    return known;
  };
  const refused = (upstream: string, cause: unknown): void => {
    const why = cause instanceof TallygateError ? cause.detail : undefined;
    log.warn("changed TLS files of an upstream are not used; those before are", { upstream, why });
  };
  return {
    open: (place) => new PoolConnections(openTarget(place, tlsOf(place.upstream))),
    async resolve(name) {
      const late = AbortSignal.timeout(resolveTimeoutMs);
      const answer = dns.lookup(name, { all: true, order: "verbatim" });
      const tooLate = new Promise<never>((_resolve, reject) => {
        late.addEventListener("abort", () => reject(late.reason as Error), { once: true });
      });
      return (await Promise.race([answer, tooLate])).map(({ address }) => address);
    },
  };
}

function openTarget(
  { origin, address, upstream }: UpstreamPlace,
  tls: WatchedTls | undefined,
): Pool {
  // The address was checked by whoever gave it: a second look-up could give another one.
  const lookup: LookupFunction = (_name, { all }, found) => {
    const family = isIPv6(address) ? 6 : 4;
    if (all === true) found(null, [{ address, family }]);
    else found(null, address, family);
  };
  return new (undici().Pool)(origin, {
    connections: upstream.connectionsMax,
    pipelining: 1,
    connect: upstreamConnector({ tls, timeoutMs: upstream.connectTimeoutMs, lookup }),
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: idleTimeoutMs,
    maxHeaderSize: replyHeadMaxBytes,
    allowH2: false,
  });
}

class PoolConnections implements UpstreamConnections {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  send(request: UpstreamRequest, sink: UpstreamSink): UpstreamCall {
    const call = new Forwarding(request, sink);
    call.start(this.#pool);
    return call;
  }

  retire(): void {
    // Rejects only if the pool is destroyed meanwhile, which closes it as well.
    this.#pool.close().catch(() => undefined);
  }

  destroy(): Promise<void> {
    return this.#pool.destroy();
  }
}

const cancelled = new Error("cancelled");

class Forwarding implements UpstreamCall, Dispatcher.DispatchHandler {
  readonly #request: UpstreamRequest;
  readonly #sink: UpstreamSink;
  #controller: Dispatcher.DispatchController | undefined;
  #isOver = false;
  #wantsPause = false;

  constructor(request: UpstreamRequest, sink: UpstreamSink) {
    this.#request = request;
    this.#sink = sink;
  }

  start(pool: Pool): void {
    const { method, target, headers, body, isUpgrade } = this.#request;
    pool.dispatch(
      {
        method,
        path: target,
        headers: headers as string[],
        // Any async iterable will do, whatever the declaration says.
        body: (body ?? null) as null,
        upgrade: isUpgrade ? "websocket" : null,
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
    this.#isOver = true;
    this.#controller?.abort(cancelled);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Cancelled while it waited: nothing is sent.
    if (this.#isOver) controller.abort(cancelled);
    else this.#controller = controller;
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    _status: number,
    _headers: unknown,
    socket: Duplex,
  ): void {
    if (this.#isOver) {
      socket.destroy();
      return;
    }
    this.#isOver = true;
    const headers = texts(present(controller.rawHeaders, "raw headers"));
    this.#sink.upgraded(headers, nodeByteStream(socket));
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
    this.#isOver = true;
    this.#sink.completed();
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.failed({ kind: this.#kindOf(cause), attempted: this.attempted, cause });
  }

  #kindOf(cause: Error): UpstreamFailure["kind"] {
    if (cause instanceof undici().errors.ConnectTimeoutError) return "slow";
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
