/**
 * Probes other regions through their public doors, as the hub plans it, and tells the hub what came of it. Off the path of requests:
 * at most `probeTargetsMax` requests are under way, one to each region, and a probe asks for `/-/health`, which is no call, so it
 * is neither charged nor counted. While the hub is away probing goes on, and results wait.
 */

import type { EpochMs } from "../base/words.ts";
import type { Clock, Timer, Timers } from "../ports/clock.ts";
import { type GatewayEnd, probeResultsMax, probeTargetsMax } from "../ports/link.ts";
import type { Prober } from "../ports/prober.ts";
import {
  type ProbeResult,
  type ProbeTarget,
  probeAgainMs,
  probeIntervalMs,
  probeMsMax,
} from "../status/probe.ts";

/** How often it is looked for what is due, ms. */
const lookEveryMs = 100;
/**
 * A probe that ends later than its bound and this ended in a process that was paused itself: what it found is not the other
 * region's doing.
 */
const pauseMsMax = 300;
/** Results that wait for the hub, at most: hours of a few regions. The oldest go. */
export const probesWaitingMax = 20_000;
/** Bytes on their way to the hub above which results wait: usage goes first. */
const linkBufferedMax = 1_048_576;

interface Place {
  readonly target: ProbeTarget;
  dueMs: number;
  isUnderWay: boolean;
}

export interface ProbingParts {
  readonly prober: Prober;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Hub time as this gateway knows it. */
  readonly timeMs: () => EpochMs;
  /** The open link; undefined while there is none. */
  readonly end: () => GatewayEnd | undefined;
}

export class Probing {
  readonly #parts: ProbingParts;
  #places: Place[] = [];
  #waiting: ProbeResult[] = [];
  #looking: Timer | undefined;

  constructor(parts: ProbingParts) {
    this.#parts = parts;
  }

  /** Takes a new plan. What is asked in both goes on in its rhythm. */
  plan(targets: readonly ProbeTarget[]): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const taken = targets.slice(0, probeTargetsMax).filter(({ url }) => isOrigin(url));
    this.#places = taken.map((target, i) => {
      const known = this.#places.find((place) => place.target.url === target.url);
      // Spread over the interval: sixteen at once would be a burst each second.
      const dueMs = known?.dueMs ?? nowMs + (i * probeIntervalMs) / taken.length;
      return { target, dueMs, isUnderWay: false };
    });
    if (this.#places.length === 0) this.stop();
    else this.#looking ??= this.#parts.timers.every(lookEveryMs, () => this.#look());
  }

  stop(): void {
    this.#looking?.cancel();
    this.#looking = undefined;
    this.#places = [];
  }

  #look(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    for (const place of this.#places) {
      if (!place.isUnderWay && place.dueMs <= nowMs) void this.#probe(place, nowMs);
    }
    this.#send();
  }

  async #probe(place: Place, startedMs: number): Promise<void> {
    const { prober, clock, timeMs } = this.#parts;
    const { target } = place;
    const atMs = timeMs();
    place.isUnderWay = true;
    const { outcome, latencyMs } = await prober.probe(target, probeMsMax);
    const nowMs = clock.monotonicMs();
    const tookMs = nowMs - startedMs;
    place.isUnderWay = false;
    const isOk = outcome === "ok";
    place.dueMs = isOk ? startedMs + probeIntervalMs : nowMs + probeAgainMs;
    if (tookMs > probeMsMax + pauseMsMax) return;
    this.#waiting.push({ region: target.region, atMs, tookMs, latencyMs, outcome });
    if (this.#waiting.length > probesWaitingMax) this.#waiting.shift();
    this.#send();
  }

  #send(): void {
    if (this.#waiting.length === 0) return;
    const end = this.#parts.end();
    while (end !== undefined && this.#waiting.length > 0 && end.bufferedBytes < linkBufferedMax) {
      end.send({ kind: "probes", results: this.#waiting.slice(0, probeResultsMax) });
      this.#waiting = this.#waiting.slice(probeResultsMax);
    }
  }
}

/** What is asked is always the same path: a plan names a place, and nothing beyond it. */
function isOrigin(url: string): boolean {
  return URL.canParse(url) && /^https?:\/\/[^/?#@\s]+$/.test(url);
}
