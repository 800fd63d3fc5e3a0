/**
 * How requests reach the pipeline: one `Exchange` per request, made by the listener.
 *
 * Exactly one reply is given per exchange: `reply`, or `startReply` and then `write`s and `end` or
 * `abort`. On an exchange whose client has left, all of them do nothing; so does a second reply.
 */

/** Header fields as a flat list: name, value, name, value… in the order of the wire. */
export type HeaderList = readonly string[];

/** Bytes both ways, at the pace of the slower side. Made by an adapter; whoever has it closes it. */
export interface ByteStream {
  /** Called once, before anything else; events come on later turns. Bytes stay valid. */
  listen(on: {
    data(bytes: Uint8Array): void;
    /** Writing may go on. */
    drain(): void;
    /** Nothing more comes. */
    end(): void;
    /** It is gone, in whatever way; always the last. */
    closed(): void;
  }): void;
  /** False: take no more until `drain`. */
  write(bytes: Uint8Array): boolean;
  pause(): void;
  resume(): void;
  /** Nothing more is written. */
  end(): void;
  destroy(): void;
}

/** One client connection; the same object for all of its requests. */
export interface Connection {
  /** Address of the peer, without port: `203.0.113.7`, `::ffff:203.0.113.7`. */
  readonly peerAddress: string;
  /** `http` or `https`: what the client spoke. */
  readonly protocol: "http" | "https";
  /** The pipeline's own notes about the connection; undefined at first. */
  scratch: unknown;
}

/** A body longer than may be, or coming slower. */
export type BodyFault = "too-large" | "too-slow";

export interface Exchange {
  readonly connection: Connection;
  /** As sent; upper case but for methods that are not standard. */
  readonly method: string;
  /** The request target as sent. */
  readonly target: string;
  /** As the request line says it: `1.1`. */
  readonly httpVersion: string;
  /** All fields as received, repeated ones repeated. */
  readonly headers: HeaderList;
  /** Whether a body was announced. */
  readonly hasBody: boolean;
  /** The pipeline's own notes about the request; undefined at first. */
  scratch: unknown;
  /** The client asks to speak WebSocket from then on; never with a body. Any reply but 101 refuses, and is the connection's last. */
  readonly asksUpgrade: boolean;

  /**
   * The body, to be read once at most. Reading at the reader's pace holds the client back. Throws
   * when the client leaves before the end, and where `bodyFault` says why. Not reading it is fine.
   * `bytesMax`: no more than that is given out; the listener's own bound holds as well.
   */
  body(bytesMax?: number): AsyncIterable<Uint8Array>;
  /** Why reading the body failed, if it was the listener that stopped it; "" otherwise. */
  readonly bodyFault: BodyFault | "";
  /** The request in the web-standard form, for handlers. The same object each time. `bytesMax`: as of `body`. */
  webRequest(bytesMax?: number): Request;

  /**
   * The whole reply. `headers` becomes the listener's, which adds Date, Connection and, where the status
   * may have one, Content-Length; only for a HEAD without `body` may it hold a Content-Length of its
   * own. To HEAD no body is sent. `connection: close` in it closes the connection.
   */
  reply(status: number, headers: string[], body: string | Uint8Array | undefined): void;

  /** The head of a reply whose body follows in parts; chunked unless Content-Length is in `headers`. */
  startReply(status: number, headers: string[]): void;
  /** After `startReply` with 101 to one that asked: the connection's bytes, the taker's from then on. Once. */
  takeOver(): ByteStream;
  /** False: take no more until `onDrain`. The bytes must not change afterwards. */
  write(bytes: Uint8Array): boolean;
  /** The body is complete. */
  end(): void;
  /** Breaks the connection: the client must not take what it has for the whole. */
  abort(): void;

  /** Called whenever writing may go on after a `write` that returned false. One listener. */
  onDrain(listener: () => void): void;
  /** Called once if the client leaves before the reply is complete; at once if it has left. One listener. */
  onClosed(listener: () => void): void;
}

/** The reply to bytes that are no request. */
export interface Refusal {
  readonly headers: string[];
  readonly body: string;
}

export interface ExchangeTaker {
  /** Runs for every request, on the turn that read its head. */
  take(exchange: Exchange): void;
  /** Called where there is no exchange: 400, 405 (CONNECT), 408, 413, 431, 501. */
  refuse(status: number): Refusal;
}

export interface Listener {
  /** The port in use: the one asked for, or the one found where that was 0. */
  readonly port: number;
  /** Connections open now. */
  connections(): number;
  /**
   * Stops accepting, lets replies in progress finish (their connections close after them), and
   * breaks what is left after `withinMs`. Resolves when no connection is open.
   */
  stop(withinMs: number): Promise<void>;
}
