/**
 * How calls are forwarded to an upstream.
 *
 * Order of events: at most one `started`, then any number of `received`, then exactly one of
 * `completed` or `failed`; or, for a call that asked for it, one `upgraded` and nothing else. `failed` may come first
 * of all, even before the call is returned. After `cancel` none comes.
 */

import type { UpstreamConfig } from "../access/compiled-config.ts";
import type { ByteStream, HeaderList } from "./listener.ts";

export interface UpstreamRequest {
  readonly method: string;
  /** Begins with `/`; path and query as they are to stand in the request line. */
  readonly target: string;
  /** End-to-end fields; no Host, which is the target's, and no framing but Content-Length of `body`. */
  readonly headers: HeaderList;
  /** Undefined: none. Read once, at the upstream's pace. */
  readonly body: AsyncIterable<Uint8Array> | undefined;
  /** The client asks to speak WebSocket from then on. */
  readonly isUpgrade: boolean;
}

/** Why there is no (whole) reply. */
export interface UpstreamFailure {
  /**
   * `overloaded`: all connections busy and the queue full. `unavailable`: no target is in service. `unreachable`: no
   * connection. `slow`: a time-out passed. `bad`: the connection broke or what came was not HTTP. `body`: the client's
   * body ended early.
   */
  readonly kind: "overloaded" | "unavailable" | "unreachable" | "slow" | "bad" | "body";
  /** False: not a byte of the request was sent anywhere, so that no upstream can have acted on it. */
  readonly attempted: boolean;
  /** For the log only. */
  readonly cause: unknown;
  /** Of `unavailable`: milliseconds until it may be better. */
  readonly waitMs?: number;
}

export interface UpstreamSink {
  /** The final reply's head; interim ones (1xx) are not reported. `headers` as received. */
  started(status: number, headers: string[]): void;
  /** The bytes stay valid. */
  received(bytes: Uint8Array): void;
  completed(): void;
  failed(failure: UpstreamFailure): void;
  /** The upstream has agreed to an upgrade; the stream is the taker's. `headers` as received. */
  upgraded(headers: string[], stream: ByteStream): void;
}

export interface UpstreamCall {
  /** As in `UpstreamFailure`, so far. */
  readonly attempted: boolean;
  /** No `received` until `resume`. The upstream is held back. */
  pause(): void;
  resume(): void;
  /** Breaks the call off; the sink hears nothing more. */
  cancel(): void;
}

/** An upstream as it was when a call began that is sent later: it stays until then, whatever becomes of the configuration. */
export interface UpstreamReservation {
  /** As that of `UpstreamClient`. Once, unless it was released. */
  forward(request: UpstreamRequest, sink: UpstreamSink): UpstreamCall;
  /** Nothing is sent any more. Does nothing after `forward`. */
  release(): void;
}

/** The upstreams of a configuration: chooses targets, tries again where that is safe. */
export interface UpstreamClient {
  /**
   * Time-outs and bounds are those of `upstream`, one of the present configuration. Never throws for what the other side
   * does.
   */
  forward(upstream: UpstreamConfig, request: UpstreamRequest, sink: UpstreamSink): UpstreamCall;
  /** For a call that has to wait before it is sent. */
  reserve(upstream: UpstreamConfig): UpstreamReservation;
  /** Takes the upstreams of a configuration; those that it lacks are let go of, their calls in progress finish. */
  retain(upstreams: readonly UpstreamConfig[]): void;
  /** Connections that calls to the upstream of that name may have at once; 0: not known yet. */
  connectionsTo(name: string): number;
  /** Breaks all connections. */
  close(): Promise<void>;
}

/** One address of a target. */
export interface UpstreamPlace {
  /** `http://host:port`: the request's Host, and the name that a certificate must have. */
  readonly origin: string;
  /** Connected to; no name is looked up. */
  readonly address: string;
  readonly upstream: UpstreamConfig;
}

/** Connections to one address, kept alive between calls. */
export interface UpstreamConnections {
  /**
   * One try. Redirects are not followed, nothing is sent twice. Of the time-outs only that of connecting is kept here;
   * the caller cancels. Calls beyond the connections' number wait.
   */
  send(request: UpstreamRequest, sink: UpstreamSink): UpstreamCall;
  /** Calls in progress finish, then the connections close. */
  retire(): void;
  destroy(): Promise<void>;
}

/** What reaches upstreams. */
export interface UpstreamNetwork {
  /** Does not connect yet. */
  open(place: UpstreamPlace): UpstreamConnections;
  /** All addresses of a name, in no order. Rejects if there are none, or the answer takes too long. */
  resolve(name: string): Promise<readonly string[]>;
}
