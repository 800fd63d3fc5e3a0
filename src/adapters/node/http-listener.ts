/**
 * The public listener of a gateway on node:http. It sees to what the door cannot (`gateway/door.ts`): bytes that are no
 * request, clients that are slow, connections that are too many, and what follows the last request of a connection.
 */

import { type IncomingMessage, type Server, ServerResponse } from "node:http";
import { type AddressInfo, Server as NetServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ListenerConfig } from "../../access/compiled-config.ts";
import { present } from "../../base/assert.ts";
import { TallygateError } from "../../base/errors.ts";
import type { ExchangeTaker, Listener } from "../../ports/listener.ts";
import { refuseBare, statusOf } from "./bare-refusal.ts";
import { ClientConnection } from "./client-connection.ts";
import { ConnectionCaps } from "./connection-caps.ts";
import { type Front, type FrontOptions, frontServer } from "./front-server.ts";
import { NodeExchange } from "./http-exchange.ts";
import { PaceKeeper } from "./pace-keeper.ts";

/** How often node looks for heads and requests that are too slow, ms: seldom, it would have many to refuse in one turn. */
const timeoutCheckMs = 50;

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
  /** The newest: what a changed configuration says holds for open connections as well. */
  readonly limits: () => ListenerConfig;
  /** Peer addresses of one client have one group, in which connections are counted; "" is not counted. */
  readonly groupOf: (peerAddress: string) => string;
  /** Value of Strict-Transport-Security in every reply; "" or left out: none. */
  readonly strictTransportSecurity?: string;
}

/** Resolves when the port is open. Fails with `port-in-use` or `listen-failed`. */
export async function listenHttp(options: ListenOptions, taker: ExchangeTaker): Promise<Listener> {
  const { strictTransportSecurity = "" } = options;
  let limits = options.limits();
  let isStopping = false;
  const http = {
    connectionsCheckingInterval: timeoutCheckMs,
    // The door checks Host itself, and answers in its own words.
    requireHostHeader: false,
    // Whatever the process was started with.
    insecureHTTPParser: false,
    noDelay: true,
    // Any other upgrade is a field that says nothing: the request is answered in HTTP/1.1.
    shouldUpgradeCallback: asksWebSocket,
  };
  const front = frontServer(http, options);
  const { server } = front;
  // By default node drops what comes after the thousandth field, be it the key.
  server.maxHeadersCount = 0;
  limitServer(server, limits);

  /** When the last call came or the last connection was opened. */
  let lastSeenMs = Number.NEGATIVE_INFINITY;
  const caps = new ConnectionCaps(options.groupOf);
  let opened = 0;
  front.onOpened((socket, address) => {
    opened++;
    caps.admit(socket, address, limits.connectionsPerAddressMax);
  });
  /** By the sockets that requests are read off. */
  const clients = new Map<Socket, ClientConnection>();
  front.onReadable(({ socket, wire, connection }) => {
    lastSeenMs = performance.now();
    const client = new ClientConnection(socket, { wire, connection, strictTransportSecurity });
    // One that the kernel had accepted before the stop.
    client.isLast = isStopping;
    clients.set(socket, client);
    const leave = pace.add(client);
    socket.once("close", () => {
      clients.delete(socket);
      leave();
    });
  });
  const take = (
    request: IncomingMessage,
    response: ServerResponse,
    { awaitsContinue = false, upgrade }: { awaitsContinue?: boolean; upgrade?: Uint8Array },
  ) => {
    lastSeenMs = performance.now();
    const client = present(clients.get(request.socket), "a connection");
    // Node has read it in the packet of the last request; nobody would get the reply.
    if (client.isClosed) return;
    client.requests++;
    if (client.requests >= limits.requestsPerConnectionMax) {
      client.isLast = true;
      client.close();
    }
    const bodyMaxBytes = limits.bodyOfAnyRouteMaxBytes;
    const of = { client, awaitsContinue, bodyMaxBytes, upgrade };
    const exchange = new NodeExchange(request, response, of);
    client.newest = exchange;
    taker.take(exchange);
  };
  server.on("request", (request, response) => take(request, response, {}));
  server.on("checkContinue", (request, response) =>
    take(request, response, { awaitsContinue: true }),
  );
  // The door refuses it.
  server.on("checkExpectation", (request, response) =>
    take(request, response, { awaitsContinue: true }),
  );
  server.on("upgrade", (request, socket, head) => {
    // Behind requests that are not answered yet there is no telling whose bytes are whose.
    if (isBusy(socket)) socket.destroy();
    else take(request, lastResponse(request, socket as Socket), { upgrade: head });
  });
  server.on("connect", (_request, socket) => refuse(socket, 405, taker));
  server.on("clientError", (cause, socket) => refuse(socket, statusOf(cause), taker));
  const pace = new PaceKeeper(() => {
    if (limits !== options.limits()) {
      limits = options.limits();
      limitServer(server, limits);
    }
    return limits;
  });

  try {
    await listening(server, options);
  } catch (cause) {
    pace.stop();
    throw cause;
  }
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => [...clients.keys()].filter(({ destroyed }) => !destroyed).length,
    async stop(withinMs) {
      await acceptWaiting(() => opened);
      // Not before: whose reply closes its connection comes back at once, and may find the port closed under it.
      isStopping = true;
      for (const client of clients.values()) client.isLast = true;
      // Node does not count as idle what has never sent anything.
      const closeSilent = (): void => {
        for (const socket of clients.keys()) if (socket.bytesRead === 0) socket.destroy();
      };
      // The server does not count what has been upgraded among its own.
      const deadline = setTimeout(() => {
        for (const socket of clients.keys()) socket.destroy();
      }, withinMs);
      const idleAfterMs = Math.max(0, lingerMs - (performance.now() - lastSeenMs));
      await closed(front, { withinMs, idleAfterMs, closeSilent });
      clearTimeout(deadline);
      pace.stop();
    },
  };
}

