/**
 * The link between simulated gateways and a simulated hub. A connection keeps its order and gives every message once while
 * it lasts; faults delay, hold back one direction, repeat, refuse to connect, or cut, and with the cut all that was on its way.
 */

import { type ErrorCode, TallygateError } from "../base/errors.ts";
import { sha256Hex } from "../base/hash.ts";
import type { ProducerId } from "../base/words.ts";
import type { ProducerIdentity } from "../ports/journal.ts";
import type {
  GatewayEnd,
  GatewayMessage,
  HubEnd,
  HubMessage,
  LinkAcceptor,
  LinkDialer,
  LinkEnd,
  LinkPeer,
} from "../ports/link.ts";
import type { RegistryStore } from "../ports/registry-store.ts";
import type { Owner, World } from "./world.ts";

export type Direction = "up" | "down";

/** Where a hub runs: as a rule there is one. */
export type HubPlace = "main" | "copy";

interface Listening {
  readonly hub: Owner | undefined;
  readonly secrets: ProducerSecrets;
  readonly listener: (end: HubEnd, peer: LinkPeer) => void;
}

/** How one gateway's way to the hub behaves now. */
export interface Route {
  delayMs: number;
  /** Added at random to each message's delay. */
  jitterMs: number;
  /** Directions in which nothing arrives. */
  readonly blocked: Set<Direction>;
  /** Share of the messages that arrive twice. */
  repeats: number;
  /** Where it leads to; undefined: to the hub that there should be. */
  place?: HubPlace | undefined;
}

/** How long a gateway waits to be let in. */
const handshakeMs = 5_000;
const joinToken = "join-token";

/** Where the hub keeps who its producers are. */
export type ProducerSecrets = Pick<RegistryStore, "producerSecret" | "putProducer">;

/** Told of every message that arrives, before the receiver is. */
export type Watch = (
  producer: ProducerId,
  message: GatewayMessage | HubMessage,
  payload: Uint8Array,
  hub: Owner | undefined,
) => void;

class End<Out extends object, In extends object> implements LinkEnd<Out, In> {
  bufferedBytes = 0;
  peer!: End<In, Out>;
  isClosed = false;
  readonly #connection: Connection;
  readonly #direction: Direction;
  readonly owner: Owner | undefined;
  #listener: ((message: In, payload: Uint8Array) => void) | undefined;
  #early: { readonly message: In; readonly payload: Uint8Array }[] = [];
  #onClose: ((reason: string) => void) | undefined;
  #closedFor: string | undefined;

  constructor(connection: Connection, direction: Direction, owner: Owner | undefined) {
    this.#connection = connection;
    this.#direction = direction;
    this.owner = owner;
  }

