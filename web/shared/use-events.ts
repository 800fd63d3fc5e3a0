/** Server-sent events in a component. The browser connects again by itself; where it gives up, so do we, later. */

import { useEffect, useRef, useState } from "preact/hooks";

export type StreamState = "connecting" | "live" | "away";

/** After an answer that a browser takes as final (an error, or no stream). */
const retryMs = 5_000;

export interface StreamOptions {
  /** Undefined: not listening. */
  readonly path: string | undefined;
  /** Name of the events; those without a name are called `message`. */
  readonly event?: string;
  /** Each one's data, parsed. */
  readonly onData: (data: unknown) => void;
}

export function useEvents({ path, event = "message", onData }: StreamOptions): StreamState {
  const [state, setState] = useState<StreamState>("connecting");
  const handler = useRef(onData);
  handler.current = onData;
  useEffect(() => {
    if (path === undefined) return undefined;
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const open = (): void => {
      source = new EventSource(path);
      source.addEventListener("open", () => setState("live"));
      source.addEventListener(event, ({ data }: MessageEvent<string>) => {
        handler.current(JSON.parse(data));
      });
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
  }, [path, event]);
  return state;
}
