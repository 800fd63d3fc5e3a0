/** Server-sent events in a component. The browser connects again by itself; where it gives up, so do we, later. */

import { useEffect, useRef, useState } from "preact/hooks";

export type StreamState = "connecting" | "live" | "away";

/** After an answer that a browser takes as final (an error, or no stream). */
const retryMs = 3_000;

export interface StreamOptions {
  /** Undefined: not listening. */
  readonly path: string | undefined;
  /** By name of the event, for each one's data, parsed; those without a name are called `message`. The names must not change. */
  readonly on: Readonly<Record<string, (data: unknown) => void>>;
}

export function useEvents({ path, on }: StreamOptions): StreamState {
  const [state, setState] = useState<StreamState>("connecting");
  const handlers = useRef(on);
  handlers.current = on;
  useEffect(() => {
    if (path === undefined) return undefined;
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const open = (): void => {
      source = new EventSource(path);
      source.addEventListener("open", () => setState("live"));
      for (const name of Object.keys(handlers.current)) {
        source.addEventListener(name, ({ data }: MessageEvent<string>) => {
          handlers.current[name]?.(JSON.parse(data));
        });
      }
      source.addEventListener("error", () => {
        setState("away");
        if (source?.readyState === EventSource.CLOSED) timer = setTimeout(open, retryMs);
      });
    };
    open();
    return () => {
      clearTimeout(timer);
      source?.close();
    };
  }, [path]);
  return state;
}
