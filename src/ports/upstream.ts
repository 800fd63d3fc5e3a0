/**
 * How calls are forwarded to an upstream.
 *
 * Order of events: at most one `started`, then any number of `received`, then exactly one of
 * `completed` or `failed`; `failed` may come first of all, even before `forward` returns. After
 * `cancel` none comes.
 */

import type { UpstreamConfig } from "../access/compiled-config.ts";
import type { HeaderList } from "./listener.ts";

export interface UpstreamRequest {
  readonly method: string;
  /** Begins with `/`; path and query as they are to stand in the request line. */
  readonly target: string;
  /** End-to-end fields; no Host, which is the target's, and no framing but Content-Length of `body`. */
  readonly headers: HeaderList;
  /** Undefined: none. Read once, at the upstream's pace. */
  readonly body: AsyncIterable<Uint8Array> | undefined;
}

/** Why there is no (whole) reply. */
export interface UpstreamFailure {
  /**
   * `overloaded`: all connections busy and the queue full. `unreachable`: no connection. `slow`: a time-out
   * passed. `bad`: the connection broke or what came was not HTTP. `body`: the client's body ended early.
   */
  readonly kind: "overloaded" | "unreachable" | "slow" | "bad" | "body";
  /** False: not a byte of the request was sent, so that the upstream cannot have acted on it. */
  readonly attempted: boolean;
  /** For the log only. */
  readonly cause: unknown;
}

export interface UpstreamSink {
  /** The final reply's head; interim ones (1xx) are not reported. `headers` as received. */
  started(status: number, headers: string[]): void;
  /** The bytes stay valid. */
  received(bytes: Uint8Array): void;
  completed(): void;
  failed(failure: UpstreamFailure): void;
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

export interface UpstreamClient {
  /** Time-outs and bounds are those of `upstream`. Never throws for what the other side does. */
  forward(upstream: UpstreamConfig, request: UpstreamRequest, sink: UpstreamSink): UpstreamCall;
  /** Closes the connections to upstreams that are not in the list; calls in progress finish. */
  retain(upstreams: readonly UpstreamConfig[]): void;
  /** Breaks all connections. */
  close(): Promise<void>;
}
