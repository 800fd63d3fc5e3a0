/**
 * Events as they happen: server-sent events (WHATWG HTML, 9.2), each under its number, so that a client that connects
 * again with `Last-Event-ID` misses none that is kept.
 */

import type { Timers } from "../ports/clock.ts";
import type { EventStore, StoredEvent } from "../ports/event-store.ts";

/** Clients that listen at one time. */
export const listenersMax = 64;
const lookEveryMs = 250;
/** A comment this often keeps proxies from closing a silent connection. */
const beatEveryMs = 15_000;
/** Then the client connects again: nobody listens on for ever with a token that was good once. */
export const listenMsMax = 3_600_000;
const eventsAtOnce = 100;

export interface EventStreamOptions {
  readonly events: Pick<EventStore, "after">;
  /** Of the event last seen. */
  readonly after: number;
  /** False once the token that asked is revoked or expired. */
  readonly isAllowed: () => boolean;
  readonly timers: Timers;
  readonly json: (event: StoredEvent) => object;
  /** Called once, however it ends. */
  readonly onEnd: () => void;
}

export function eventStream(options: EventStreamOptions): ReadableStream<Uint8Array> {
  const { events, timers, json, isAllowed } = options;
  const encoder = new TextEncoder();
  let seq = options.after;
  let end = (): void => {};
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (text: string): void => controller.enqueue(encoder.encode(text));
      const look = (): void => {
        if (!isAllowed()) return finish();
        // A client that does not read gets nothing more until it does.
        if ((controller.desiredSize ?? 0) <= 0) return;
        const page = events.after(seq, eventsAtOnce);
        const lines = page.map(
          (event) => `id: ${event.seq}\ndata: ${JSON.stringify(json(event))}\n\n`,
        );
        if (lines.length > 0) send(lines.join(""));
        seq = page.at(-1)?.seq ?? seq;
      };
      const guarded = (work: () => void) => (): void => {
        try {
          work();
        } catch (error) {
          end();
          controller.error(error);
        }
      };
      const looking = timers.every(lookEveryMs, guarded(look));
      const beating = timers.every(
        beatEveryMs,
        guarded(() => {
          if ((controller.desiredSize ?? 0) > 0) send(":\n\n");
        }),
      );
      const bound = timers.after(listenMsMax, () => finish());
      end = () => {
        for (const timer of [looking, beating, bound]) timer.cancel();
        end = () => {};
        options.onEnd();
      };
      const finish = (): void => {
        end();
        controller.close();
      };
      send("retry: 1000\n\n");
      look();
    },
    cancel: () => end(),
  });
}
