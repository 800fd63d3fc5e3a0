/** Server-sent events in a component. The browser connects again by itself; where it gives up, so do we, later. */

import { useEffect, useRef, useState } from "preact/hooks";

export type StreamState = "connecting" | "live" | "away";

/** After an answer that a browser takes as final (an error, or no stream). */
const retryMs = 3_000;
const lookEveryMs = 500;

export interface StreamOptions {
  /** Undefined: not listening. */
  readonly path: string | undefined;
  /** By name of the event, for each one's data, parsed; those without a name are called `message`. The names must not change. */
  readonly on: Readonly<Record<string, (data: unknown) => void>>;
  /** A server that has been silent for so long is away, though its connection stands. Default: never. */
  readonly silentMsMax?: number;
  /** The server has refused the stream: perhaps the session is over. */
  readonly onRefused?: () => void;
}

export function useEvents(options: StreamOptions): StreamState {
  const { path, silentMsMax = Number.POSITIVE_INFINITY } = options;
  const [state, setState] = useState<StreamState>("connecting");
  const newest = useRef(options);
  newest.current = options;
  useEffect(() => {
    if (path === undefined) return undefined;
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let heardMs = performance.now();
    const heard = (): void => {
      heardMs = performance.now();
      setState("live");
    };
    const open = (): void => {
      source = new EventSource(path);
      source.addEventListener("open", heard);
      for (const name of Object.keys(newest.current.on)) {
        source.addEventListener(name, ({ data }: MessageEvent<string>) => {
          heard();
          newest.current.on[name]?.(JSON.parse(data));
        });
      }
      source.addEventListener("error", () => {
        setState("away");
        if (source?.readyState !== EventSource.CLOSED) return;
        newest.current.onRefused?.();
        timer = setTimeout(open, retryMs);
      });
    };
    open();
    const look = setInterval(() => {
      if (performance.now() - heardMs > silentMsMax) setState("away");
    }, lookEveryMs);
    return () => {
      clearTimeout(timer);
      clearInterval(look);
      source?.close();
    };
  }, [path, silentMsMax]);
  return state;
}
