/**
 * The node server that takes calls: plain HTTP or HTTPS, behind balancers that speak the PROXY protocol or not. Of a
 * connection it knows two things before anybody reads its first byte: who is at the other end, and what it speaks.
 */

import { createServer, type Server, type ServerOptions } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Connection } from "../../ports/listener.ts";
import { proxyHeaderMsMax, takeProxyHeader } from "./proxy-protocol.ts";
import type { CertificateStore } from "./tls-store.ts";

/**
 * TLS handshakes in progress, at most. An honest one takes a few round trips; where more begin than that, the one that has
 * waited longest gives way, so that whoever opens connections and says nothing keeps only each other out.
 */
export const handshakesMax = 1_024;

/** Milliseconds of a TLS handshake. Three round trips of the slowest mobile networks fit four times. */
export const handshakeMsMax = 10_000;

export interface FrontOptions {
  readonly tls?: CertificateStore | undefined;
  /** Whose connections begin with a PROXY protocol header; undefined: nobody's. */
  readonly hasProxyHeader?: ((peerAddress: string) => boolean) | undefined;
  /** Default `handshakesMax`. */
  readonly handshakesMax?: number | undefined;
  /** Default `handshakeMsMax`. */
  readonly handshakeMsMax?: number | undefined;
  /** Default `proxyHeaderMsMax`. */
  readonly proxyHeaderMsMax?: number | undefined;
}

export interface ReadableConnection {
  /** That of its requests. */
  readonly socket: Socket;
  /** The one below TLS, else the same: its bytes are those that go to the kernel. */
  readonly wire: Socket;
  readonly connection: Connection;
}

export interface Front {
  readonly server: Server;
  /**
   * Called with each accepted connection, as soon as its peer's address is known and before TLS or HTTP is read. The
   * listener may destroy it. `socket` is not the one of its requests where they come over TLS.
   */
  onOpened(listener: (socket: Socket, peerAddress: string) => void): void;
  /** Called with each connection once HTTP is read off it, before the first request. */
  onReadable(listener: (readable: ReadableConnection) => void): void;
  /** Closes connections of which HTTP knows nothing yet: those with a PROXY header or a TLS handshake in progress. */
  closeHandshakes(): void;
}

export function frontServer(http: ServerOptions, options: FrontOptions = {}): Front {
  const { tls, hasProxyHeader } = options;
  const protocol = tls === undefined ? "http" : "https";
  const handshakes = new Handshakes(options.handshakesMax ?? handshakesMax, tls);
  const server = tls === undefined ? createServer(http) : secureServer(http, { ...options, tls });
  /** Addresses that PROXY headers named, by connection. */
  const named = new Map<string, string>();
  const openListeners: ((socket: Socket, peerAddress: string) => void)[] = [];
  const readListeners: ((readable: ReadableConnection) => void)[] = [];

  const readable = (socket: Socket, wire: Socket, peerAddress: string): void => {
    const connection = { peerAddress, protocol, scratch: undefined } as const;
    for (const listener of readListeners) listener({ socket, wire, connection });
  };
  server.on("secureConnection", (socket: TLSSocket) => {
    const id = connectionId(socket);
    tls?.countHandshake("done");
    readable(socket, handshakes.end(id) ?? socket, named.get(id) ?? addressOf(socket));
  });

  // Node's own reader of the connection, of TLS or of HTTP; it comes after us.
  const readers = server.listeners("connection") as ((this: Server, socket: Socket) => void)[];
  server.removeAllListeners("connection");
  const pass = (socket: Socket, peerAddress: string): void => {
    for (const listener of openListeners) listener(socket, peerAddress);
    if (socket.destroyed) return;
    if (tls === undefined) readable(socket, socket, peerAddress);
    for (const reader of readers) reader.call(server, socket);
  };
  const passNamed = (socket: Socket, address: string | undefined): void => {
    if (address !== undefined && tls !== undefined) {
      const id = connectionId(socket);
      named.set(id, address);
      socket.once("close", () => named.delete(id));
    }
    pass(socket, address ?? addressOf(socket));
    if (tls !== undefined) return;
    handshakes.end(connectionId(socket));
    // TLS would read the connection by itself.
    socket.resume();
  };
  server.on("connection", (socket: Socket) => {
    const hasHeader = hasProxyHeader?.(addressOf(socket)) === true;
    if (hasHeader || tls !== undefined) handshakes.begin(socket);
    if (!hasHeader) return pass(socket, addressOf(socket));
    const take = (address: string | undefined): void => passNamed(socket, address);
    takeProxyHeader(socket, take, options.proxyHeaderMsMax ?? proxyHeaderMsMax);
  });

  return {
    server,
    onOpened: (listener) => void openListeners.push(listener),
    onReadable: (listener) => void readListeners.push(listener),
    closeHandshakes: () => handshakes.close(),
  };
}

function secureServer(
  http: ServerOptions,
  options: FrontOptions & { readonly tls: CertificateStore },
): Server {
  const { tls } = options;
  const server = createSecureServer({
    ...http,
    ...tls.serverOptions,
    ALPNProtocols: ["http/1.1"],
    handshakeTimeout: options.handshakeMsMax ?? handshakeMsMax,
  });
  tls.attach(server);
  // There is nobody to answer in HTTP, which is what node's own listener would have done.
  server.removeAllListeners("tlsClientError");
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    tls.countHandshake(error.code === "ERR_TLS_HANDSHAKE_TIMEOUT" ? "timed-out" : "failed");
    socket.destroy();
  });
  return server;
}

/** Connections between being accepted and being HTTP's. */
class Handshakes {
  readonly #max: number;
  readonly #tls: CertificateStore | undefined;
  /** The one that has waited longest comes first. */
  readonly #sockets = new Map<string, Socket>();

  constructor(max: number, tls: CertificateStore | undefined) {
    this.#max = max;
    this.#tls = tls;
  }

  begin(socket: Socket): void {
    const id = connectionId(socket);
    for (const [oldest, given] of this.#sockets) {
      if (this.#sockets.size < this.#max) break;
      this.#sockets.delete(oldest);
      given.destroy();
      this.#tls?.countHandshake("crowded-out");
    }
    this.#sockets.set(id, socket);
    socket.once("close", () => {
      if (this.#sockets.get(id) === socket) this.#sockets.delete(id);
    });
  }

  /** The socket that began it; undefined: it gave way. */
  end(id: string): Socket | undefined {
    const socket = this.#sockets.get(id);
    this.#sockets.delete(id);
    return socket;
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
  }
}

function addressOf(socket: Socket): string {
  return socket.remoteAddress ?? "";
}

/**
 * The same for the socket below TLS and the one above it, between which node shows no other link. Unique among the open
 * connections of a listener.
 */
function connectionId(socket: Socket): string {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
