/**
 * Requests to a thread of our own and their replies, over `postMessage`: the caller's side.
 * `thread-server.ts` is the other.
 *
 * The thread keeps the process alive only while a request is under way. A thread that dies rejects
 * what is under way and everything after it.
 */

import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { type ErrorCode, TallygateError } from "../../base/errors.ts";

/** One kind of request: what goes there, what comes back, and what comes in parts before the reply. */
export interface Call<Request, Reply, Part = never> {
  readonly request: Request;
  readonly reply: Reply;
  readonly part: Part;
}

export type ThreadApi<Api> = { readonly [Kind in keyof Api]: Call<unknown, unknown, unknown> };

export interface RequestMessage {
  readonly id: number;
  readonly kind: string;
  readonly request: unknown;
}

/** An error as it crosses: `code` undefined for a bug. */
export interface CrossingError {
  readonly code: ErrorCode | undefined;
  readonly detail: string;
  readonly cause: string;
}

export type ReplyMessage =
  | { readonly id: number; readonly reply: unknown }
  | { readonly id: number; readonly part: unknown }
  | { readonly id: number; readonly error: CrossingError };

export interface ThreadStart {
  /** URL of the module that asks for the thread: `import.meta.url`. */
  readonly from: string;
  /** File name of the thread's module beside it, without extension. */
  readonly module: string;
  readonly data: object;
  /** Code of the failure if the thread dies. */
  readonly failed: ErrorCode;
  /** Messages of the thread that answer no request. */
  readonly onEvent?: (event: unknown) => void;
  /** The thread has ended and was not told to. Requests are rejected whether there is a listener or not. */
  readonly onDeath?: (failure: TallygateError) => void;
}

/** Parts sent and not yet consumed, at most; the thread waits. Parts are a few MB at most. */
export const partsInFlightMax = 8;
/**
 * Of the thread's own heap. Buffers that were transferred to it, and statements that are dead, hold memory outside the heap
 * until the collector runs, which is when this is full: by default after up to a hundred megabytes of small objects.
 */
const maxYoungGenerationSizeMb = 6;
/** Id of the message with which a thread says that it has started. */
export const startId = 0;

/**
 * A copy that may be transferred: a view would take along, or be refused for, the whole buffer behind it. Not `slice`, which for a
 * Buffer is a view.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

interface Waiting {
  readonly resolve: (reply: never) => void;
  readonly reject: (error: unknown) => void;
  readonly onPart: ((part: never) => void) | undefined;
}

export class Thread<Api extends ThreadApi<Api>> {
  readonly #worker: Worker;
  readonly #failed: ErrorCode;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onEvent: ((event: unknown) => void) | undefined;
  readonly #onDeath: ((failure: TallygateError) => void) | undefined;
  readonly #partsInFlight = new Int32Array(new SharedArrayBuffer(4));
  #lastId = startId;
  #dead: TallygateError | undefined;
  #isEnding = false;

  private constructor(start: ThreadStart) {
    this.#failed = start.failed;
    this.#onEvent = start.onEvent;
    this.#onDeath = start.onDeath;
    // The module stands beside its caller, in the sources (.ts) as in the package (.js).
    const url = new URL(`./${start.module}${extname(start.from)}`, start.from);
    this.#worker = new Worker(url, {
      name: start.module,
      // Not those of the process: what it was told of its own main module (`--input-type`) stops a thread.
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb },
      workerData: { ...start.data, partsInFlight: this.#partsInFlight },
    });
    this.#worker.on("message", (message: unknown) => this.#receive(message));
    this.#worker.on("error", (error) => this.#die("stopped by an error", error));
    this.#worker.on("exit", () => this.#die("has ended", undefined));
  }

  /** Starts the thread; resolves with what it says when it is ready, rejects with what kept it from it. */
  static async start<Api extends ThreadApi<Api>, Ready>(
    start: ThreadStart,
  ): Promise<{ readonly thread: Thread<Api>; readonly ready: Ready }> {
    const thread = new Thread<Api>(start);
    const ready = await thread.#expect<Ready>(startId, undefined);
    return { thread, ready };
  }

  /** Buffers in `transfer` are gone for the caller. */
  call<Kind extends keyof Api & string>(
    kind: Kind,
    request: Api[Kind]["request"],
    options: {
      readonly transfer?: readonly ArrayBuffer[];
      readonly onPart?: (part: Api[Kind]["part"]) => void;
    } = {},
  ): Promise<Api[Kind]["reply"]> {
    if (this.#dead) return Promise.reject(this.#dead);
    this.#lastId++;
    const message: RequestMessage = { id: this.#lastId, kind, request };
    this.#worker.postMessage(message, options.transfer ?? []);
    return this.#expect(message.id, options.onPart);
  }

  /** Ends a thread whose last request was answered. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#worker.terminate();
  }

  #expect<Reply>(id: number, onPart: Waiting["onPart"]): Promise<Reply> {
    if (this.#waiting.size === 0) this.#worker.ref();
    return new Promise<Reply>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onPart });
    });
  }

  #receive(message: unknown): void {
    if (!isReply(message)) {
      this.#onEvent?.(message);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    if ("part" in message) {
      this.#deliverPart(message.id, waiting, message.part);
      return;
    }
    this.#settled(message.id);
    if ("error" in message) waiting.reject(fromCrossing(message.error));
    else waiting.resolve(message.reply as never);
  }

  #deliverPart(id: number, waiting: Waiting, part: unknown): void {
    try {
      waiting.onPart?.(part as never);
    } catch (error) {
      // The listener's failure is the caller's; the rest of the parts are read and dropped.
      this.#waiting.set(id, { ...waiting, resolve: () => {}, onPart: undefined });
      waiting.reject(error);
    }
    Atomics.sub(this.#partsInFlight, 0, 1);
    Atomics.notify(this.#partsInFlight, 0);
  }

  #settled(id: number): void {
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker.unref();
  }

  #die(how: string, cause: unknown): void {
    // An error is followed by the exit.
    if (this.#dead !== undefined) return;
    this.#dead = new TallygateError(this.#failed, `The storage thread ${how}.`, cause);
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(this.#dead);
    if (!this.#isEnding) this.#onDeath?.(this.#dead);
  }
}

function isReply(message: unknown): message is ReplyMessage {
  return typeof message === "object" && message !== null && "id" in message;
}

function fromCrossing(error: CrossingError): Error {
  if (error.code === undefined) return new Error(error.detail);
  return new TallygateError(error.code, error.detail, error.cause);
}
