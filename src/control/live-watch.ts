/**
 * Calls a second by region and outcome, as a history of the last minutes, from the sums that gateways report anyway. A page that
 * is opened shows at once what came before.
 *
 * Sums come once a second and heartbeats four times: what is measured is units of a gateway's own seconds, so that a heartbeat
 * which is late does not look like a pause.
 */

import type { HubStatus, ProcessStatus } from "../hub/hub-api.ts";
import type { Clock, Timers } from "../ports/clock.ts";
import { type CallOutcome, callOutcomes } from "../ports/link.ts";
import type { Log } from "../ports/log.ts";

export const liveEveryMs = 1_000;
/** Samples kept: ten minutes. */
export const liveSamplesMax = 600;
/** A process that is not heard of for so long makes no calls that anybody knows of. */
const silentMsMax = 3_000;

export const rateKinds = ["answered", "limited", "refused", "failed"] as const;
type RateKind = (typeof rateKinds)[number];

/** What an outcome is to an operator: served; over a limit; not let in; our fault or the upstream's. */
const kindOf: Readonly<Record<CallOutcome, RateKind>> = {
  admitted: "answered",
  unmetered: "answered",
  preflight: "answered",
  limited: "limited",
  unleased: "limited",
  malformed: "refused",
  unauthorized: "refused",
  forbidden: "refused",
  "not-found": "refused",
  unready: "failed",
  unrecordable: "failed",
  shed: "failed",
  "handler-error": "failed",
  "upstream-error": "failed",
  timeout: "failed",
};

/** Calls a second, in the order of `rateKinds`. */
type Rates = readonly number[];

export interface LiveSample {
  readonly atMs: number;
  readonly regions: ReadonlyMap<string, Rates>;
  /** Calls since the sample before, in the order of `callOutcomes`. */
  readonly outcomes: readonly number[];
}

interface Seen {
  readonly atMs: number;
  readonly outcomes: readonly number[];
  readonly perSecond: readonly number[];
}

export interface LiveWatchOptions {
  /** Undefined: the hub is starting. */
  readonly status: () => HubStatus | undefined;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

export class LiveWatch {
  readonly #options: LiveWatchOptions;
  readonly #timer: { cancel(): void };
  readonly #samples: LiveSample[] = [];
  /** By producer. */
  #seen = new Map<string, Seen>();

  constructor(options: LiveWatchOptions) {
    this.#options = options;
    this.#timer = options.timers.every(liveEveryMs, () => this.#look());
  }

  /** Oldest first. */
  get samples(): readonly LiveSample[] {
    return this.#samples;
  }

  stop(): void {
    this.#timer.cancel();
  }

  #look(): void {
    try {
      const status = this.#options.status();
      if (status === undefined) return;
      this.#samples.push(this.#sample(status.processes));
      if (this.#samples.length > liveSamplesMax) this.#samples.shift();
    } catch (error) {
      this.#options.log.error("live rates could not be read", {}, error);
    }
  }

  #sample(processes: readonly ProcessStatus[]): LiveSample {
    const regions = new Map<string, number[]>();
    const outcomes = callOutcomes.map(() => 0);
    const seen = new Map<string, Seen>();
    for (const gateway of processes) {
      const rates = regions.get(gateway.region) ?? rateKinds.map(() => 0);
      regions.set(gateway.region, rates);
      const before = this.#seen.get(gateway.producer);
      const now = seenNow(gateway, before);
      if (now === undefined) continue;
      seen.set(gateway.producer, now);
      for (const [i, name] of callOutcomes.entries()) {
        outcomes[i] = (outcomes[i] as number) + grown(now.outcomes[i], before?.outcomes[i]);
        if (gateway.heardAgoMs > silentMsMax) continue;
        const at = rateKinds.indexOf(kindOf[name]);
        rates[at] = (rates[at] as number) + (now.perSecond[i] ?? 0);
      }
    }
    const isFirst = this.#seen.size === 0;
    this.#seen = seen;
    return {
      atMs: Math.floor(this.#options.clock.wallMs()),
      regions,
      // What was counted before this hub started is no news.
      outcomes: isFirst ? outcomes.map(() => 0) : outcomes,
    };
  }
}

/** Sums fall where a gateway has started anew: then all of it is new. */
function grown(now = 0, before = 0): number {
  return now >= before ? now - before : now;
}

function seenNow({ calls }: ProcessStatus, before: Seen | undefined): Seen | undefined {
  if (calls === undefined || calls.atMs === 0) return undefined;
  const { atMs, outcomes } = calls;
  if (before === undefined) return { atMs, outcomes, perSecond: [] };
  const elapsedMs = atMs - before.atMs;
  if (elapsedMs <= 0) return before;
  const perSecond = outcomes.map((count, i) => {
    return Math.round((grown(count, before.outcomes[i]) * 10_000) / elapsedMs) / 10;
  });
  return { atMs, outcomes, perSecond };
}
