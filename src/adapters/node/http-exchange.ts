/** One request of a node:http server as an `Exchange`. */

import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { NodeRequest } from "srvx/node";
import type { Connection, Exchange, HeaderList } from "../../ports/listener.ts";

/**
 * A body longer than this that nobody read is not waited for: the connection closes after the
 * reply. A shorter one is read and dropped, and the connection used again.
 */
export const droppedBodyMaxBytes = 64 * 1024;

/** Bytes of a body that `request.text()` and its like give to a handler, at most. */
export const handlerBodyMaxBytes = 16 * 1024 * 1024;

/** What the listener tells all of its exchanges. */
export interface ServerState {
  readonly isStopping: boolean;
  /** Value of the field in every reply; "" for none. */
  readonly strictTransportSecurity: string;
}

export class NodeExchange implements Exchange {
  readonly connection: Connection;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #server: ServerState;
  #webRequest: Request | undefined;
  /** Whether the client waits for a 100 before it sends the body. */
  #awaitsContinue: boolean;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    at: {
      readonly connection: Connection;
      readonly server: ServerState;
      readonly awaitsContinue: boolean;
    },
  ) {
    this.#request = request;
    this.#response = response;
    this.connection = at.connection;
    this.#server = at.server;
    this.#awaitsContinue = at.awaitsContinue;
  }

  get method(): string {
    return this.#request.method as string;
  }

  get target(): string {
    return this.#request.url as string;
  }

  get httpVersion(): string {
    return this.#request.httpVersion;
  }

  get headers(): HeaderList {
    return this.#request.rawHeaders;
  }

  get hasBody(): boolean {
    const { headers } = this.#request;
    const length = headers["content-length"];
    return headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
  }

  body(): AsyncIterable<Uint8Array> {
    this.#continue();
    // Destroying the request would take the socket with it, and so the reply.
    return this.#request.iterator({ destroyOnReturn: false });
  }

  webRequest(): Request {
    if (this.#webRequest === undefined) {
      this.#continue();
      this.#webRequest = new NodeRequest({
        req: this.#request,
        res: this.#response,
        maxRequestBodySize: handlerBodyMaxBytes,
      });
    }
    return this.#webRequest;
  }

  reply(status: number, headers: string[], body: string | Uint8Array | undefined): void {
    const response = this.#response;
    if (response.headersSent || response.destroyed) return;
    const mayHaveBody = status !== 204 && status !== 304;
    if (body === undefined) {
      if (mayHaveBody && this.#request.method !== "HEAD") headers.push("content-length", "0");
      this.#writeHead(status, headers);
      response.end();
      return;
    }
    const isText = typeof body === "string";
    const length = isText ? Buffer.byteLength(body) : body.byteLength;
    if (mayHaveBody) headers.push("content-length", String(length));
    this.#writeHead(status, headers);
    // Node joins head and text into one string and writes it; ASCII is written faster as Latin-1.
    if (isText && length === body.length) response.end(body, "latin1");
    else response.end(body);
  }

  startReply(status: number, headers: string[]): void {
    const response = this.#response;
    if (response.headersSent || response.destroyed) return;
    this.#writeHead(status, headers);
    // The head must not wait for a body that may take long to come, but leave together with the
    // part of it that this turn brings.
    const { socket } = response;
    if (socket !== null && socket.writableCorked === 0) {
      socket.cork();
      process.nextTick(uncork, socket);
    }
    response.flushHeaders();
  }

  write(bytes: Uint8Array): boolean {
    const response = this.#response;
    return response.destroyed || response.writableEnded || response.write(bytes);
  }

  end(): void {
    if (!this.#response.writableEnded) this.#response.end();
  }

  abort(): void {
    this.#request.socket.destroy();
  }

  onDrain(listener: () => void): void {
    this.#response.on("drain", listener);
  }

  onClosed(listener: () => void): void {
    const response = this.#response;
    const left = (): void => {
      if (!response.writableEnded) listener();
    };
    if (response.destroyed) left();
    else response.once("close", left);
  }

  #writeHead(status: number, headers: string[]): void {
    const request = this.#request;
    if (this.#server.isStopping || (!request.complete && !this.#willDrainSoon())) {
      headers.push("connection", "close");
    }
    const { strictTransportSecurity } = this.#server;
    // Browsers go by the first, which may be the upstream's own.
    if (strictTransportSecurity !== "") {
      headers.push("strict-transport-security", strictTransportSecurity);
    }
    this.#response.writeHead(status, headers);
  }

  #willDrainSoon(): boolean {
    const { headers } = this.#request;
    if (headers["transfer-encoding"] !== undefined || this.#awaitsContinue) return false;
    const length = headers["content-length"];
    return length === undefined || Number(length) <= droppedBodyMaxBytes;
  }

  #continue(): void {
    if (!this.#awaitsContinue) return;
    this.#awaitsContinue = false;
    this.#response.writeContinue();
  }
}

function uncork(socket: Socket): void {
  socket.uncork();
}
