/** The live state of the cluster: what the hub streams, and the minutes before. */

import { createContext } from "preact";
import { useContext, useRef, useState } from "preact/hooks";
import type { LiveJson, LiveMomentJson } from "../../src/control/live-schemas.ts";
import { api } from "../shared/api.ts";
import { type StreamState, useEvents } from "../shared/use-events.ts";
import { appended, type History } from "./history.ts";

/** The hub says something every second. */
const silentMsMax = 4_000;

export interface Live {
  readonly state: StreamState;
  readonly moment: LiveMomentJson;
  readonly history: History;
}

/** Undefined until the hub has said something. */
export function useLiveStream(): Live | undefined {
  const [live, setLive] = useState<Omit<Live, "state">>();
  const current = useRef(live);
  const set = (next: Omit<Live, "state">): void => {
    current.current = next;
    setLive(next);
  };
  const state = useEvents({
    path: "/v1/live",
    silentMsMax,
    // Nobody else asks on some pages; an answer of 401 shows the door.
    onRefused: () => void api("/v1/session").catch(() => undefined),
    on: {
      begin: (data) => {
        const begun = data as LiveJson;
        set({ moment: begun, history: begun.history });
      },
      moment: (data) => {
        const moment = data as LiveMomentJson;
        const history = current.current?.history ?? { times: [], regions: {} };
        set({ moment, history: appended(history, moment) });
      },
    },
  });
  return live === undefined ? undefined : { ...live, state };
}

export const LiveContext = createContext<Live | undefined>(undefined);

export function useLive(): Live | undefined {
  return useContext(LiveContext);
}
