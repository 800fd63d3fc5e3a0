import assert from "node:assert/strict";
import { test } from "node:test";
import type { Incident } from "./incident.ts";
import { dayMs, ProbeHistory } from "./probe-history.ts";
import {
  encodeStatus,
  publicIncidentsMax,
  publicStatus,
  publicUpdatesMax,
  servedStatus,
  statusDocumentMaxBytes,
} from "./public-status.ts";
import type { RegionState } from "./region-watch.ts";

const nowMs = Date.UTC(2026, 10, 21, 12);
const utf8 = new TextEncoder();
const bytesOf = (text: string): number => utf8.encode(text).length;

function incident(id: number, change: Partial<Incident> = {}): Incident {
  return {
    ...{ id: id.toString(16).padStart(16, "0"), outageOf: "", regions: [], impact: "down" },
    ...{ title: `number ${id}`, startedAtMs: nowMs - id * 1_000, endedAtMs: nowMs, hidden: false },
    ...{ updates: [], changedAtMs: nowMs, version: 1 },
    ...change,
  };
}

function region(name: string, state: RegionState = "up") {
  return { name, state, sinceMs: nowMs - 5_000, history: new ProbeHistory(name) };
}

const overall: readonly [RegionState[], RegionState][] = [
  [[], "unknown"],
  [["unknown"], "unknown"],
  [["up", "unknown"], "up"],
  [["up", "up"], "up"],
  [["up", "degraded"], "degraded"],
  [["up", "down"], "degraded"],
  [["down", "down"], "down"],
];
for (const [states, expected] of overall) {
  test(`regions that are ${states.join(", ") || "none"} are ${expected} as a whole`, () => {
    const regions = states.map((state, i) => region(`r${i}`, state));
    assert.equal(publicStatus({ name: "", nowMs, regions, incidents: [] }).state, expected);
  });
}

test("what goes on comes first; hidden, too old and too many incidents are left out", () => {
  const incidents = [
    incident(1),
    incident(2, { hidden: true }),
    incident(3, { endedAtMs: nowMs - 91 * dayMs, startedAtMs: nowMs - 92 * dayMs }),
    incident(4, { endedAtMs: 0, startedAtMs: nowMs - 100 * dayMs }),
    ...Array.from({ length: 60 }, (_, i) => incident(10 + i)),
  ];
  const titles = publicStatus({ name: "", nowMs, regions: [], incidents }).incidents.map(
    (i) => i.title,
  );
  assert.equal(titles.length, publicIncidentsMax);
  assert.deepEqual(titles.slice(0, 3), ["number 4", "number 1", "number 10"]);
});

test("of an incident's updates the newest are told, newest first", () => {
  const updates = Array.from({ length: 30 }, (_, i) => {
    return { atMs: nowMs + i, phase: "monitoring", text: `${i}` } as const;
  });
  const [told] = publicStatus({
    name: "",
    nowMs,
    regions: [],
    incidents: [incident(1, { updates })],
  }).incidents;
  assert.equal(told?.updates.length, publicUpdatesMax);
  assert.deepEqual([told?.updates[0]?.text, told?.updates.at(-1)?.text], ["29", "10"]);
});

test("the document stays within its bound: the oldest incidents are left out", () => {
  const long = { atMs: nowMs, phase: "monitoring", text: "\\€".repeat(500) } as const;
  const updates = Array.from({ length: 20 }, () => long);
  const incidents = Array.from({ length: 50 }, (_, i) => incident(i + 1, { updates }));
  const text = encodeStatus(
    publicStatus({ name: "", nowMs, regions: [region("sydney")], incidents }),
    bytesOf,
  );
  assert.ok(bytesOf(text) <= statusDocumentMaxBytes);
  const kept = (JSON.parse(text) as { incidents: { title: string }[] }).incidents;
  assert.equal(kept[0]?.title, "number 1");
  assert.ok(kept.length > 10 && kept.length < 50, `${kept.length} kept`);
});

test("sixty-four regions with all their days fit", () => {
  const regions = Array.from({ length: 64 }, (_, i) => {
    const one = region(`a-region-with-a-long-name-${i}`);
    for (let day = 0; day < 90; day++) {
      const atMs = nowMs - day * dayMs;
      const result = { region: one.name, tookMs: 9, latencyMs: 123 + day, outcome: "ok" } as const;
      one.history.note({ ...result, atMs }, 1_000);
      one.history.note({ ...result, atMs, outcome: "slow" }, 3 + day);
    }
    return one;
  });
  const text = encodeStatus(publicStatus({ name: "", nowMs, regions, incidents: [] }), bytesOf);
  assert.ok(bytesOf(text) < statusDocumentMaxBytes / 2, `${bytesOf(text)} bytes`);
});

test("what is served says by whom and how old it is, and is otherwise the document", () => {
  const status = publicStatus({
    name: "",
    nowMs,
    regions: [region("sydney")],
    incidents: [incident(1)],
  });
  const text = servedStatus(encodeStatus(status, bytesOf), { region: "seoul", ageMs: 12.7 });
  assert.deepEqual(JSON.parse(text), { servedBy: "seoul", ageMs: 13, ...status });
  assert.match(servedStatus("{}", { region: null, ageMs: -5 }), /^\{"servedBy":null,"ageMs":0,/);
});
