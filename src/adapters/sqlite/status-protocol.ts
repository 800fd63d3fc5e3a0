/** What the store of the status page and its thread say to each other. */

import type { SavedStatus } from "../../ports/status-store.ts";
import type { Incident } from "../../status/incident.ts";
import type { ProbeHour } from "../../status/probe-history.ts";
import type { Call } from "./thread.ts";

export interface StatusStart {
  readonly file: string;
}

export interface StatusApi {
  load: Call<{ sinceMs: number }, SavedStatus, readonly ProbeHour[]>;
  saveHours: Call<{ hours: readonly ProbeHour[]; sinceMs: number }, void>;
  saveIncident: Call<{ incident: Incident; dropped: readonly string[] }, void>;
  close: Call<undefined, void>;
}
