/** What every `StatusStore` keeps: run by each adapter's tests and by the one in memory. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SavedStatus, StatusStore } from "../ports/status-store.ts";
import type { Incident } from "../status/incident.ts";
import { emptyHistogram } from "../status/latency-histogram.ts";
import { hourMs, type ProbeHour } from "../status/probe-history.ts";

/** One store's storage; `open` may be called again once the one opened before is closed. */
export interface StatusStorage {
  open(): Promise<StatusStore>;
  dispose(): Promise<void>;
}

export interface StatusSuite {
  readonly name: string;
  readonly create: () => Promise<StatusStorage>;
}

export function probeHour(region: string, hour: number, okMs = 1_000.5): ProbeHour {
  const latencies = emptyHistogram();
  latencies[3] = hour;
  latencies[97] = 2 ** 32 - 1;
  return {
    ...{ region, hourMs: hour * hourMs, okMs, failedMs: 0.25 },
    ...{ probes: 7, failures: 2, latencies },
  };
}

export function storedIncident(id: string, change: Partial<Incident> = {}): Incident {
  return {
    ...{ id, outageOf: "sydney", regions: ["sydney"], impact: "down" },
    ...{ title: "sydney does not answer", startedAtMs: 1_000, endedAtMs: 0, hidden: false },
    updates: [{ atMs: 1_000, phase: "investigating", text: "„ö“ <b>&\n" }],
    ...{ changedAtMs: 1_000, version: 1 },
    ...change,
  };
}

async function read(
  store: StatusStore,
  sinceMs = 0,
): Promise<SavedStatus & { hours: ProbeHour[] }> {
  const hours: ProbeHour[] = [];
  const saved = await store.load(sinceMs, (part) => void hours.push(...part));
  const order = (a: ProbeHour, b: ProbeHour): number =>
    a.hourMs - b.hourMs || (a.region < b.region ? -1 : 1);
  return { ...saved, hours: hours.sort(order) };
}

export function statusStoreConformance(suite: StatusSuite): void {
  const define = (name: string, run: (storage: StatusStorage) => Promise<void>): void => {
    test(name, async () => {
      const storage = await suite.create();
      try {
        await run(storage);
      } finally {
        await storage.dispose();
      }
    });
  };
  describe(`status store: ${suite.name}`, () => {
    define("an empty store has nothing but the name of its feed, which stays", async (storage) => {
      const first = await storage.open();
      const { feedId, hours, incidents } = await read(first);
      assert.match(feedId, /^[0-9a-f]{32}$/);
      assert.deepEqual([hours, incidents], [[], []]);
      await first.close();
      const second = await storage.open();
      assert.equal((await read(second)).feedId, feedId);
      await second.close();
    });

    define(
      "hours are read back the same after a restart, one for each region and hour",
      async (storage) => {
        const first = await storage.open();
        await first.saveHours([probeHour("sydney", 5), probeHour("seoul", 5)], 0);
        await first.saveHours([probeHour("sydney", 5, 9), probeHour("sydney", 6)], 0);
        await first.close();
        const second = await storage.open();
        const expected = [probeHour("seoul", 5), probeHour("sydney", 5, 9), probeHour("sydney", 6)];
        assert.deepEqual((await read(second)).hours, expected);
        await second.close();
      },
    );

    define("hours before the bound are neither given nor kept", async (storage) => {
      const store = await storage.open();
      await store.saveHours([probeHour("sydney", 5), probeHour("sydney", 6)], 0);
      assert.deepEqual((await read(store, 6 * hourMs)).hours, [probeHour("sydney", 6)]);
      await store.saveHours([probeHour("sydney", 8)], 6 * hourMs);
      assert.deepEqual(
        (await read(store)).hours.map((hour) => hour.hourMs / hourMs),
        [6, 8],
      );
      await store.close();
    });

    define("thousands of hours come whole", async (storage) => {
      const store = await storage.open();
      const many = Array.from({ length: 2_500 }, (_, i) => probeHour("sydney", i));
      await store.saveHours(many, 0);
      assert.equal((await read(store)).hours.length, many.length);
      await store.close();
    });

    define(
      "an incident takes the place of that with its id, and others are dropped with it",
      async (storage) => {
        const first = await storage.open();
        await first.saveIncident(storedIncident("a"), []);
        await first.saveIncident(storedIncident("b"), []);
        await first.saveIncident(storedIncident("a", { endedAtMs: 9_000, version: 2 }), ["b", "c"]);
        await first.close();
        const second = await storage.open();
        const expected = [storedIncident("a", { endedAtMs: 9_000, version: 2 })];
        assert.deepEqual((await read(second)).incidents, expected);
        await second.close();
      },
    );
  });
}
