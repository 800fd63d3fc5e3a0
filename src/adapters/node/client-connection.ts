/** What the listener keeps of one client connection: how many requests it has brought, whether it ends, how fast it is. */

import type { Socket } from "node:net";
import type { ListenerConfig } from "../../access/compiled-config.ts";
import type { Connection } from "../../ports/listener.ts";
import type { NodeExchange } from "./http-exchange.ts";

/** How long bytes are still taken from a client that has its last reply and goes on sending, ms. */
const lingerMs = 1_000;

export class ClientConnection {
  readonly connection: Connection;
  /** Value of the field in every reply; "" for none. */
  readonly strictTransportSecurity: string;
  /** Taken so far. */
  requests = 0;
  /** The reply to the newest request says `Connection: close`. */
  isLast = false;
  /** A reply that says so is on its way: what is behind it on the connection is not taken. */
  isClosed = false;
  /** Undefined once its body is complete. */
  newest: NodeExchange | undefined;
  readonly #socket: Socket;
  readonly #wire: Socket;
  readonly #body = new Pace();
  readonly #reply = new Pace();
  #paced: NodeExchange | undefined;

  constructor(
    socket: Socket,
    of: {
      /** Below TLS, else the same. */
      readonly wire: Socket;
      readonly connection: Connection;
      readonly strictTransportSecurity: string;
    },
  ) {
    this.#socket = socket;
    this.#wire = of.wire;
    this.connection = of.connection;
    this.strictTransportSecurity = of.strictTransportSecurity;
    const destroySoon = socket.destroySoon.bind(socket);
    // What node:http calls after the last reply. Closed with bytes unread, the connection would be reset, and the reply lost.
    socket.destroySoon = () => {
      if (this.newest?.awaitsBody === true) closeAfterReading(socket);
      else destroySoon();
    };
  }

  close(): void {
    this.isClosed = true;
  }

  /** To be called every `elapsedMs`. */
  checkPace(elapsedMs: number, limits: ListenerConfig): void {
    if (!this.#keepsUp(elapsedMs, limits)) this.#socket.destroy();
  }

  #keepsUp(elapsedMs: number, limits: ListenerConfig): boolean {
    const socket = this.#socket;
    const { rateMinBytes } = limits;
    if (socket.writableLength === 0) this.#reply.stop();
    else {
      const wire = this.#wire;
      // Of a long part only what the kernel has not taken is on the handle.
      const inKernel = (wire as { _handle?: { writeQueueSize?: number } })._handle;
      const sent = wire.bytesWritten - wire.writableLength - (inKernel?.writeQueueSize ?? 0);
      this.#reply.wait(sent, elapsedMs);
      if (this.#reply.isOver(limits.replyTimeoutMs, rateMinBytes)) return false;
    }
    const { newest } = this;
    if (newest === undefined) return true;
    if (newest.isComplete) {
      this.newest = undefined;
      this.#paced = undefined;
      return true;
    }
    if (newest !== this.#paced) {
      this.#paced = newest;
      this.#body.stop();
    }
    if (!newest.awaitsBody || socket.isPaused()) return true;
    this.#body.wait(socket.bytesRead, elapsedMs);
    if (!this.#body.isOver(limits.bodyTimeoutMs, rateMinBytes)) return true;
    this.#body.stop();
    return newest.tooSlow();
  }
}

/** How long the client has been waited for, against the bytes that it moved since then. */
class Pace {
  #isWaiting = false;
  #waitedMs = 0;
  #from = 0;
  #bytes = 0;

  stop(): void {
    this.#isWaiting = false;
  }

  /** `bytes`: moved on the connection so far. */
  wait(bytes: number, elapsedMs: number): void {
    if (!this.#isWaiting) {
      this.#isWaiting = true;
      this.#waitedMs = 0;
      this.#from = bytes;
    }
    this.#bytes = bytes;
    this.#waitedMs += elapsedMs;
  }

  isOver(timeoutMs: number, rateMinBytes: number): boolean {
    const moved = Math.max(0, this.#bytes - this.#from);
    const earnedMs = rateMinBytes === 0 ? 0 : (moved * 1_000) / rateMinBytes;
    return this.#waitedMs > timeoutMs + earnedMs;
  }
}

/** Ends the connection, and drops for a moment what the client is still sending. */
export function closeAfterReading(socket: Socket): void {
  if (!socket.writableEnded) socket.end();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(timer));
}
