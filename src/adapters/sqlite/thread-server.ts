/** Requests to a thread of our own and their replies: the thread's side of `thread.ts`. */

import { flushCompileCache } from "node:module";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { present } from "../../base/assert.ts";
import { TallygateError } from "../../base/errors.ts";
import { type FailureContext, storeError } from "./sqlite-error.ts";
import {
  type CrossingError,
  partsInFlightMax,
  type RequestMessage,
  startId,
  type ThreadApi,
} from "./thread.ts";

/** What a handler may do beside returning its reply. */
export interface Exchange<Part> {
  /** Sends a part before the reply; waits while too many are under way. */
  emit(part: Part, transfer: readonly ArrayBuffer[]): void;
  /** Buffers of the reply that need no copy. */
  readonly transfer: ArrayBuffer[];
}

export type Handlers<Api extends ThreadApi<Api>> = {
  readonly [Kind in keyof Api]: (
    request: Api[Kind]["request"],
    exchange: Exchange<Api[Kind]["part"]>,
  ) => Api[Kind]["reply"];
};

export interface Served<Api extends ThreadApi<Api>, Ready> {
  readonly handlers: Handlers<Api>;
  readonly ready: Ready;
}

/**
 * Opens with the data given to `Thread.start`, then answers requests one after the other, in order. Replies to
 * failures by code; an error that is no failure reaches the caller as a plain `Error`.
 */
export function serveThread<Api extends ThreadApi<Api>, Data, Ready>(
  open: (data: Data) => Served<Api, Ready>,
  context: (data: Data) => FailureContext,
): void {
  const port = present(parentPort, "parent port");
  const failure = context(workerData as Data);
  let handlers: Handlers<Api>;
  try {
    const served = open(workerData as Data);
    handlers = served.handlers;
    port.postMessage({ id: startId, reply: served.ready });
    // Where there is such a cache: a thread may never end in order, which is when it would be kept.
    flushCompileCache();
  } catch (error) {
    replyError(port, startId, storeError(error, failure));
    return;
  }
  port.on("message", (message: RequestMessage) => {
    const transfer: ArrayBuffer[] = [];
    const emit = (part: unknown, buffers: readonly ArrayBuffer[]) =>
      emitPart(port, { id: message.id, part }, buffers);
    try {
      const handler = handlers[message.kind as keyof Api];
      const reply = handler(message.request, { emit, transfer });
      port.postMessage({ id: message.id, reply }, transfer);
    } catch (error) {
      replyError(port, message.id, storeError(error, failure));
    }
  });
}

export function replyError(port: MessagePort, id: number, error: unknown): void {
  const crossing: CrossingError =
    error instanceof TallygateError
      ? { code: error.code, detail: error.detail, cause: textOf(error.cause) }
      : { code: undefined, detail: textOf(error), cause: "" };
  port.postMessage({ id, error: crossing });
}

function textOf(error: unknown): string {
  if (error instanceof Error) return error.stack ?? error.message;
  return typeof error === "string" ? error : "";
}

function emitPart(
  port: MessagePort,
  message: { readonly id: number; readonly part: unknown },
  transfer: readonly ArrayBuffer[],
): void {
  const { partsInFlight } = workerData as { readonly partsInFlight: Int32Array };
  for (;;) {
    const inFlight = Atomics.load(partsInFlight, 0);
    if (inFlight < partsInFlightMax) break;
    Atomics.wait(partsInFlight, 0, inFlight);
  }
  Atomics.add(partsInFlight, 0, 1);
  port.postMessage(message, transfer);
}
