/** `StatusStore` in memory, for tests. */

import type { StatusStore } from "../../ports/status-store.ts";
import type { Incident } from "../../status/incident.ts";
import type { ProbeHour } from "../../status/probe-history.ts";

/** What outlives a store that is closed. */
export interface MemoryStatus {
  readonly hours: Map<string, ProbeHour>;
  readonly incidents: Map<string, Incident>;
}

export function emptyStatus(): MemoryStatus {
  return { hours: new Map(), incidents: new Map() };
}

export function memoryStatusStore(
  kept: MemoryStatus,
  options: { readonly fails?: () => Error | undefined } = {},
): StatusStore {
  const write = async (work: () => void): Promise<void> => {
    const failure = options.fails?.();
    if (failure !== undefined) throw failure;
    work();
  };
  return {
    async load(sinceMs, onHours) {
      const hours = [...kept.hours.values()].filter(({ hourMs }) => hourMs >= sinceMs);
      if (hours.length > 0) onHours(structuredClone(hours));
      const incidents = structuredClone([...kept.incidents.values()]);
      return { feedId: "0123456789abcdef".repeat(2), incidents };
    },
    saveHours: (hours, sinceMs) =>
      write(() => {
        for (const hour of structuredClone(hours)) {
          kept.hours.set(`${hour.region} ${hour.hourMs}`, hour);
        }
        for (const [name, { hourMs }] of kept.hours) if (hourMs < sinceMs) kept.hours.delete(name);
      }),
    saveIncident: (incident, dropped) =>
      write(() => {
        kept.incidents.set(incident.id, structuredClone(incident));
        for (const id of dropped) kept.incidents.delete(id);
      }),
    async close() {},
  };
}
