/** 90 days of probes of one region, by hour: how much of the time it answered, and how fast. */

import type { EpochMs } from "../base/words.ts";
import {
  addHistogram,
  emptyHistogram,
  type LatencyHistogram,
  noteLatency,
  quantileMs,
} from "./latency-histogram.ts";
import type { ProbeResult } from "./probe.ts";

export const hourMs = 3_600_000;
export const dayMs = 86_400_000;
/** Days that are kept and shown, today among them. */
export const historyDays = 90;
/** Hours that are shown one by one. */
export const historyHours = 48;

/** Begin of the hour (or day) in which an instant lies, UTC. */
export function floorTo(unitMs: number, atMs: EpochMs): EpochMs {
  return Math.floor(atMs / unitMs) * unitMs;
}

/** One hour of one region as it is kept. */
export interface ProbeHour {
  readonly region: string;
  /** Its begin. */
  readonly hourMs: EpochMs;
  /** Time for which probes stand that were answered, and for which those stand that were not. */
  okMs: number;
  failedMs: number;
  probes: number;
  failures: number;
  readonly latencies: LatencyHistogram;
}

/** A day or an hour as it is shown; undefined: nobody looked. */
export interface Period {
  /** 0 to 1. */
  readonly availability: number | undefined;
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
}

type Sums = Omit<ProbeHour, "region" | "hourMs">;

function emptySums(): Sums {
  return { okMs: 0, failedMs: 0, probes: 0, failures: 0, latencies: emptyHistogram() };
}

function addSums(to: Sums, from: Sums): void {
  to.okMs += from.okMs;
  to.failedMs += from.failedMs;
  to.probes += from.probes;
  to.failures += from.failures;
  addHistogram(to.latencies, from.latencies);
}

function periodOf(sums: Sums | undefined): Period {
  const allMs = sums === undefined ? 0 : sums.okMs + sums.failedMs;
  if (sums === undefined || allMs === 0) {
    return { availability: undefined, p50Ms: undefined, p95Ms: undefined };
  }
  return {
    availability: sums.okMs / allMs,
    p50Ms: quantileMs(sums.latencies, 0.5),
    p95Ms: quantileMs(sums.latencies, 0.95),
  };
}

export class ProbeHistory {
  readonly #region: string;
  /** The newest `historyHours` and those that were written to since they were saved. */
  readonly #hours = new Map<EpochMs, ProbeHour>();
  readonly #days = new Map<EpochMs, Sums>();
  readonly #unsaved = new Set<EpochMs>();

  constructor(region: string) {
    this.#region = region;
  }

  /** One that was saved, and is not older than the first day. */
  load(hour: ProbeHour, nowMs: EpochMs): void {
    if (hour.hourMs >= firstHourMs(nowMs)) this.#hours.set(hour.hourMs, hour);
    addSums(this.#day(hour.hourMs), hour);
  }

  /** `weightMs`: the time that the result stands for. */
  note(result: ProbeResult, weightMs: number): void {
    const part = emptySums();
    const isOk = result.outcome === "ok";
    part.probes = 1;
    part.failures = isOk ? 0 : 1;
    part.okMs = isOk ? weightMs : 0;
    part.failedMs = isOk ? 0 : weightMs;
    if (isOk) noteLatency(part.latencies, result.latencyMs);
    this.#add(result.atMs, part);
  }

  /** What the hub knows where nobody could probe. */
  noteHeard(atMs: EpochMs, of: { readonly isUp: boolean; readonly forMs: number }): void {
    const part = emptySums();
    part[of.isUp ? "okMs" : "failedMs"] = of.forMs;
    this.#add(atMs, part);
  }

  /** Copies of the hours that have changed; they count as saved from then on. */
  takeUnsaved(): ProbeHour[] {
    const hours = [...this.#unsaved].flatMap((at) => this.#hours.get(at) ?? []);
    this.#unsaved.clear();
    return hours.map((hour) => ({ ...hour, latencies: hour.latencies.slice() }));
  }

  /** They could not be saved after all. */
  giveBack(hours: readonly ProbeHour[]): void {
    for (const hour of hours) if (this.#hours.has(hour.hourMs)) this.#unsaved.add(hour.hourMs);
  }

  /** Drops what is neither shown nor to be saved. */
  forget(nowMs: EpochMs): void {
    const firstHour = firstHourMs(nowMs);
    for (const at of this.#hours.keys()) {
      if (at < firstHour && !this.#unsaved.has(at)) this.#hours.delete(at);
    }
    const firstDay = firstDayMs(nowMs);
    for (const at of this.#days.keys()) if (at < firstDay) this.#days.delete(at);
  }

  /** Oldest first; the last is today. */
  days(nowMs: EpochMs): Period[] {
    const first = firstDayMs(nowMs);
    return Array.from({ length: historyDays }, (_, i) =>
      periodOf(this.#days.get(first + i * dayMs)),
    );
  }

  /** Oldest first; the last is the hour in which `nowMs` lies. */
  hours(nowMs: EpochMs): Period[] {
    const first = firstHourMs(nowMs);
    return Array.from({ length: historyHours }, (_, i) =>
      periodOf(this.#hours.get(first + i * hourMs)),
    );
  }

  /** All days that are kept, together. */
  whole(): Period {
    const all = emptySums();
    for (const day of this.#days.values()) addSums(all, day);
    return periodOf(all);
  }

  #add(atMs: EpochMs, part: Sums): void {
    const at = floorTo(hourMs, atMs);
    let hour = this.#hours.get(at);
    if (hour === undefined) {
      hour = { region: this.#region, hourMs: at, ...emptySums() };
      this.#hours.set(at, hour);
    }
    addSums(hour, part);
    addSums(this.#day(at), part);
    this.#unsaved.add(at);
  }

  #day(atMs: EpochMs): Sums {
    const at = floorTo(dayMs, atMs);
    let day = this.#days.get(at);
    if (day === undefined) {
      day = emptySums();
      this.#days.set(at, day);
    }
    return day;
  }
}

export function firstHourMs(nowMs: EpochMs): EpochMs {
  return floorTo(hourMs, nowMs) - (historyHours - 1) * hourMs;
}

export function firstDayMs(nowMs: EpochMs): EpochMs {
  return floorTo(dayMs, nowMs) - (historyDays - 1) * dayMs;
}
