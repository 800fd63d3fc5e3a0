/** Data from the API in a component: what is there, what went wrong, and a way to ask again. */

import { useCallback, useEffect, useState } from "preact/hooks";
import { api } from "./api.ts";

export interface Loaded<T> {
  /** The newest that is there, kept while it is asked for again. */
  readonly data: T | undefined;
  readonly error: unknown;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

/** `path` undefined: nothing is asked for. `everyMs`: asked again that long after an answer, while the page is seen. */
export function useApi<T>(path: string | undefined, everyMs?: number): Loaded<T> {
  const [state, setState] = useState<{ path?: string; data?: T; error?: unknown }>({});
  const [round, setRound] = useState(0);
  const [isLoading, setLoading] = useState(false);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  useEffect(() => {
    if (path === undefined) return undefined;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      setLoading(true);
      try {
        const data = await api<T>(path, { signal: stop.signal });
        if (!stop.signal.aborted) setState({ path, data });
      } catch (error) {
        if (!stop.signal.aborted) {
          setState((last) => (last.path === path ? { ...last, error } : { path, error }));
        }
      }
      if (stop.signal.aborted) return;
      setLoading(false);
      if (everyMs !== undefined) timer = setTimeout(again, everyMs);
    };
    const again = (): void => {
      if (document.hidden && everyMs !== undefined) timer = setTimeout(again, everyMs);
      else void ask();
    };
    void ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs, round]);
  const isSame = state.path === path;
  return {
    data: isSame ? state.data : undefined,
    error: isSame ? state.error : undefined,
    isLoading,
    reload,
  };
}
