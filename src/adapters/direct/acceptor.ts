/**
 * The hub's side of the link, on the upgrade requests of the hub's HTTP server. Nothing reaches a listener before join
 * token and producer secret are proved, and no message that is not well formed ever does.
 */

import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { equalSecrets, sha256, sha256Hex } from "../../base/hash.ts";
import type { ProducerId } from "../../base/words.ts";
import type {
  GatewayMessage,
  HubEnd,
  HubMessage,
  LinkAcceptor,
  LinkPeer,
} from "../../ports/link.ts";
import { parseGatewayMessage } from "./messages.ts";
import { type HandshakeRefusal, type LinkRefusal, writeRefusal } from "./refusals.ts";
import { SocketEnd, socketOptions } from "./socket-end.ts";

/** Connections and handshakes at one time. Each is a gateway process: a hundred regions of ten fit. */
export const linkConnectionsMax = 1024;

export interface DirectAcceptorOptions {
  /** Anything else that asks it for an upgrade is answered 404. */
  readonly server: Server;
  readonly joinToken: string;
  /** Whether the peer presents the client certificate that it must; default: none is asked for. */
  readonly hasCertificate?: (request: IncomingMessage) => boolean;
  /** SHA-256, hex, of the producer's secret; undefined: never seen. */
  readonly producerSecret: (producer: ProducerId) => string | undefined;
  /** Stores it durably; `producerSecret` knows it once this resolves. */
  readonly registerProducer: (producer: ProducerId, secretHash: string) => Promise<void>;
  /** Counts. `error`: why a producer could not be registered. */
  readonly onRefusal?: (refusal: LinkRefusal, error?: unknown) => void;
  /** Default `linkConnectionsMax`. */
  readonly connectionsMax?: number;
  /** Default 5,000; a peer that is silent for three is dead. */
  readonly pingIntervalMs?: number;
}

export interface DirectAcceptor extends LinkAcceptor {
  /**
   * At most one per producer: the newer wins, and the older's `onClose` is called before the newer's `onConnection`.
   * Before a listener is set, all are refused as `not-ready`.
   */
  onConnection(listener: (end: HubEnd, peer: LinkPeer) => void): void;
  connections(): number;
  /** Refuses new connections and closes the open ones. The server stays the owner's. */
  close(): void;
}

export function directAcceptor(options: DirectAcceptorOptions): DirectAcceptor {
  const { server, onRefusal = () => {} } = options;
  const upgrades = new WebSocketServer({ noServer: true, clientTracking: false, ...socketOptions });
  const ends = new Map<ProducerId, SocketEnd<HubMessage, GatewayMessage>>();
  const credentials = credentialCheck(options);
  const connectionsMax = options.connectionsMax ?? linkConnectionsMax;
  let handshakes = 0;
  let listener: ((end: HubEnd, peer: LinkPeer) => void) | undefined;

  const refuse = (socket: Duplex, refusal: HandshakeRefusal, error?: unknown): void => {
    onRefusal(refusal, error);
    writeRefusal(socket, refusal);
  };

  const open = (request: IncomingMessage, socket: Socket, head: Buffer, producer: ProducerId) => {
    upgrades.handleUpgrade(request, socket, head, (ws) => {
      ends.get(producer)?.closeAtOnce("replaced", "a newer connection of this producer");
      const end = new SocketEnd<HubMessage, GatewayMessage>(ws, socket, {
        parse: (header) => parseOf(producer, header),
        onRefused: (refusal) => onRefusal(refusal),
        pingIntervalMs: options.pingIntervalMs,
      });
      ends.set(producer, end);
      ws.once("close", () => {
        if (ends.get(producer) === end) ends.delete(producer);
      });
      listener?.(end, { producer });
    });
  };

  const onUpgrade = async (request: IncomingMessage, socket: Socket, head: Buffer) => {
    // Until ws takes over: a peer that resets meanwhile ends its handshake, not the hub.
    socket.on("error", () => socket.destroy());
    if (pathOf(request) !== "/link/v1") return refuse(socket, "path");
    if (options.hasCertificate?.(request) === false) return refuse(socket, "client-certificate");
    if (!credentials.knowsJoinToken(request)) return refuse(socket, "join-token");
    if (listener === undefined) return refuse(socket, "not-ready");
    const claim = credentials.claimOf(request);
    if (claim === undefined) return refuse(socket, "producer-malformed");
    const taken = ends.size + handshakes - (ends.has(claim.producer) ? 1 : 0);
    if (taken >= connectionsMax) return refuse(socket, "connections");
    handshakes++;
    try {
      if (!(await credentials.prove(claim))) return refuse(socket, "producer-secret");
    } catch (error) {
      return refuse(socket, "not-ready", error);
    } finally {
      handshakes--;
    }
    // Closed meanwhile.
    if (listener === undefined) return refuse(socket, "not-ready");
    open(request, socket, head, claim.producer);
  };

  const upgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    void onUpgrade(request, socket as Socket, head);
  };
  upgrades.on("wsClientError", (_error, socket) => refuse(socket, "handshake"));
  server.on("upgrade", upgradeListener);

  return {
    onConnection(next) {
      listener = next;
    },
    connections: () => ends.size,
    close() {
      server.off("upgrade", upgradeListener);
      listener = undefined;
      for (const end of [...ends.values()]) end.closeAtOnce("going-away", "the hub stops");
      ends.clear();
    },
  };
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? "").split("?", 1)[0] as string;
}

function parseOf(producer: ProducerId, header: unknown) {
  const parsed = parseGatewayMessage(header);
  if (parsed.ok && parsed.message.kind === "hello" && parsed.message.producer !== producer) {
    return { ok: false, field: "producer", refusal: "producer-mismatch" } as const;
  }
  return parsed;
}

interface Claim {
  readonly producer: ProducerId;
  readonly secretHash: string;
}

function credentialCheck(options: DirectAcceptorOptions) {
  const joinHash = sha256(options.joinToken);
  /** First uses under way, so that of two secrets at once only one is stored. */
  const registering = new Map<ProducerId, Promise<void>>();

  const register = (claim: Claim): Promise<void> => {
    const stored = options
      .registerProducer(claim.producer, claim.secretHash)
      .finally(() => registering.delete(claim.producer));
    registering.set(claim.producer, stored);
    return stored;
  };

  return {
    // Of hashes, so that the time tells neither length nor content.
    knowsJoinToken(request: IncomingMessage): boolean {
      const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
      return options.joinToken !== "" && equalSecrets(sha256(token), joinHash);
    },

    claimOf(request: IncomingMessage): Claim | undefined {
      const producer = String(request.headers["x-tallygate-producer"]);
      const secret = String(request.headers["x-tallygate-producer-secret"]);
      const isWellFormed = /^[0-9a-f]{32}$/.test(producer) && /^[0-9a-f]{64}$/.test(secret);
      return isWellFormed ? { producer, secretHash: sha256Hex(secret) } : undefined;
    },

    /** Registers a producer at its first use. Rejects if that failed. */
    async prove(claim: Claim): Promise<boolean> {
      await registering.get(claim.producer);
      if (options.producerSecret(claim.producer) === undefined) {
        await (registering.get(claim.producer) ?? register(claim));
      }
      const known = options.producerSecret(claim.producer) ?? "";
      return equalSecrets(Buffer.from(known), Buffer.from(claim.secretHash));
    },
  };
}
