/**
 * A TCP proxy that treats the bytes of a link as a bad network would, each direction by itself, changeable while it runs.
 *
 * TCP hides loss from those who use it, and so does this: what a network drops arrives later, in order, after a sender's
 * time-out for retransmission. A direction that is *stalled* delivers nothing, the end of a connection included, until it
 * is healed; what was written meanwhile is kept up to a bound, beyond which the sender cannot write any more.
 *
 * Not like a network: a connection to the proxy is accepted even where the server cannot be reached. Its first bytes open
 * the way to the server.
 */

import { connect, createServer, type Server, type Socket } from "node:net";
import {
  type Direction,
  type FaultCounts,
  type LinkFaults,
  noFaults,
  Pipe,
  type PipeSurroundings,
} from "./fault-pipe.ts";

export interface FaultProxyOptions {
  /** 0 to below 1; default `Math.random`. */
  readonly random?: () => number;
}

export class FaultProxy {
  readonly counts: FaultCounts = { connections: 0, lostSegments: 0, corruptedBytes: 0, cut: 0 };
  readonly #target: URL;
  readonly #server: Server;
  readonly #random: () => number;
  readonly #faults: Record<Direction, LinkFaults> = { up: noFaults, down: noFaults };
  readonly #connections = new Set<Connection>();

  private constructor(target: string, { random = Math.random }: FaultProxyOptions) {
    this.#target = new URL(target);
    this.#random = random;
    // Half of a connection may end before the other.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      this.#accept(client);
    });
  }

  /** `target`: `http://HOST:PORT`, which need not listen yet. */
  static async start(target: string, options: FaultProxyOptions = {}): Promise<FaultProxy> {
    const proxy = new FaultProxy(target, options);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once("error", reject);
      proxy.#server.listen(0, "127.0.0.1", resolve);
    });
    return proxy;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy has stopped");
    return `http://127.0.0.1:${address.port}`;
  }

  get openConnections(): number {
    return this.#connections.size;
  }

  /** Bytes taken from senders and not delivered. */
  get heldBytes(): number {
    return [...this.#connections].reduce((sum, { heldBytes }) => sum + heldBytes, 0);
  }

  /** From now on, for connections that are open, too; what is on its way keeps its time of arrival. */
  set(directions: readonly Direction[], faults: Partial<LinkFaults>): void {
    for (const direction of directions) {
      this.#faults[direction] = { ...this.#faults[direction], ...faults };
    }
    for (const connection of this.#connections) connection.changed();
  }

  /** No more faults, those ordered for later included; what was held is delivered. */
  heal(): void {
    for (const direction of ["up", "down"] as const) {
      this.cutAfter(direction, Number.POSITIVE_INFINITY);
      this.corruptAfter(direction, Number.POSITIVE_INFINITY);
    }
    this.set(["up", "down"], noFaults);
  }

  /** Both ends of every connection get a RST, now; what was held is lost. */
  reset(): void {
    for (const connection of this.#connections) connection.reset();
  }

  /** Open connections deliver nothing any more, and tell nobody, whatever the faults are: both ends are half-open. */
  forget(): void {
    for (const connection of this.#connections) connection.forget();
  }

  /** Every open connection is reset once so many more bytes have passed in a direction. */
  cutAfter(direction: Direction, bytes: number): void {
    for (const connection of this.#connections) connection.pipe(direction).cutAfter(bytes);
  }

  /** In every open connection one bit of the byte after so many more is flipped. */
  corruptAfter(direction: Direction, bytes: number): void {
    for (const connection of this.#connections) connection.pipe(direction).corruptAfter(bytes);
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.reset();
    await closed;
  }

  #accept(client: Socket): void {
    this.counts.connections++;
    const connection: Connection = new Connection(client, {
      faults: this.#faults,
      random: this.#random,
      counts: this.counts,
      open: () => {
        const { hostname, port } = this.#target;
        return connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true });
      },
      onClosed: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
  }
}

interface Surroundings extends PipeSurroundings {
  /** Connects to the server. */
  readonly open: () => Socket;
  readonly onClosed: () => void;
}

class Connection {
  readonly #up: Pipe;
  readonly #down: Pipe;
  readonly #client: Socket;
  readonly #outside: Surroundings;
  #server: Socket | undefined;
  #isClosed = false;

  constructor(client: Socket, outside: Surroundings) {
    this.#client = client;
    this.#outside = outside;
    const broken = (): void => this.reset();
    this.#up = new Pipe("up", outside, { sink: () => this.#serverSocket(), broken });
    this.#down = new Pipe("down", outside, { sink: () => client, broken });
    this.#up.readFrom(client);
    client.on("close", () => this.#closeIfDone());
  }

  get heldBytes(): number {
    return this.#up.heldBytes + this.#down.heldBytes;
  }

  pipe(direction: Direction): Pipe {
    return direction === "up" ? this.#up : this.#down;
  }

  changed(): void {
    this.#up.deliver();
    this.#down.deliver();
  }

  forget(): void {
    this.#up.forget();
    this.#down.forget();
  }

  reset(): void {
    this.#client.resetAndDestroy();
    this.#server?.resetAndDestroy();
    this.#close();
  }

  #serverSocket(): Socket {
    if (this.#server !== undefined) return this.#server;
    const server = this.#outside.open();
    this.#server = server;
    this.#down.readFrom(server);
    server.on("close", () => this.#closeIfDone());
    return server;
  }

  /** Both sockets are gone, and nothing is to be told to either. */
  #closeIfDone(): void {
    if (!this.#client.destroyed) return;
    if (this.#server !== undefined && !this.#server.destroyed) return;
    // Where the way is blocked, the server never hears of a connection that was given up.
    const isOnItsWay = this.heldBytes > 0 && !this.#outside.faults.up.isStalled;
    if (this.#server === undefined && isOnItsWay) return;
    this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#up.close();
    this.#down.close();
    this.#outside.onClosed();
  }
}
