/** The gateway's side of the link: one WebSocket to the hub's `/link/v1`. */

import type { Socket } from "node:net";
import { WebSocket } from "ws";
import { isCertificateError } from "../../base/certificate-error.ts";
import { type ErrorCode, TallygateError } from "../../base/errors.ts";
import type { ProducerIdentity } from "../../ports/journal.ts";
import type { GatewayEnd, GatewayMessage, HubMessage, LinkDialer } from "../../ports/link.ts";
import { type MessageRefusal, parseHubMessage } from "./messages.ts";
import { SocketEnd, socketOptions } from "./socket-end.ts";

/** Milliseconds to connect and to be accepted. */
const handshakeTimeoutMs = 5_000;

/** PEM. */
export interface LinkTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface DirectDialerOptions {
  /** The hub, `http:` or `https:`; a path is kept as prefix. */
  readonly url: string;
  readonly joinToken: string;
  readonly identity: ProducerIdentity;
  /** For an https hub, asked at each attempt: CAs to trust instead of Node's, a client certificate to present. */
  readonly tls?: () => LinkTls;
  /** Delays each message by this, one way, both ways; default 0. */
  readonly delayMs?: number;
  /** A message of the hub's was refused; the connection closes. */
  readonly onRefused?: (refusal: MessageRefusal, field: string) => void;
  /** Default 5,000. */
  readonly handshakeTimeoutMs?: number;
  /** Default 5,000; a peer that is silent for three is dead. */
  readonly pingIntervalMs?: number;
}

export function directDialer(options: DirectDialerOptions): LinkDialer {
  const target = new URL(options.url);
  target.pathname = `${target.pathname.replace(/\/+$/, "")}/link/v1`;
  return { connect: () => connect(target, options) };
}

async function connect(target: URL, options: DirectDialerOptions): Promise<GatewayEnd> {
  if (!/^[\x21-\x7e]+$/.test(options.joinToken)) {
    throw new TallygateError("join-refused", "the token is empty or holds a space or a line end");
  }
  const tls = target.protocol === "https:" ? options.tls?.() : undefined;
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(target, {
      ...socketOptions,
      ...tls,
      minVersion: "TLSv1.2",
      // Whatever the environment says of certificates in general.
      rejectUnauthorized: true,
      handshakeTimeout: options.handshakeTimeoutMs ?? handshakeTimeoutMs,
      headers: {
        authorization: `Bearer ${options.joinToken}`,
        "x-tallygate-producer": options.identity.producer,
        "x-tallygate-producer-secret": options.identity.secret,
      },
    });
    let stream: Socket;
    ws.once("upgrade", (response) => {
      stream = response.socket;
    });
    ws.once("unexpected-response", (request, response) => {
      request.destroy();
      reject(refusalError(target, response.statusCode ?? 0));
    });
    const onError = (error: Error & { readonly code?: string }): void => {
      reject(connectError(target, error));
    };
    ws.on("error", onError);
    ws.once("open", () => {
      ws.off("error", onError);
      resolve(
        new SocketEnd<GatewayMessage, HubMessage>(ws, stream, {
          parse: parseHubMessage,
          onRefused: options.onRefused ?? (() => {}),
          delayMs: options.delayMs,
          pingIntervalMs: options.pingIntervalMs,
        }),
      );
    });
  });
}

function connectError({ origin }: URL, error: Error & { readonly code?: string }): TallygateError {
  const { code } = error;
  if (code !== undefined && isCertificateError(code)) {
    const detail = `${origin} (${code}); hub.ca names the CA that issued it`;
    return new TallygateError("hub-untrusted", detail, error);
  }
  const why = code === undefined ? "" : ` (${code})`;
  return new TallygateError("hub-unreachable", `${origin} does not answer${why}`, error);
}

const codeOfStatus = new Map<number, ErrorCode>([
  [401, "join-refused"],
  [403, "producer-refused"],
  [503, "hub-refused"],
]);

function refusalError(target: URL, status: number): TallygateError {
  const code = codeOfStatus.get(status) ?? "hub-unreachable";
  return new TallygateError(code, `${target.origin} answered ${status} to /link/v1`);
}
