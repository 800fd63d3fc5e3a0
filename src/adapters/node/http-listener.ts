/**
 * The public listener of a gateway on node:http. It sees to what the door cannot (`gateway/door.ts`): bytes that are no
 * request, clients that are slow, connections that are too many, and what follows the last request of a connection.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, Server as NetServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ListenerConfig } from "../../access/compiled-config.ts";
import { TallygateError } from "../../base/errors.ts";
import type { ExchangeTaker, Listener } from "../../ports/listener.ts";
import { refuseBare, statusOf } from "./bare-refusal.ts";
import { ClientConnection } from "./client-connection.ts";
import { ConnectionCaps } from "./connection-caps.ts";
import { NodeExchange } from "./http-exchange.ts";

/** How often node looks for requests that are too slow, and we for clients, ms. */
const timeoutCheckMs = 500;

/**
 * A connection on which a call came this lately may carry the next one already: closed now, that call would be lost. Its
 * reply says `Connection: close`, and what has not called until then is closed.
 */
const lingerMs = 500;

/** How often idle connections are closed after that. */
const closeIdleMs = 25;

/** Connections that wait to be accepted; the kernel's own bound (somaxconn) may be lower. */
const backlog = 4_096;

export interface ListenOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Several processes may listen on the port, and the kernel spreads connections over them. */
  readonly sharesPort?: boolean;
  readonly limits: ListenerConfig;
  /** Peer addresses of one client have one group, in which connections are counted; "" is not counted. */
  readonly groupOf: (peerAddress: string) => string;
}

const clientKey = Symbol("client");
type ClientSocket = Socket & { [clientKey]?: ClientConnection };

/** Resolves when the port is open. Fails with `port-in-use` or `listen-failed`. */
export async function listenHttp(options: ListenOptions, taker: ExchangeTaker): Promise<Listener> {
  const { limits } = options;
  let isStopping = false;
  const server = createServer({
    headersTimeout: limits.headTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: timeoutCheckMs,
    maxHeaderSize: limits.headMaxBytes,
    // The door checks Host itself, and answers in its own words.
    requireHostHeader: false,
    // Whatever the process was started with.
    insecureHTTPParser: false,
    noDelay: true,
  });
  // By default node drops what comes after the thousandth field, be it the key.
  server.maxHeadersCount = 0;
  server.maxConnections = limits.connectionsMax;

  let lastCallMs = Number.NEGATIVE_INFINITY;
  const sockets = new Set<ClientSocket>();
  const caps = new ConnectionCaps(options.groupOf);
  server.on("connection", (socket: ClientSocket) => {
    if (!caps.admit(socket, socket.remoteAddress ?? "", limits.connectionsPerAddressMax)) return;
    socket[clientKey] = clientOf(socket);
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const take = (request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean) => {
    lastCallMs = performance.now();
    const client = (request.socket as ClientSocket)[clientKey] ?? clientOf(request.socket);
    // Node has read it in the packet of the last request; nobody would get the reply.
    if (client.isClosed) return;
    client.requests++;
    if (client.requests >= limits.requestsPerConnectionMax) {
      client.isLast = true;
      client.close();
    }
    const { bodyMaxBytes } = limits;
    const exchange = new NodeExchange(request, response, { client, awaitsContinue, bodyMaxBytes });
    client.newest = exchange;
    taker.take(exchange);
  };
  server.on("request", (request, response) => take(request, response, false));
  server.on("checkContinue", (request, response) => take(request, response, true));
  // The door refuses it.
  server.on("checkExpectation", (request, response) => take(request, response, true));
  server.on("connect", (_request, socket) => refuse(socket, 405, taker));
  server.on("clientError", (cause, socket) => refuse(socket, statusOf(cause as Error), taker));
  const pacing = setInterval(() => {
    for (const socket of sockets) socket[clientKey]?.checkPace(timeoutCheckMs, limits);
  }, timeoutCheckMs);

  try {
    await opened(server, options);
  } catch (cause) {
    clearInterval(pacing);
    throw cause;
  }
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => sockets.size,
    async stop(withinMs) {
      isStopping = true;
      for (const socket of sockets) {
        const client = socket[clientKey];
        if (client !== undefined) client.isLast = true;
        // Node does not count as idle what has never sent anything.
        if (socket.bytesRead === 0) socket.destroy();
      }
      const sinceCallMs = performance.now() - lastCallMs;
      await closed(server, { withinMs, idleAfterMs: Math.max(0, lingerMs - sinceCallMs) });
      clearInterval(pacing);
    },
  };

  function clientOf(socket: Socket): ClientConnection {
    const peerAddress = socket.remoteAddress ?? "";
    const connection = { peerAddress, protocol: "http" as const, scratch: undefined };
    const client = new ClientConnection(socket, connection);
    // Accepted by the kernel before the stop.
    client.isLast = isStopping;
    return client;
  }
}

function refuse(socket: Duplex, status: number, taker: ExchangeTaker): void {
  refuseBare(socket as Socket, status, taker);
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
  server: Server,
  { withinMs, idleAfterMs }: { readonly withinMs: number; readonly idleAfterMs: number },
): Promise<void> {
  return new Promise((resolve) => {
    const deadline = setTimeout(() => server.closeAllConnections(), withinMs);
    let closing: NodeJS.Timeout | undefined;
    const linger = setTimeout(
      () => {
        server.closeIdleConnections();
        // A reply that began before the stop did not say that it is the last.
        closing = setInterval(() => server.closeIdleConnections(), closeIdleMs);
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
