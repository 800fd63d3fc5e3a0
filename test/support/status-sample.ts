/** A public status with 90 days behind it: four regions, one of them down, and incidents of every kind. */

import { seededRandom } from "../../src/base/random.ts";
import type { Incident } from "../../src/status/incident.ts";
import { dayMs, hourMs, ProbeHistory } from "../../src/status/probe-history.ts";
import { type PublicStatus, publicStatus } from "../../src/status/public-status.ts";
import type { RegionState } from "../../src/status/region-watch.ts";

interface SampleRegion {
  readonly name: string;
  readonly state: RegionState;
  /** Of most answers. */
  readonly latencyMs: number;
  /** Since when there are probes, days ago. */
  readonly days: number;
}

const regions: readonly SampleRegion[] = [
  { name: "sydney", state: "down", latencyMs: 142, days: 90 },
  { name: "seoul", state: "up", latencyMs: 118, days: 90 },
  { name: "frankfurt", state: "up", latencyMs: 61, days: 90 },
  { name: "sao-paulo", state: "up", latencyMs: 187, days: 33 },
];

export function sampleStatus(nowMs: number): PublicStatus {
  const shown = regions.map((region, i) => ({
    ...{
      name: region.name,
      state: region.state,
      history: historyOf(region, { nowMs, seed: i + 7 }),
    },
    sinceMs: region.state === "down" ? nowMs - 94_000 : nowMs - 40 * dayMs,
  }));
  return publicStatus({
    name: "Example Weather",
    nowMs,
    regions: shown,
    incidents: incidents(nowMs),
  });
}

function historyOf(region: SampleRegion, of: { nowMs: number; seed: number }): ProbeHistory {
  const history = new ProbeHistory(region.name);
  const random = seededRandom(of.seed);
  const hours = region.days * 24;
  for (let hour = hours; hour >= 0; hour--) {
    const atMs = of.nowMs - hour * hourMs;
    const isBad = random.below(500) === 0 || (hour === 0 && region.state === "down");
    for (let i = 0; i < 24; i++) {
      const outcome = isBad && i < 1 + random.below(12) ? "slow" : "ok";
      const swing = 1 + 0.12 * Math.sin((atMs / dayMs) * 2 * Math.PI);
      const latencyMs = region.latencyMs * swing * (1 + (random.below(100) ** 3 / 1e6) * 1.3);
      history.note({ region: region.name, atMs, tookMs: latencyMs, latencyMs, outcome }, 150_000);
    }
  }
  return history;
}

function incidents(nowMs: number): Incident[] {
  const at = (days: number, minutes = 0): number => nowMs - days * dayMs + minutes * 60_000;
  const base = { hidden: false, version: 1, outageOf: "" } as const;
  const outage = (id: string, days: number, minutes: number, region: string): Incident => ({
    ...{ ...base, id: id.repeat(16), outageOf: region, regions: [region], impact: "down" },
    ...{ title: `${region} does not answer`, startedAtMs: at(days), endedAtMs: at(days, minutes) },
    changedAtMs: at(days, minutes),
    updates: [
      {
        atMs: at(days),
        phase: "investigating",
        text: "Probes from the other regions get no answer.",
      },
      { atMs: at(days, minutes), phase: "resolved", text: "Probes are answered again." },
    ],
  });
  return [
    {
      ...{ ...base, id: "a".repeat(16), outageOf: "sydney", regions: ["sydney"], impact: "down" },
      ...{ title: "sydney does not answer", startedAtMs: nowMs - 94_000, endedAtMs: 0 },
      changedAtMs: nowMs - 20_000,
      updates: [
        {
          atMs: nowMs - 92_000,
          phase: "investigating",
          text: "Probes from the other regions get no answer.",
        },
        {
          ...{ atMs: nowMs - 20_000, phase: "identified" },
          text: "The provider of our machines in Sydney has lost a power feed.\nCalls go to Seoul meanwhile.",
        },
      ],
    },
    outage("b", 3.2, 4, "frankfurt"),
    {
      ...{ ...base, id: "c".repeat(16), regions: ["seoul", "sao-paulo"], impact: "maintenance" },
      ...{
        title: "New machines",
        startedAtMs: at(12),
        endedAtMs: at(12, 55),
        changedAtMs: at(12, 55),
      },
      updates: [
        {
          atMs: at(14),
          phase: "planned",
          text: "We exchange machines. Calls are answered all the time.",
        },
        { atMs: at(12, 55), phase: "resolved", text: "Done." },
      ],
    },
    {
      ...{ ...base, id: "d".repeat(16), regions: [], impact: "degraded" },
      title: `<img src=x onerror="document.title='run'"> & "slow" answers`,
      ...{ startedAtMs: at(40), endedAtMs: at(40, 130), changedAtMs: at(40, 130) },
      updates: [
        { atMs: at(40), phase: "monitoring", text: "<script>document.title='run'</script>" },
      ],
    },
    ...Array.from({ length: 8 }, (_, i) => outage(String(i), 50 + i * 4, 3 + i, "sydney")),
  ];
}
