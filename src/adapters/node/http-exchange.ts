/** One request of a node:http server as an `Exchange`. */

import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { NodeRequest } from "srvx/node";
import type {
  BodyFault,
  ByteStream,
  Connection,
  Exchange,
  HeaderList,
} from "../../ports/listener.ts";
import { nodeByteStream } from "./byte-stream.ts";
import type { ClientConnection } from "./client-connection.ts";

/**
 * A body longer than this that nobody read is not waited for: the connection closes after the
 * reply. A shorter one is read and dropped, and the connection used again.
 */
export const droppedBodyMaxBytes = 64 * 1024;

/** Bytes of a body that `request.text()` and its like give to a handler, at most. */
export const handlerBodyMaxBytes = 16 * 1024 * 1024;

export class NodeExchange implements Exchange {
  readonly connection: Connection;
  scratch: unknown;
  bodyFault: BodyFault | "" = "";
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #client: ClientConnection;
  /** Its place among the requests of the connection. */
  readonly #number: number;
  readonly #bodyMaxBytes: number;
  readonly #upgrade: Uint8Array | undefined;
  #webRequest: Request | undefined;
  #stopReading: ((fault: BodyFault) => void) | undefined;
  /** Whether the client waits for a 100 before it sends the body. */
  #awaitsContinue: boolean;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    at: {
      readonly client: ClientConnection;
      readonly awaitsContinue: boolean;
      readonly bodyMaxBytes: number;
      /** Bytes that came after the head of a request for an upgrade; undefined: it is none. */
      readonly upgrade?: Uint8Array | undefined;
    },
  ) {
    this.#request = request;
    this.#response = response;
    this.connection = at.client.connection;
    this.#client = at.client;
    this.#number = at.client.requests;
    this.#awaitsContinue = at.awaitsContinue;
    this.#bodyMaxBytes = at.bodyMaxBytes;
    this.#upgrade = at.upgrade;
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

  get asksUpgrade(): boolean {
    return this.#upgrade !== undefined;
  }

  /** Whether the whole request is here. */
  get isComplete(): boolean {
    return this.#request.complete;
  }

  /** Whether the body is the client's to send now: neither complete, nor held back by its reader or a 100. */
  get awaitsBody(): boolean {
    const request = this.#request;
    return !request.complete && !this.#awaitsContinue && request.readableLength === 0;
  }

  body(bytesMax = this.#bodyMaxBytes): AsyncIterable<Uint8Array> {
    this.#continue();
    return this.#read(Math.min(bytesMax, this.#bodyMaxBytes));
  }

  webRequest(bytesMax = this.#bodyMaxBytes): Request {
    if (this.#webRequest === undefined) {
      this.#continue();
      this.#webRequest = new NodeRequest({
        req: this.#request,
        res: this.#response,
        maxRequestBodySize: Math.min(bytesMax, this.#bodyMaxBytes, handlerBodyMaxBytes),
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

  takeOver(): ByteStream {
    const { socket } = this.#request;
    // What happens to the connection is no longer the response's.
    if (this.#response.socket !== null) this.#response.detachSocket(socket);
    return nodeByteStream(socket, this.#upgrade);
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

  /** The body comes too slowly. False: nobody here can answer that, so the connection has to go. */
  tooSlow(): boolean {
    if (this.#stopReading === undefined || this.#response.headersSent) return false;
    this.#stopReading("too-slow");
    return true;
  }

  #read(bytesMax: number): AsyncIterable<Uint8Array> {
    const request = this.#request;
    // Destroying the request would take the socket with it, and so the reply.
    const parts = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>;
    let rejectWaiting: ((cause: Error) => void) | undefined;
    const stop = (fault: BodyFault): Error => {
      this.bodyFault = fault;
      this.#stopReading = undefined;
      const cause = new Error(`the body is ${fault}`);
      rejectWaiting?.(cause);
      return cause;
    };
    this.#stopReading = stop;
    let bytes = 0;
    const next = (): Promise<IteratorResult<Uint8Array>> =>
      new Promise((resolve, reject) => {
        rejectWaiting = reject;
        parts.next().then((part) => {
          rejectWaiting = undefined;
          if (part.done === true) this.#stopReading = undefined;
          else bytes += part.value.byteLength;
          if (bytes <= bytesMax) {
            resolve(part);
            return;
          }
          reject(stop("too-large"));
          // What is still coming is dropped, so that the client gets to read the reply.
          void parts.return?.().then(() => request.resume());
        }, reject);
      });
    const end = async (): Promise<IteratorResult<Uint8Array>> => {
      this.#stopReading = undefined;
      await parts.return?.();
      return { done: true, value: undefined };
    };
    return { [Symbol.asyncIterator]: () => ({ next, return: end }) };
  }

  #writeHead(status: number, headers: string[]): void {
    const request = this.#request;
    const client = this.#client;
    if (status === 101) {
      this.#response.writeHead(101, [...headers, "connection", "Upgrade", "upgrade", "websocket"]);
      return;
    }
    const isNewest = client.requests === this.#number;
    if ((isNewest && client.isLast) || (!request.complete && !this.#willDrainSoon())) {
      headers.push("connection", "close");
      client.close();
    } else if (hasClose(headers)) client.close();
    const { strictTransportSecurity } = client;
    // Browsers go by the first, which may be the upstream's own.
    if (strictTransportSecurity !== "") {
      headers.push("strict-transport-security", strictTransportSecurity);
    }
    this.#response.writeHead(status, headers);
  }

  #willDrainSoon(): boolean {
    if (this.bodyFault !== "" || this.#awaitsContinue) return false;
    const { headers } = this.#request;
    if (headers["transfer-encoding"] !== undefined) return false;
    const length = headers["content-length"];
    return length === undefined || Number(length) <= droppedBodyMaxBytes;
  }

  #continue(): void {
    if (!this.#awaitsContinue) return;
    this.#awaitsContinue = false;
    this.#response.writeContinue();
  }
}

function hasClose(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === "connection") return true;
  return false;
}

function uncork(socket: Socket): void {
  socket.uncork();
}
