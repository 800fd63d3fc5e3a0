/** The public listener of a gateway on node:http. */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { type AddressInfo, Server as NetServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TallygateError } from "../../base/errors.ts";
import type { Connection, ExchangeTaker, Listener } from "../../ports/listener.ts";
import { type Front, type FrontOptions, frontServer } from "./front-server.ts";
import { NodeExchange } from "./http-exchange.ts";

export interface HttpLimits {
  /** Milliseconds for a request's head; then 408. */
  readonly headersTimeoutMs: number;
  /** Milliseconds for a whole request with its body; then 408. */
  readonly requestTimeoutMs: number;
  /** Milliseconds that a connection may be idle between requests; above what balancers in front use (60 s). */
  readonly idleTimeoutMs: number;
  /** Bytes of a request's head, at most; more is 431. */
  readonly headMaxBytes: number;
  /** Connections of one process, at most; more are closed at once. */
  readonly connectionsMax: number;
}

export const httpLimitsDefault: HttpLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 75_000,
  headMaxBytes: 16 * 1024,
  connectionsMax: 20_000,
};

/** How often node looks for requests that are too slow, ms. */
const timeoutCheckMs = 500;

/**
 * A connection that was opened, or on which a call came, this lately may carry the next call already: closed now, that call would
 * be lost. Its reply says `Connection: close`, and what has not called until then is closed.
 */
const lingerMs = 1_000;

/** How often idle connections are closed after that. */
const closeIdleMs = 25;

/** Connections that wait to be accepted; the kernel's own bound (somaxconn) may be lower. */
const backlog = 4_096;

/** `tls` and `hasProxyHeader`: HTTPS, and proxies that say who calls. */
export interface ListenOptions extends FrontOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Several processes may listen on the port, and the kernel spreads connections over them. */
  readonly sharesPort?: boolean;
  readonly limits?: Partial<HttpLimits>;
  /** Value of Strict-Transport-Security in every reply; "" or left out: none. */
  readonly strictTransportSecurity?: string;
}

const connectionKey = Symbol("connection");
type ConnectedSocket = Socket & { [connectionKey]?: Connection };

/** Resolves when the port is open. Fails with `port-in-use` or `listen-failed`. */
export async function listenHttp(options: ListenOptions, taker: ExchangeTaker): Promise<Listener> {
  const limits = { ...httpLimitsDefault, ...options.limits };
  const { strictTransportSecurity = "" } = options;
  const state = { isStopping: false, strictTransportSecurity };
  const http = {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: timeoutCheckMs,
    maxHeaderSize: limits.headMaxBytes,
    // The pipeline checks Host itself, and answers in its own words.
    requireHostHeader: false,
    noDelay: true,
  };
  const front = frontServer(http, options);
  const { server } = front;
  // By default node drops what comes after the thousandth field, be it the key.
  server.maxHeadersCount = 0;
  server.maxConnections = limits.connectionsMax;

  /** When the last call came or the last connection was opened. */
  let lastSeenMs = Number.NEGATIVE_INFINITY;
  const sockets = new Set<Socket>();
  /** Those whose requests are read off, which above TLS are others. */
  const readable = front.protocol === "https" ? new Set<Socket>() : sockets;
  const trackIn = (set: Set<Socket>) => (socket: Socket) => {
    lastSeenMs = performance.now();
    set.add(socket);
    socket.once("close", () => set.delete(socket));
  };
  server.on("connection", trackIn(sockets));
  if (readable !== sockets) server.on("secureConnection", trackIn(readable));
  // Now, while both ends of the connection are known for certain.
  if (readable === sockets) front.onOpened((socket) => connectionOf(socket, front));
  else server.on("secureConnection", (socket: Socket) => connectionOf(socket, front));
  const take = (request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean) => {
    lastSeenMs = performance.now();
    const connection = connectionOf(request.socket, front);
    taker.take(new NodeExchange(request, response, { connection, server: state, awaitsContinue }));
  };
  server.on("request", (request, response) => take(request, response, false));
  server.on("checkContinue", (request, response) => take(request, response, true));
  server.on("checkExpectation", (_request, response: ServerResponse) => {
    const { headers, body } = taker.refuse(417);
    headers.push("content-length", String(Buffer.byteLength(body)), "connection", "close");
    response.writeHead(417, headers).end(body);
  });
  server.on("connect", (_request, socket) => refuse(socket, 405, taker));
  server.on("clientError", (cause: NodeJS.ErrnoException, socket) => {
    refuse(socket, statusOf(cause), taker);
  });

  await opened(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => [...sockets].filter(({ destroyed }) => !destroyed).length,
    stop(withinMs) {
      state.isStopping = true;
      const idleAfterMs = Math.max(0, lingerMs - (performance.now() - lastSeenMs));
      // Node does not count as idle what has never sent anything.
      const closeSilent = (): void => {
        for (const socket of readable) if (socket.bytesRead === 0) socket.destroy();
      };
      return closed(front, { withinMs, idleAfterMs, closeSilent });
    },
  };
}

