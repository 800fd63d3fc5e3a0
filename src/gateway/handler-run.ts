/**
 * Runs a route's handler. One that returns a Response at once costs no promise and no timer; a promise is given the
 * route's time-out. What the handler does wrong is a 500 for this call, a line in the log, and nothing to
 * others.
 */

import { hopByHopFields, ownFields } from "../access/field-names.ts";
import type { HandlerCall, HandlerHost, ResponseParts } from "../ports/handler.ts";
import type { AwaitedCall, Call, CallServices, ReplyStream } from "./call.ts";

export function runHandler(
  call: Call,
  handlerCall: HandlerCall,
  parts: { readonly services: CallServices; readonly host: HandlerHost },
): void {
  const { services, host } = parts;
  const { clock } = services;
  const startedMs = clock.monotonicMs();
  let result: Response | Promise<Response>;
  try {
    const handler = call.route.handler as NonNullable<typeof call.route.handler>;
    result = handler(call.exchange.webRequest(call.route.config.bodyMaxBytes), handlerCall);
  } catch (cause) {
    failed(call, services, cause);
    return;
  }
  call.elsewhereMs = clock.monotonicMs() - startedMs;
  if (isThenable(result)) awaitHandler(call, result, { services, host, startedMs });
  else answer(call, result, parts);
}

function isThenable(value: unknown): value is Promise<Response> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

function awaitHandler(
  call: Call,
  result: Promise<Response>,
  parts: {
    readonly services: CallServices;
    readonly host: HandlerHost;
    readonly startedMs: number;
  },
): void {
  const { services, startedMs } = parts;
  const { clock, awaited, log } = services;
  const waiting: AwaitedCall = {
    bagIndex: -1,
    deadlineMs: startedMs + call.route.config.timeoutMs,
    expired() {
      awaited.delete(waiting);
      call.elsewhereMs = clock.monotonicMs() - startedMs;
      const { requestId, route } = call;
      log.error("a handler did not answer in time", { requestId, route: route.config.path });
      call.fail("answer-late", "timeout");
    },
  };
  awaited.add(waiting);
  const settled = (): void => {
    awaited.delete(waiting);
    if (!call.isAnswered) call.elsewhereMs = clock.monotonicMs() - startedMs;
  };
  result.then(
    (response) => {
      settled();
      answer(call, response, parts);
    },
    (cause: unknown) => {
      settled();
      failed(call, services, cause);
    },
  );
}

function answer(
  call: Call,
  response: unknown,
  { services, host }: { readonly services: CallServices; readonly host: HandlerHost },
): void {
  let parts: ResponseParts | undefined;
  try {
    parts = host.parts(response);
  } catch (cause) {
    failed(call, services, cause);
    return;
  }
  if (parts === undefined || parts.status < 200 || parts.status > 599) {
    failed(call, services, new TypeError("the handler returned no Response that can be sent"));
    return;
  }
  const { status, body } = parts;
  const headers = replyFields(parts, call.exchange.method);
  if (body instanceof ReadableStream) {
    call.answerStream(status, headers, new BodyPump(call, body, services));
  } else {
    call.answer(status, headers, body);
  }
}

/** A copy without what the gateway sets; Content-Length is the listener's where it knows the body. */
function replyFields(parts: ResponseParts, method: string): string[] {
  const { headers, body } = parts;
  const keepsLength = body instanceof ReadableStream || (body === undefined && method === "HEAD");
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name === "content-length" && !keepsLength) continue;
    if (hopByHopFields.has(name) || ownFields.has(name)) continue;
    kept.push(name, headers[i + 1] as string);
  }
  return kept;
}

function failed(call: Call, services: CallServices, cause: unknown): void {
  // An answer that came too late for its time-out.
  if (call.isAnswered) return;
  if ((cause as { statusCode?: unknown } | null | undefined)?.statusCode === 413) {
    // The handler asked for a body that is longer than the listener gives it.
    call.fail("body-too-large", "malformed");
    return;
  }
  const { requestId, route } = call;
  services.log.error("a handler failed", { requestId, route: route.config.path }, cause);
  call.fail("handler-failed", "handler-error");
}

/** Copies a web stream into the reply at the client's pace. */
class BodyPump implements ReplyStream {
  readonly #call: Call;
  readonly #body: ReadableStream<Uint8Array>;
  readonly #services: CallServices;
  #bytes = 0;
  #drained: (() => void) | undefined;
  #isClosed = false;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  constructor(call: Call, body: ReadableStream<Uint8Array>, services: CallServices) {
    this.#call = call;
    this.#body = body;
    this.#services = services;
  }

  whole(): undefined {
    return undefined;
  }

  opened(): void {
    const { exchange } = this.#call;
    exchange.onDrain(() => this.#drained?.());
    exchange.onClosed(() => {
      this.#isClosed = true;
      this.#drained?.();
      this.dropped();
    });
    // It handles its own failures.
    void this.#pump();
  }

  dropped(): void {
    // A stream that a reader holds is cancelled through the reader. A failure to cancel is the handler's own.
    const cancelled = this.#reader?.cancel() ?? this.#body.cancel();
    cancelled.catch(() => undefined);
  }

  async #pump(): Promise<void> {
    const { exchange } = this.#call;
    const reader = this.#body.getReader();
    this.#reader = reader;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done || this.#isClosed) break;
        this.#bytes += value.byteLength;
        if (!exchange.write(value)) await this.#drain();
      }
      if (!this.#isClosed) exchange.end();
    } catch (cause) {
      const { requestId, route } = this.#call;
      this.#services.log.error(
        "a handler's stream failed",
        { requestId, route: route.config.path },
        cause,
      );
      this.#call.outcome = "handler-error";
      exchange.abort();
    }
    this.#call.ended(this.#bytes);
  }

  #drain(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drained = resolve;
    });
  }
}
