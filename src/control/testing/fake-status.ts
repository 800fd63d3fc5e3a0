/** The status page's part of a hub in memory: a real book of incidents, and regions as tests say. */

import { IncidentBook } from "../../hub/incident-book.ts";
import { emptyStatus, memoryStatusStore } from "../../hub/testing/memory-status.ts";
import { ProbeHistory } from "../../status/probe-history.ts";
import { encodeStatus, publicStatus, type StatusSource } from "../../status/public-status.ts";
import type { StatusPages } from "../control-context.ts";

export interface FakeStatus extends StatusPages {
  /** What the store fails with. */
  failure: Error | undefined;
}

export function fakeStatus(of: { readonly timeMs: () => number }): FakeStatus {
  let id = 0;
  let edition = 0;
  const fails = (): Error | undefined => fake.failure;
  const incidents = new IncidentBook({
    store: memoryStatusStore(emptyStatus(), { fails }),
    random: {
      hex: () => (++id).toString(16).padStart(16, "0"),
      bytes: () => new Uint8Array(0),
      fraction: () => 0,
    },
    log: { info() {}, warn() {}, error() {} },
    ...{ timeMs: of.timeMs, incidents: [] },
    onChanged: () => void edition++,
  });
  const fake: FakeStatus = {
    failure: undefined,
    feedId: "00112233445566778899aabbccddeeff",
    incidents,
    document() {
      const regions: StatusSource["regions"] = [
        { name: "sydney", state: "up", sinceMs: 0, history: new ProbeHistory("sydney") },
      ];
      const status = publicStatus({
        ...{ name: "", nowMs: of.timeMs(), regions, incidents: incidents.all() },
      });
      const text = encodeStatus(status, (json) => json.length);
      return { status, text, edition: String(edition) };
    },
  };
  return fake;
}
