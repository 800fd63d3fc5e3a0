/** The cluster's state in the admin API's form. */

import type { CompiledConfig, KeySource, RegionConfig } from "../access/compiled-config.ts";
import { formatListen } from "../access/config-values.ts";
import { placeOf } from "../access/region-place.ts";
import type { HubStatus, ProcessStatus } from "../hub/hub-api.ts";
import { callOutcomes, type HeartbeatCalls } from "../ports/link.ts";
import type { PlanListJson } from "./schemas.ts";
import type { RegionJson, StatusJson } from "./status-schemas.ts";

/**
 * Heartbeats come four times a second: after twelve missed ones a process is no longer vouched for. Pages are to show it within five
 * seconds, of which the rest is for looking and telling; half of it would call a long pause of the machine an outage.
 */
const heardAgoMsMax = 3_000;

function isWell(of: ProcessStatus): boolean {
  return of.connected && of.heardAgoMs <= heardAgoMsMax && of.journalState === "ok";
}

/** Regions in the order of the file; then those that only processes speak of, by name. */
export function regionsJson(config: CompiledConfig, status: HubStatus): RegionJson[] {
  const configured = new Map(config.regions.map((region) => [region.name, region]));
  const unknown = status.processes.map(({ region }) => region).filter((n) => !configured.has(n));
  const names = [...configured.keys(), ...[...new Set(unknown)].sort()];
  return names.map((name) => {
    const processes = status.processes
      .filter(({ region }) => region === name)
      .sort((a, b) => a.process - b.process);
    const region = configured.get(name);
    return {
      name,
      location: region?.location ?? placeOf(name) ?? null,
      listen: processes[0]?.listen ?? (region === undefined ? "" : formatListen(region.listen)),
      health: health(region, processes),
      processes: processes.map(processJson),
    };
  });
}

function health(
  region: RegionConfig | undefined,
  processes: readonly ProcessStatus[],
): RegionJson["health"] {
  const well = processes.filter(isWell).length;
  if (well === 0) return "down";
  return well >= (region?.processes ?? processes.length) ? "up" : "degraded";
}

function processJson({ region: _, ...status }: ProcessStatus): RegionJson["processes"][number] {
  return {
    ...status,
    view: { ...status.view },
    watermarks: status.watermarks.map(([incarnation, seq]) => ({ incarnation, seq })),
    calls: status.calls === undefined || status.calls.atMs === 0 ? null : callsJson(status.calls),
    keyLagMs: status.keyLagMs ?? null,
  };
}

function callsJson(calls: HeartbeatCalls): RegionJson["processes"][number]["calls"] {
  const { atMs, outcomes, overheadP50Ms, overheadP99Ms } = calls;
  const named = callOutcomes.map((name, i) => [name, outcomes[i] ?? 0] as const);
  return {
    at: new Date(atMs).toISOString(),
    outcomes: Object.fromEntries(named.filter(([, count]) => count > 0)),
    overheadP50Ms,
    overheadP99Ms,
  };
}

export function statusJson(config: CompiledConfig, status: HubStatus): StatusJson {
  const instant = (ms: number): string => new Date(ms).toISOString();
  const { checkpoint, backup } = status;
  return {
    clusterId: status.clusterId,
    version: { ...status.version },
    time: instant(status.timeMs),
    checkpoint: {
      position: checkpoint.position,
      at: checkpoint.atMs === 0 ? null : instant(checkpoint.atMs),
    },
    stream: { ...status.stream },
    ledgerBytes: status.ledgerBytes,
    registry: { ...status.registry },
    rulesVersion: status.rulesVersion,
    backup: backup === undefined ? null : { position: backup.position, at: instant(backup.atMs) },
    counters: status.counters,
    gaps: status.gaps.map((gap) => ({ ...gap })),
    lost: status.lost.map((lost) => ({ ...lost })),
    warnings: [...status.warnings],
    overshoot: {
      boundUnits: status.overshoot.boundUnits,
      unnamed: status.overshoot.unnamed,
      closed: status.overshoot.closed.map((closed) => ({ ...closed })),
    },
    leases: leasesJson(status.leases),
    regions: regionsJson(config, status),
  };
}

function leasesJson({ fencedUntilMs, ...units }: HubStatus["leases"]): StatusJson["leases"] {
  const fencedUntil = fencedUntilMs === 0 ? null : new Date(fencedUntilMs).toISOString();
  return { ...units, fencedUntil };
}

export function keySourceText(source: KeySource): string {
  return source.kind === "bearer" ? "bearer" : `${source.kind}:${source.name}`;
}

export function plansJson(config: CompiledConfig): PlanListJson {
  const plans = config.plans.map((plan) => ({
    name: plan.name,
    anonymous: plan === config.anonymousPlan,
    limits: plan.limits.flatMap((limit) => {
      const counter = plan.counters[limit.counter];
      if (counter === undefined) return [];
      return {
        name: limit.name,
        per: counter.per,
        quota: limit.quota,
        window: counter.window.text,
        scope: counter.scope,
        enforcement: limit.enforcement,
        stalenessMs: limit.stalenessMs,
        onFailure: limit.onFailure,
        missing: limit.missing,
      };
    }),
  }));
  return { plans };
}
