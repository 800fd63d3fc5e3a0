/** A request without a socket, and what was answered to it. */

import type {
  BodyFault,
  ByteStream,
  Connection,
  Exchange,
  HeaderList,
} from "../../ports/listener.ts";

export interface FakeRequest {
  readonly method?: string;
  readonly target: string;
  /** Host is added unless it is there, or `host` is false. */
  readonly headers?: HeaderList;
  readonly host?: false;
  readonly httpVersion?: string;
  readonly peer?: string;
  /** Parts that are there at once, or come when they come. */
  readonly body?: readonly Uint8Array[] | AsyncIterable<Uint8Array>;
  readonly asksUpgrade?: boolean;
  /** Shared by several requests of one connection. */
  readonly connection?: Connection;
}

/** One end of a connection, in the test's hands. */
export class FakeStream implements ByteStream {
  text = "";
  hasRoom = true;
  isPaused = false;
  isEnded = false;
  isDestroyed = false;
  on: Parameters<ByteStream["listen"]>[0] | undefined;

  listen(on: Parameters<ByteStream["listen"]>[0]): void {
    this.on = on;
  }

  /** Bytes come from the other end. */
  comes(text: string): void {
    this.on?.data(new TextEncoder().encode(text));
  }

  write(bytes: Uint8Array): boolean {
    this.text += new TextDecoder().decode(bytes);
    return this.hasRoom;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    this.isEnded = true;
  }

  destroy(): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    this.on?.closed();
  }
}

export class FakeExchange implements Exchange {
  readonly connection: Connection;
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  readonly headers: HeaderList;
  readonly hasBody: boolean;
  scratch: unknown;
  readonly asksUpgrade: boolean;
  /** The connection after an upgrade. */
  readonly stream = new FakeStream();
  bodyFault: BodyFault | "" = "";
  status = 0;
  replyHeaders: readonly string[] = [];
  text = "";
  /** Of the reply. */
  state: "open" | "streaming" | "ended" | "aborted" = "open";
  /** What `write` answers. */
  hasRoom = true;
  hasLeft = false;
  readonly #body: NonNullable<FakeRequest["body"]>;
  #drain: () => void = () => {};
  #closed: (() => void) | undefined;
  #webRequest: Request | undefined;

  constructor(request: FakeRequest) {
    const { peer = "192.0.2.1", body = [], headers = [] } = request;
    this.connection = request.connection ?? {
      peerAddress: peer,
      protocol: "http",
      scratch: undefined,
    };
    this.method = request.method ?? "GET";
    this.target = request.target;
    this.httpVersion = request.httpVersion ?? "1.1";
    this.headers = request.host === false ? headers : ["Host", "api.example.com", ...headers];
    this.hasBody = Symbol.asyncIterator in body || body.length > 0;
    this.asksUpgrade = request.asksUpgrade ?? false;
    this.#body = body;
  }

  body(): AsyncIterable<Uint8Array> {
    return Symbol.asyncIterator in this.#body ? this.#body : partsOf(this.#body);
  }

  webRequest(): Request {
    this.#webRequest ??= new Request(`http://api.example.com${this.target}`, {
      method: this.method,
    });
    return this.#webRequest;
  }

  reply(status: number, headers: string[], body: string | Uint8Array | undefined): void {
    if (this.state !== "open" || this.hasLeft) return;
    this.status = status;
    this.replyHeaders = headers;
    this.text = typeof body === "string" ? body : new TextDecoder().decode(body);
    this.state = "ended";
  }

  startReply(status: number, headers: string[]): void {
    if (this.state !== "open" || this.hasLeft) return;
    this.status = status;
    this.replyHeaders = headers;
    this.state = "streaming";
  }

  takeOver(): FakeStream {
    return this.stream;
  }

  write(bytes: Uint8Array): boolean {
    this.text += new TextDecoder().decode(bytes);
    return this.hasRoom;
  }

  end(): void {
    if (this.state === "streaming") this.state = "ended";
  }

  abort(): void {
    this.state = "aborted";
  }

  onDrain(listener: () => void): void {
    this.#drain = listener;
  }

  onClosed(listener: () => void): void {
    this.#closed = listener;
    if (this.hasLeft) listener();
  }

  drain(): void {
    this.hasRoom = true;
    this.#drain();
  }

  /** The client goes away. */
  leave(): void {
    this.hasLeft = true;
    if (this.state !== "ended") this.#closed?.();
  }

  /** Value of a reply field; several joined by ", "; undefined: none. */
  header(name: string): string | undefined {
    const values: string[] = [];
    for (let i = 0; i < this.replyHeaders.length; i += 2) {
      if (this.replyHeaders[i]?.toLowerCase() === name.toLowerCase()) {
        values.push(this.replyHeaders[i + 1] as string);
      }
    }
    return values.length === 0 ? undefined : values.join(", ");
  }

  json(): Record<string, unknown> {
    return JSON.parse(this.text) as Record<string, unknown>;
  }
}

async function* partsOf(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}
