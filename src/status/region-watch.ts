/**
 * Whether one region is up, from what the others find at its public door and from when the hub last heard of it.
 *
 * One lost packet is no outage, one observer with a bad network neither, and five seconds is all there is until pages must
 * show it. So each failing observer gives a point for each of its failures in a row, up to three, a silent link to the hub
 * two; a region is down where most of those that asked lately failed and there are three points. A region that is silent and
 * answers at its door is cut off from the hub: its callers notice nothing yet. One that answers now and then not, as with one of its
 * processes stopped, is degraded.
 */

import type { EpochMs } from "../base/words.ts";
import type { ProbeResult } from "./probe.ts";

/** `degraded`: some cannot reach it, or it is cut off from the hub. `unknown`: nobody has looked yet. */
export type RegionState = "up" | "degraded" | "down" | "unknown";

export interface Verdict {
  readonly state: RegionState;
  /** Since when, as far as observers can tell; 0: not known. */
  readonly sinceMs: EpochMs;
  readonly why: "" | "unreachable" | "partly" | "cut-off";
}

/** What an observer has found counts this long: several probes. */
export const findingMsMax = 5_000;
/** Heartbeats come four times a second: after six missed ones the link is silent. */
export const silentMs = 1_500;
/** Without anybody to ask, and of a region that answers at its door. */
const silentAloneMs = 2_500;
export const cutOffMs = 10_000;
const pointsOfSilence = 2;
const pointsOfObserverMax = 3;
const pointsOfOutage = 3;
/** Of each observer's last 16 findings: how often an answer was followed by none, on average and in all, until that is a state. */
const breaksMin = 2;
const breaksInAllMin = 3;

/** One observer's findings. */
interface Finding {
  isOk: boolean;
  /** In a row. */
  count: number;
  /** The last 16, a bit each that is set where there was no answer; the newest is the lowest. */
  recent: number;
  /** Begin of the first failing one, end of the first good one of that row. */
  sinceMs: EpochMs;
  /** Begin of the newest. */
  atMs: EpochMs;
  heardMs: number;
}

export interface Look {
  /** Monotonic. */
  readonly nowMs: number;
  readonly timeMs: EpochMs;
  /** When the hub last heard of the region, monotonic. */
  readonly heardMs: number;
  /** Whether what this region reports counts: the hub hears of it. */
  readonly isHeard: (observer: string) => boolean;
}

export class RegionWatch {
  readonly #findings = new Map<string, Finding>();

  /**
   * Takes one result; `nowMs` is monotonic. Returns the time that it stands for, ms: that since the observer's one before; 0 for
   * one that was known, which a link may repeat.
   */
  report(observer: string, result: ProbeResult, nowMs: number): number {
    const { atMs, tookMs } = result;
    const isOk = result.outcome === "ok";
    const known = this.#findings.get(observer);
    if (known !== undefined && atMs <= known.atMs) return 0;
    const sinceMs = isOk ? atMs + tookMs : atMs;
    if (known === undefined) {
      const recent = isOk ? 0 : 1;
      this.#findings.set(observer, { isOk, count: 1, recent, sinceMs, atMs, heardMs: nowMs });
      return 1_000;
    }
    known.recent = ((known.recent << 1) | (isOk ? 0 : 1)) & 0xffff;
    const weightMs = Math.min(atMs - known.atMs, findingMsMax);
    if (known.isOk === isOk) known.count++;
    else Object.assign(known, { isOk, count: 1, sinceMs });
    Object.assign(known, { atMs, heardMs: nowMs });
    return weightMs;
  }

  /** Observers that are not asked to look any more. */
  forget(isObserver: (observer: string) => boolean): void {
    for (const observer of this.#findings.keys()) {
      if (!isObserver(observer)) this.#findings.delete(observer);
    }
  }

  /** Whether anybody has looked lately. */
  isObserved(look: Look): boolean {
    return this.#fresh(look).length > 0;
  }

  judge(look: Look): Verdict {
    const fresh = this.#fresh(look);
    const silenceMs = look.nowMs - look.heardMs;
    const heardAtMs = look.timeMs - silenceMs;
    if (fresh.length === 0) {
      if (silenceMs < silentAloneMs) return { state: "up", sinceMs: 0, why: "" };
      return { state: "down", sinceMs: heardAtMs, why: "unreachable" };
    }
    const failing = fresh.filter(({ isOk }) => !isOk);
    const points = failing.reduce(
      (sum, { count }) => sum + Math.min(count, pointsOfObserverMax),
      0,
    );
    const ofLink = silenceMs >= silentMs ? pointsOfSilence : 0;
    const majority = Math.floor(fresh.length / 2) + 1;
    const since = failing.map(({ sinceMs }) => sinceMs).sort((a, b) => a - b);
    if (failing.length >= majority && points + ofLink >= pointsOfOutage) {
      return { state: "down", sinceMs: since[majority - 1] as number, why: "unreachable" };
    }
    if (silenceMs >= cutOffMs) return { state: "degraded", sinceMs: heardAtMs, why: "cut-off" };
    if (failing.some(({ count }) => count >= pointsOfObserverMax)) {
      return { state: "degraded", sinceMs: since[0] as number, why: "partly" };
    }
    const breaks = fresh.reduce((sum, { recent }) => sum + breaksIn(recent), 0);
    if (breaks >= Math.max(breaksInAllMin, breaksMin * fresh.length)) {
      return { state: "degraded", sinceMs: 0, why: "partly" };
    }
    const good = fresh.filter(({ isOk }) => isOk).map(({ sinceMs }) => sinceMs);
    return { state: "up", sinceMs: good.length === 0 ? 0 : Math.max(...good), why: "" };
  }

  #fresh({ nowMs, isHeard }: Look): Finding[] {
    const fresh: Finding[] = [];
    for (const [observer, finding] of this.#findings) {
      if (nowMs - finding.heardMs <= findingMsMax && isHeard(observer)) fresh.push(finding);
    }
    return fresh;
  }
}

/** How often an answer was followed by none. One outage is one, however long. */
function breaksIn(recent: number): number {
  let breaks = 0;
  for (let bits = recent & ~(recent >>> 1) & 0x7fff; bits !== 0; bits &= bits - 1) breaks++;
  return breaks;
}
