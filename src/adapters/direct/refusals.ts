/** Why the hub's port turns a connection away, and what it answers then. */

import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type ErrorCode, errorCatalogue } from "../../base/errors.ts";
import type { MessageRefusal } from "./messages.ts";

export type HandshakeRefusal =
  | "path"
  | "handshake"
  | "client-certificate"
  | "join-token"
  | "producer-malformed"
  | "producer-secret"
  | "connections"
  | "not-ready";

/** Everything that is refused, for the counter's label. */
export type LinkRefusal = HandshakeRefusal | MessageRefusal;

interface Answer {
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
}

const answers: Readonly<Record<HandshakeRefusal, Answer>> = {
  path: { status: 404, code: "not-found", detail: "Only /link/v1 speaks WebSocket." },
  handshake: { status: 400, code: "request-invalid", detail: "Not a WebSocket handshake." },
  "client-certificate": {
    status: 401,
    code: "join-refused",
    detail: "Present a client certificate of the hub's CA.",
  },
  "join-token": { status: 401, code: "join-refused", detail: "Give the hub's join token." },
  "producer-malformed": {
    status: 403,
    code: "producer-refused",
    detail: "The producer's id is 32 and its secret 64 lower-case hex digits.",
  },
  "producer-secret": {
    status: 403,
    code: "producer-refused",
    detail: "This producer's id is registered with another secret.",
  },
  connections: {
    status: 503,
    code: "hub-refused",
    detail: "The hub has as many connections as it takes.",
  },
  "not-ready": { status: 503, code: "hub-refused", detail: "The hub is not ready. Try again." },
};

/** Answers the upgrade request and closes its socket. */
export function writeRefusal(socket: Duplex, refusal: HandshakeRefusal): void {
  const { status, code, detail } = answers[refusal];
  const body = JSON.stringify({ type: "about:blank", title: errorCatalogue[code], status, detail });
  const fields = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "content-type: application/problem+json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  if (status === 401) fields.push("www-authenticate: Bearer");
  if (status === 503) fields.push("retry-after: 1");
  socket.once("finish", () => socket.destroy());
  socket.end(`${fields.join("\r\n")}\r\n\r\n${body}`);
}