/** What node sees to itself. Its own type lacks the bound on a head, which each connection takes over when it opens. */
function limitServer(server: Server, limits: ListenerConfig): void {
  server.headersTimeout = limits.headTimeoutMs;
  server.requestTimeout = limits.requestTimeoutMs;
  server.keepAliveTimeout = limits.idleTimeoutMs;
  server.maxConnections = limits.connectionsMax;
  (server as Server & { maxHeaderSize: number }).maxHeaderSize = limits.headMaxBytes;
}

/** By Node's own note of the response that has the socket. */
function isBusy(socket: Duplex): boolean {
  const { _httpMessage } = socket as { _httpMessage?: unknown };
  return _httpMessage !== undefined && _httpMessage !== null;
}

/** RFC 6455, 4.1: a GET without a body. The rest is between client and upstream. */
function asksWebSocket({ method, httpVersion, headers }: IncomingMessage): boolean {
  return (
    method === "GET" &&
    httpVersion === "1.1" &&
    headers.upgrade?.toLowerCase() === "websocket" &&
    headers["sec-websocket-key"] !== undefined &&
    headers["content-length"] === undefined &&
    headers["transfer-encoding"] === undefined
  );
}

/** Node reads no further requests off a connection that asks for an upgrade, so a reply in HTTP is its last. */
function lastResponse(request: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  // Node has let go of the socket, and of telling the response about it.
  socket.on("drain", () => response.emit("drain"));
  response.once("finish", () => {
    response.detachSocket(socket);
    socket.destroySoon();
  });
  return response;
}

function refuse(socket: Duplex, status: number, taker: ExchangeTaker): void {
  refuseBare(socket as Socket, status, taker);
}

function listening(server: Server, options: ListenOptions): Promise<void> {
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

/**
 * Resolves when nobody waits to be accepted: the kernel resets those when their port is closed. A turn of the event loop accepts
 * one connection.
 */
async function acceptWaiting(opened: () => number): Promise<void> {
  let before = -1;
  for (let turn = 0; turn < backlog && opened() > before; turn++) {
    before = opened();
    for (let each = 0; each < 2; each++) await new Promise((resolve) => setImmediate(resolve));
  }
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
