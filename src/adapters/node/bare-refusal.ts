/**
 * Answers for what node's parser refuses itself, where there is no request to answer: in our words, in the right place
 * among the replies of the connection, and then the connection closes.
 */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { ExchangeTaker } from "../../ports/listener.ts";
import { closeAfterReading } from "./client-connection.ts";

/** llhttp's and node's reasons, by code: their texts change. */
interface ParseFailure extends Error {
  readonly code?: string | undefined;
  readonly rawPacket?: Buffer;
  readonly bytesParsed?: number;
}

export function statusOf(cause: ParseFailure): number {
  switch (cause.code) {
    case "HPE_HEADER_OVERFLOW":
      return 431;
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return 413;
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return 408;
    case "HPE_INVALID_METHOD":
      return isUnknownMethod(cause) ? 501 : 400;
    default:
      return 400;
  }
}

const requestLine = /^[A-Z][A-Z-]{0,31} \/[!-~]* HTTP\/1\.[01]\r?$/;

/** Whether the line at which the parser stopped is a request line but for a method that it does not know. */
function isUnknownMethod({ rawPacket, bytesParsed }: ParseFailure): boolean {
  if (rawPacket === undefined || bytesParsed === undefined) return false;
  const start = bytesParsed === 0 ? 0 : rawPacket.lastIndexOf(0x0a, bytesParsed - 1) + 1;
  const end = rawPacket.indexOf(0x0a, start);
  return end > 0 && requestLine.test(rawPacket.toString("latin1", start, end));
}

const reasons: Readonly<Record<number, string>> = {
  400: "Bad Request",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
};

interface Reply {
  readonly headersSent: boolean;
  readonly req: IncomingMessage;
  once(event: "close", listener: () => void): unknown;
}

const isRefused = Symbol("refused");
type RefusableSocket = Socket & { _httpMessage?: Reply | null; [isRefused]?: true };

/** Once for a connection: whatever comes after the first fault on it is not read. */
export function refuseBare(socket: Socket, status: number, taker: ExchangeTaker): void {
  const refusable = socket as RefusableSocket;
  if (refusable[isRefused] === true) return;
  refusable[isRefused] = true;
  answer(refusable, status, taker);
}

function answer(socket: RefusableSocket, status: number, taker: ExchangeTaker): void {
  const pending = socket._httpMessage;
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  if (pending?.req.complete === true) {
    // The fault is in what follows a whole request: that one gets its reply first.
    socket.pause();
    pending.once("close", () => answer(socket, status, taker));
    return;
  }
  // Bytes in the middle of another reply would be taken for its body.
  if (pending?.headersSent === true) {
    socket.destroy();
    return;
  }
  const { headers, body } = taker.refuse(status);
  const lines = [`HTTP/1.1 ${status} ${reasons[status] ?? ""}`];
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  lines.push(`content-length: ${Buffer.byteLength(body)}`, "connection: close");
  socket.write(`${lines.join("\r\n")}\r\n\r\n${body}`);
  closeAfterReading(socket);
}
