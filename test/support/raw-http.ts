/**
 * HTTP/1.1 by hand: what goes over a socket as bytes, told as Latin-1 text. Strict: what is not exactly as it must be is
 * never taken for a message.
 */

import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface RawMessage {
  /** Request line or status line. */
  readonly start: string;
  /** Name and value, as written. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
}

/** The whole messages at the beginning of `text`, and what is left. A reply without length ends with `isOver`. */
export function readMessages(
  text: string,
  isOver = false,
): { readonly messages: readonly RawMessage[]; readonly rest: string } {
  const messages: RawMessage[] = [];
  let rest = text;
  for (;;) {
    const read = readMessage(rest, isOver);
    if (read === undefined) return { messages, rest };
    messages.push(read.message);
    rest = rest.slice(read.length);
  }
}

function readMessage(
  text: string,
  isOver: boolean,
): { readonly message: RawMessage; readonly length: number } | undefined {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const [start = "", ...lines] = text.slice(0, headEnd).split("\r\n");
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "")];
  });
  const from = headEnd + 4;
  const bodyOf = bodyReader(start, fields, isOver);
  const body = bodyOf(text, from);
  if (body === undefined) return undefined;
  return { message: { start, fields, body: body.text }, length: body.end };
}

type BodyReader = (text: string, from: number) => { text: string; end: number } | undefined;

function bodyReader(start: string, fields: RawMessage["fields"], isOver: boolean): BodyReader {
  const value = (name: string) => fields.find(([n]) => n.toLowerCase() === name)?.[1];
  const none: BodyReader = (_text, from) => ({ text: "", end: from });
  const status = /^HTTP\/1\.1 (\d{3})/.exec(start)?.[1];
  if (status !== undefined && /^(1\d\d|204|304)$/.test(status)) return none;
  if (value("transfer-encoding") === "chunked") return readChunks;
  const length = value("content-length");
  if (length !== undefined) {
    const bytes = Number(length);
    return (text, from) =>
      text.length < from + bytes
        ? undefined
        : { text: text.slice(from, from + bytes), end: from + bytes };
  }
  if (status === undefined) return none;
  return (text, from) => (isOver ? { text: text.slice(from), end: text.length } : undefined);
}

/** A message without its body. */
function headOf(text: string): ReturnType<typeof readMessage> {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [start = ""] = text.split("\r\n", 1);
  return { message: { start, fields: [], body: "" }, length: end + 4 };
}

function readChunks(text: string, from: number): { text: string; end: number } | undefined {
  let at = from;
  let body = "";
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    at = lineEnd + 2;
    if (size === 0) {
      return text.startsWith("\r\n", at) ? { text: body, end: at + 2 } : undefined;
    }
    if (text.length < at + size + 2) return undefined;
    body += text.slice(at, at + size);
    at += size + 2;
  }
}

/** Our side is ended. */
export const leaves: unique symbol = Symbol("leaves");

/** The connection is reset. */
export const resets: unique symbol = Symbol("resets");

/** Text is written; a number of milliseconds is waited. */
export type Step = string | number | typeof leaves | typeof resets;

export interface RawAnswer {
  readonly text: string;
  /** Whether the other side ended the connection. */
  readonly isClosed: boolean;
}

export interface RawCall {
  readonly port: number;
  readonly steps: readonly Step[];
  /** Asked after every read: enough is there. */
  readonly isEnough: (text: string) => boolean;
  readonly withinMs: number;
  readonly localAddress?: string;
}

/** Sends bytes on a connection of its own; reads until enough is there, the other side ends, or time is up. */
export function callRaw(call: RawCall): Promise<RawAnswer> {
  const { port, steps, isEnough, withinMs, localAddress } = call;
  const socket = connect({ port, host: "127.0.0.1", ...(localAddress && { localAddress }) });
  let text = "";
  let isClosed = false;
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, isClosed });
    };
    const timer = setTimeout(finish, withinMs);
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (isEnough(text)) finish();
    });
    socket.on("end", () => {
      isClosed = true;
      finish();
    });
    socket.on("close", () => {
      isClosed = true;
      finish();
    });
    socket.on("error", () => undefined);
    socket.once("connect", () => void writeSteps(socket, steps));
  });
}

export async function writeSteps(socket: Socket, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (socket.destroyed) return;
    if (typeof step === "number") await sleep(step);
    else if (step === leaves) socket.end();
    else if (step === resets) socket.resetAndDestroy();
    else socket.write(step, "latin1");
  }
}

/** What a recorder does with a whole request. */
export type Answering = (request: RawMessage, socket: Socket) => void;

export const answerOk: Answering = ({ start }, socket) => {
  // Of no length for HEAD, so that its reply reads as any other.
  const body = start.startsWith("HEAD ") ? "" : "ok";
  const fields = `content-type: text/plain\r\ncontent-length: ${body.length}`;
  socket.write(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\n${body}`);
};

/** A whole request as it came. */
export interface Recorded extends RawMessage {
  readonly text: string;
  /** Number of its connection. */
  readonly connection: number;
}

/** An upstream that keeps every request and believes everything. */
export class Recorder {
  /** In the order in which they were complete. */
  requests: Recorded[] = [];
  answering: Answering;
  /** A request is answered when its head is there, and its connection not looked at any further. */
  answersHeads = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #connections = 0;

  private constructor(answering: Answering) {
    this.answering = answering;
    this.#server = createServer((socket) => this.#serve(socket, ++this.#connections));
  }

  #serve(socket: Socket, connection: number): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined);
    let text = "";
    let isAnswered = false;
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (isAnswered) return;
      for (;;) {
        const read = readMessage(text, false) ?? (this.answersHeads ? headOf(text) : undefined);
        if (read === undefined) break;
        const request = { ...read.message, text: text.slice(0, read.length), connection };
        this.requests.push(request);
        text = text.slice(read.length);
        this.answering(request, socket);
        isAnswered = this.answersHeads;
      }
    });
  }

  static async start(answering: Answering = answerOk): Promise<Recorder> {
    const recorder = new Recorder(answering);
    await new Promise<void>((resolve) => recorder.#server.listen(0, "127.0.0.1", resolve));
    return recorder;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#sockets.size;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Value of a message's field; several joined by ", "; undefined: none. */
export function fieldOf(message: RawMessage, name: string): string | undefined {
  const values = message.fields.filter(([n]) => n.toLowerCase() === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(", ");
}
