/** One end of the link on an open WebSocket; the same for gateway and hub but for the messages. */

import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { type LinkEnd, linkMessageMaxBytes } from "../../ports/link.ts";
import { closeCodes, reasonOfClose, reasonText } from "./close-codes.ts";
import { DelayLine } from "./delay-line.ts";
import { decodeFrame, encodeFrame } from "./frame.ts";
import type { MessageRefusal, Parsed } from "./messages.ts";

/**
 * Bytes queued to a peer that does not read, at most: then the connection is closed. Senders pace themselves by
 * `bufferedBytes` and stay far below; twice this much for each of a few slow gateways is what a hub can bear.
 */
export const linkBufferedMaxBytes = 64 * 1024 * 1024;
/** Milliseconds between pings. */
export const pingIntervalMs = 5_000;
/**
 * Pings in a row without a byte from the peer before it counts as dead: 15 s. Counted in pings, not in time, so that a
 * machine that slept does not find all its peers dead when it wakes.
 */
const silentPingsMax = 3;
/** Received bytes that wait out a simulated delay; beyond, the socket is not read. */
const delayedMaxBytes = 16 * 1024 * 1024;

/** What `ws` is told at both ends. `closeTimeout`: ms that a closed peer gets to answer before its socket is destroyed. */
export const socketOptions = {
  perMessageDeflate: false,
  maxPayload: linkMessageMaxBytes,
  closeTimeout: 2_000,
} as const;

export interface SocketEndOptions<In> {
  readonly parse: (header: unknown) => Parsed<In>;
  /** Called once, before the listener of `onClose`, if a message was refused. */
  readonly onRefused: (refusal: MessageRefusal, field: string) => void;
  /** One way, both ways; default 0. */
  readonly delayMs?: number | undefined;
  readonly pingIntervalMs?: number | undefined;
}

/**
 * Messages wait unread until a listener is set. After `close`, nothing is delivered any more, what was sent before goes
 * out first, and `onClose` is told in the next microtask. Assumes an open socket.
 */
export class SocketEnd<Out extends object, In> implements LinkEnd<Out, In> {
  readonly #ws: WebSocket;
  readonly #stream: Socket;
  readonly #options: SocketEndOptions<In>;
  readonly #outgoing: DelayLine;
  readonly #incoming: DelayLine;
  readonly #pings: NodeJS.Timeout;
  #state: "open" | "closing" | "closed" = "open";
  #closeReason = "";
  #messageListener: ((message: In, payload: Uint8Array) => void) | undefined;
  #closeListener: ((reason: string) => void) | undefined;
  #bytesRead = 0;
  #silentPings = 0;

  constructor(ws: WebSocket, stream: Socket, options: SocketEndOptions<In>) {
    this.#ws = ws;
    this.#stream = stream;
    this.#options = options;
    this.#outgoing = new DelayLine(options.delayMs ?? 0);
    this.#incoming = new DelayLine(options.delayMs ?? 0);
    this.#pings = setInterval(() => this.#ping(), options.pingIntervalMs ?? pingIntervalMs).unref();
    ws.pause();
    ws.on("message", (data, isBinary) => this.#receive(data as Buffer, isBinary));
    ws.on("error", (error) => this.#fail(error));
    ws.on("close", (code, reason) => {
      clearInterval(this.#pings);
      this.#incoming.push(0, () => this.#finish(reasonOfClose(code, reason.toString())));
    });
  }

  get bufferedBytes(): number {
    return this.#outgoing.bytes + this.#ws.bufferedAmount;
  }

  send(message: Out, payload?: Uint8Array): void {
    if (this.#state !== "open") return;
    const frame = encodeFrame(message, payload);
    if (this.bufferedBytes + frame.length > linkBufferedMaxBytes) {
      // A sender does not expect to be told from within `send`.
      this.#state = "closing";
      queueMicrotask(() => this.closeAtOnce("too-slow", "the peer does not read"));
      return;
    }
    this.#outgoing.push(frame.length, () => this.#ws.send(frame));
  }

  onMessage(listener: (message: In, payload: Uint8Array) => void): void {
    this.#messageListener = listener;
    this.#ws.resume();
  }

  onClose(listener: (reason: string) => void): void {
    this.#closeListener = listener;
    if (this.#state === "closed") queueMicrotask(() => listener(this.#closeReason));
  }

  close(reason: string): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#outgoing.push(0, () => this.#ws.close(closeCodes.normal, reasonText(reason)));
    // The peer's answer to the close is behind what it still sends.
    this.#ws.resume();
    queueMicrotask(() => this.#finish(reason));
  }

  /** Like `close`, but the listener of `onClose` is told before this returns, and what waits is not sent. */
  closeAtOnce(code: keyof typeof closeCodes, reason: string): void {
    if (this.#state === "closed") return;
    this.#outgoing.clear();
    this.#ws.close(closeCodes[code], reasonText(reason));
    this.#ws.resume();
    if (code === "too-slow" || code === "silent") this.#ws.terminate();
    this.#finish(reason);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#state !== "open") return;
    this.#incoming.push(data.length, () => this.#deliver(data, isBinary));
    if (this.#incoming.bytes > delayedMaxBytes) this.#ws.pause();
  }

  #deliver(data: Buffer, isBinary: boolean): void {
    if (this.#state !== "open") return;
    if (this.#ws.isPaused && this.#incoming.bytes <= delayedMaxBytes) this.#ws.resume();
    const frame = isBinary ? decodeFrame(data) : undefined;
    if (frame === undefined) {
      this.#refuse("malformed", "");
      return;
    }
    const parsed = this.#options.parse(frame.header);
    if (parsed.ok) this.#messageListener?.(parsed.message, frame.payload);
    else this.#refuse(parsed.refusal ?? "malformed", parsed.field);
  }

  #refuse(refusal: MessageRefusal, field: string): void {
    this.#options.onRefused(refusal, field);
    this.closeAtOnce(refusal, field === "" ? `${refusal} message` : `${refusal} message: ${field}`);
  }

  #fail(error: Error & { readonly code?: string }): void {
    if (this.#state !== "open") return;
    if (error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") this.#refuse("too-large", "");
    else if (error.code?.startsWith("WS_ERR_")) this.#refuse("malformed", "");
    // Else the socket broke, and `close` follows.
  }

  #ping(): void {
    const { bytesRead } = this.#stream;
    if (bytesRead !== this.#bytesRead || this.#ws.isPaused) {
      this.#bytesRead = bytesRead;
      this.#silentPings = 0;
    } else if (++this.#silentPings >= silentPingsMax) {
      this.closeAtOnce("silent", "the peer is silent");
      return;
    }
    this.#ws.ping();
  }

  #finish(reason: string): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#closeReason = reason;
    this.#incoming.clear();
    this.#closeListener?.(reason);
  }
}
