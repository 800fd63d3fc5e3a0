/** What the hub keeps for the status page: hours of probes and incidents. */

import type { EpochMs } from "../base/words.ts";
import type { Incident } from "../status/incident.ts";
import type { ProbeHour } from "../status/probe-history.ts";

export interface SavedStatus {
  /** Of the feed, for good; 32 hex digits, made with the store. */
  readonly feedId: string;
  /** In no order. */
  readonly incidents: readonly Incident[];
}

export interface StatusStore {
  /** Calls `onHours` with the hours that begin at `sinceMs` or later, in chunks and no order, then resolves. What is damaged is left out. */
  load(sinceMs: EpochMs, onHours: (hours: readonly ProbeHour[]) => void): Promise<SavedStatus>;
  /** Puts hours in the place of those of the same region and begin, and drops those before `sinceMs`. One transaction, synced. */
  saveHours(hours: readonly ProbeHour[], sinceMs: EpochMs): Promise<void>;
  /** Puts an incident in the place of that with its id, and drops others by their ids. One transaction, synced. */
  saveIncident(incident: Incident, dropped: readonly string[]): Promise<void>;
  close(): Promise<void>;
}
