/** A simulated client's request, and what came of it. */

import type { ResponseParts } from "../ports/handler.ts";
import type { ByteStream, Connection, Exchange, HeaderList } from "../ports/listener.ts";

export interface ExchangeListener {
  /** The call reached the handler, before it is answered. */
  forwarded(): void;
  replied(): void;
}

const ok: ResponseParts = { status: 200, headers: [], body: "ok" };

export class SimExchange implements Exchange {
  readonly connection: Connection;
  readonly method = "GET";
  readonly target: string;
  readonly httpVersion = "1.1";
  readonly headers: HeaderList;
  readonly hasBody = false;
  scratch: unknown;
  readonly asksUpgrade = false;
  readonly bodyFault = "";
  /** Of the reply; 0: none yet. */
  status = 0;
  text = "";
  /** Times that the handler ran for it. */
  forwards = 0;
  readonly #answer: () => ResponseParts | Promise<ResponseParts>;
  readonly #listener: ExchangeListener;
  #closed: (() => void) | undefined;

  constructor(
    request: {
      readonly target: string;
      readonly headers: HeaderList;
      readonly peer: string;
      readonly answer?: () => ResponseParts | Promise<ResponseParts>;
    },
    listener: ExchangeListener,
  ) {
    this.target = request.target;
    this.headers = ["Host", "api.example.com", ...request.headers];
    this.connection = { peerAddress: request.peer, protocol: "http", scratch: undefined };
    this.#answer = request.answer ?? (() => ok);
    this.#listener = listener;
  }

  /** The handler runs. */
  forwarded(): ResponseParts | Promise<ResponseParts> {
    this.forwards++;
    this.#listener.forwarded();
    return this.#answer();
  }

  async *body(): AsyncIterable<Uint8Array> {}

  /** The handler gets the exchange itself: a real Request would cost more than the call. */
  webRequest(): Request {
    return this as unknown as Request;
  }

  reply(status: number, _headers: string[], body: string | Uint8Array | undefined): void {
    if (this.status !== 0) return;
    this.status = status;
    this.text = typeof body === "string" ? body : new TextDecoder().decode(body);
    this.#listener.replied();
  }

  startReply(status: number): void {
    this.reply(status, [], "");
  }

  takeOver(): ByteStream {
    throw new Error("no simulated client asks for an upgrade");
  }

  write(): boolean {
    return true;
  }

  end(): void {}

  /** The process is gone, and with it the connection. */
  abort(): void {
    this.#closed?.();
  }

  onDrain(): void {}

  onClosed(listener: () => void): void {
    this.#closed = listener;
  }
}