function connectionOf(socket: ConnectedSocket, front: Front): Connection {
  let connection = socket[connectionKey];
  if (connection === undefined) {
    const { protocol } = front;
    connection = { peerAddress: front.peerAddress(socket), protocol, scratch: undefined };
    socket[connectionKey] = connection;
  }
  return connection;
}

function opened(server: Server, options: ListenOptions): Promise<void> {
  const { host, port } = options;
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException): void => {
      const place = `${host.includes(":") ? `[${host}]` : host}:${port}`;
      const inUse = cause.code === "EADDRINUSE";
      reject(
        inUse
          ? new TallygateError("port-in-use", `${place}; stop that process or choose another port`)
          : new TallygateError("listen-failed", `${place} (${cause.code ?? "unknown"})`, cause),
      );
    };
    server.once("error", fail);
    server.listen({ host, port, backlog, reusePort: options.sharesPort === true }, () => {
      server.off("error", fail);
      resolve();
    });
  });
}

/** Resolves when no connection is left: idle ones are closed after a while, those in use after their reply, all in the end. */
function closed(
  front: Front,
  of: {
    readonly withinMs: number;
    readonly idleAfterMs: number;
    readonly closeSilent: () => void;
  },
): Promise<void> {
  const { server } = front;
  const { withinMs, idleAfterMs, closeSilent } = of;
  return new Promise((resolve) => {
    const deadline = setTimeout(() => {
      front.closeHandshakes();
      server.closeAllConnections();
    }, withinMs);
    // After what came meanwhile was read: a process that did not run for a while is late with its timers, too.
    const closeIdle = (): void => {
      setImmediate(() => {
        closeSilent();
        server.closeIdleConnections();
      });
    };
    let closing: NodeJS.Timeout | undefined;
    const linger = setTimeout(
      () => {
        front.closeHandshakes();
        closeIdle();
        // A reply that began before the stop did not say that it is the last.
        closing = setInterval(closeIdle, closeIdleMs);
      },
      Math.min(idleAfterMs, withinMs),
    );
    // That of node:http would close what is idle at once.
    NetServer.prototype.close.call(server, () => {
      clearTimeout(deadline);
      clearTimeout(linger);
      clearInterval(closing);
      // Ends its timers.
      server.close(() => {});
      resolve();
    });
  });
}

/** llhttp's reason, by code: its texts change. */
function statusOf(cause: NodeJS.ErrnoException): number {
  switch (cause.code) {
    case "HPE_HEADER_OVERFLOW":
      return 431;
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return 413;
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return 408;
    default:
      return 400;
  }
}

const reasons: Readonly<Record<number, string>> = {
  400: "Bad Request",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  431: "Request Header Fields Too Large",
};

/** Answers on the bare socket, since there is no request to answer, and closes it. */
function refuse(socket: Duplex, status: number, taker: ExchangeTaker): void {
  const busy = (socket as { _httpMessage?: { headersSent: boolean } })._httpMessage;
  // Bytes in the middle of another reply would be taken for its body.
  if (!socket.writable || busy?.headersSent === true) {
    socket.destroy();
    return;
  }
  const { headers, body } = taker.refuse(status);
  const lines = [`HTTP/1.1 ${status} ${reasons[status] ?? ""}`];
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  lines.push(`content-length: ${Buffer.byteLength(body)}`, "connection: close");
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}