  send(message: Out, payload: Uint8Array = new Uint8Array(0)): void {
    if (this.isClosed) return;
    const copy = new Uint8Array(payload);
    this.bufferedBytes += copy.length + 1;
    let isBuffered = true;
    this.#connection.carry(this.#direction, () => {
      if (isBuffered) this.bufferedBytes -= copy.length + 1;
      isBuffered = false;
      // The listener owns what it is given: what arrives twice is not the same twice.
      this.peer.deliver(message, this.#connection.repeats ? copy.slice() : copy);
    });
  }

  deliver(message: In, payload: Uint8Array): void {
    if (this.isClosed) return;
    this.#connection.watch(message as never, payload);
    if (this.#listener === undefined) this.#early.push({ message, payload });
    else this.#listener(message, payload);
  }

  onMessage(listener: (message: In, payload: Uint8Array) => void): void {
    this.#listener = listener;
    for (const { message, payload } of this.#early.splice(0)) listener(message, payload);
  }

  onClose(listener: (reason: string) => void): void {
    this.#onClose = listener;
    if (this.#closedFor !== undefined) listener(this.#closedFor);
  }

  close(reason: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#connection.carry(this.#direction, () => this.peer.end(reason));
    this.#connection.later(this, () => this.end(reason));
  }

  /** The connection is over for this end: told once. */
  end(reason: string): void {
    if (this.#closedFor !== undefined) return;
    this.isClosed = true;
    this.#closedFor = reason;
    this.#onClose?.(reason);
  }
}

class Connection {
  readonly gateway: End<GatewayMessage, HubMessage>;
  readonly hub: End<HubMessage, GatewayMessage>;
  readonly #network: Network;
  readonly #route: Route;
  readonly producer: ProducerId;
  readonly #last = { up: 0, down: 0 };
  readonly #held: Record<Direction, (() => void)[]> = { up: [], down: [] };
  isCut = false;

  constructor(
    network: Network,
    route: Route,
    parts: { producer: ProducerId; gateway: Owner | undefined; hub: Owner | undefined },
  ) {
    this.#network = network;
    this.#route = route;
    this.producer = parts.producer;
    this.gateway = new End(this, "up", parts.gateway);
    this.hub = new End(this, "down", parts.hub);
    this.gateway.peer = this.hub;
    this.hub.peer = this.gateway;
  }

  get repeats(): boolean {
    return this.#route.repeats > 0;
  }

  watch(message: GatewayMessage | HubMessage, payload: Uint8Array): void {
    this.#network.watch?.(this.producer, message, payload, this.hub.owner);
  }

  later(end: { readonly owner: Owner | undefined }, run: () => void): void {
    this.#network.world.schedule(0, end.owner, run);
  }

  carry(direction: Direction, arrive: () => void): void {
    const { world } = this.#network;
    const { delayMs, jitterMs, repeats, blocked } = this.#route;
    if (blocked.has(direction)) {
      world.count("fault: message held back");
      this.#held[direction].push(arrive);
      return;
    }
    const atMs = Math.max(
      this.#last[direction],
      world.nowMs + delayMs + world.between(0, jitterMs),
    );
    this.#last[direction] = atMs;
    const receiver = direction === "up" ? this.hub.owner : this.gateway.owner;
    const run = (): void => {
      if (this.isCut) return;
      if (this.#route.blocked.has(direction)) this.#held[direction].push(arrive);
      else arrive();
    };
    world.schedule(atMs - world.nowMs, receiver, run);
    if (repeats > 0 && world.chance(repeats)) {
      world.count("fault: message repeated");
      world.schedule(atMs - world.nowMs, receiver, run);
    }
  }

  /** What was held back goes on its way, in order. */
  release(): void {
    for (const direction of ["up", "down"] as const) {
      for (const arrive of this.#held[direction].splice(0)) this.carry(direction, arrive);
    }
  }

  /** Lost, with all that is on its way. */
  cut(reason: string): void {
    if (this.isCut) return;
    this.isCut = true;
    for (const end of [this.gateway, this.hub]) {
      end.isClosed = true;
      this.later(end, () => end.end(reason));
    }
  }

  /** The hub gives it up at once, for a newer one. */
  replace(): void {
    this.cut("a newer connection of this producer");
    this.hub.end("replaced");
  }
}

export class Network {
  readonly world: World;
  watch: Watch | undefined;
  /** What accepts connections, by place: the newest start of the hub there. */
  readonly #hubs = new Map<HubPlace, Listening>();
  #connections: Connection[] = [];

  constructor(world: World) {
    this.world = world;
  }

  /** For one start of a hub, which takes over the address. */
  acceptor(hub: Owner | undefined, place: HubPlace, secrets: ProducerSecrets): LinkAcceptor {
    return {
      onConnection: (listener) => {
        this.#hubs.set(place, { hub, secrets, listener });
      },
    };
  }

  /** The hub's process is gone: its machine closes what it had open. */
  closeHub(hub: Owner): void {
    for (const [place, listening] of this.#hubs) {
      if (listening.hub === hub) this.#hubs.delete(place);
    }
    for (const connection of this.#connections) {
      if (connection.hub.owner === hub) connection.cut("connection lost");
    }
    this.#connections = this.#connections.filter(({ isCut }) => !isCut);
  }

  dialer(
    identity: ProducerIdentity,
    route: Route,
    owner: Owner | undefined,
    token = joinToken,
  ): LinkDialer {
    return { connect: () => this.#connect({ identity, token }, route, owner) };
  }

  /** Cuts the connections of a producer. */
  cut(producer: ProducerId): void {
    for (const connection of this.#of(producer)) {
      connection.cut("connection lost");
      this.world.count("fault: connection cut");
    }
    this.#connections = this.#connections.filter(({ isCut }) => !isCut);
  }

  release(producer: ProducerId): void {
    for (const connection of this.#of(producer)) connection.release();
  }

  #of(producer: ProducerId): Connection[] {
    return this.#connections.filter((connection) => connection.producer === producer);
  }

  #connect(claim: Claim, route: Route, owner: Owner | undefined): Promise<GatewayEnd> {
    return new Promise((resolve, reject) => {
      const refuse = (code: ErrorCode): void => reject(new TallygateError(code, "not let in"));
      const attempt = (): void => {
        const found = this.#hubs.get(route.place ?? "main");
        const stoppedMs = (found?.hub?.pausedUntilMs ?? 0) - this.world.nowMs;
        // It is there and does not answer.
        if (stoppedMs > 0 && found?.hub?.isDead === false) {
          this.world.schedule(stoppedMs, owner, attempt);
          return;
        }
        if (found === undefined || route.blocked.size > 0 || found.hub?.isDead === true) {
          this.world.count("fault: connection refused");
          return refuse("hub-unreachable");
        }
        const { hub } = found;
        this.world.schedule(handshakeMs, owner, () => refuse("hub-unreachable"));
        void this.#admits(claim, found.secrets).then((answer) => {
          // One of the two is gone: whoever is left will not wait for ever.
          if (hub?.isDead === true || owner?.isDead === true) return;
          if (answer !== "admitted") return refuse(answer);
          resolve(this.#open(claim.identity.producer, route, { gateway: owner, ...found }));
        });
      };
      this.world.schedule(2 * route.delayMs, owner, attempt);
    });
  }

  async #admits(
    { identity, token }: Claim,
    secrets: ProducerSecrets,
  ): Promise<"admitted" | ErrorCode> {
    const { producer, secret } = identity;
    if (token !== joinToken) return "join-refused";
    if (!/^[0-9a-f]{32}$/.test(producer)) return "producer-refused";
    const hash = sha256Hex(secret);
    try {
      if (secrets.producerSecret(producer) === undefined) await secrets.putProducer(producer, hash);
    } catch {
      return "hub-refused";
    }
    return secrets.producerSecret(producer) === hash ? "admitted" : "producer-refused";
  }

  /** At each hub at most one per producer: the newer wins. */
  #open(
    producer: ProducerId,
    route: Route,
    parts: {
      readonly gateway: Owner | undefined;
      readonly hub: Owner | undefined;
      readonly listener: (end: HubEnd, peer: LinkPeer) => void;
    },
  ): GatewayEnd {
    for (const older of this.#of(producer)) {
      if (older.hub.owner === parts.hub) older.replace();
    }
    const connection = new Connection(this, route, { producer, ...parts });
    this.#connections = this.#connections.filter(({ isCut }) => !isCut);
    this.#connections.push(connection);
    parts.listener(connection.hub, { producer });
    return connection.gateway;
  }
}

/** What a gateway shows to be let in. */
interface Claim {
  readonly identity: ProducerIdentity;
  readonly token: string;
}
