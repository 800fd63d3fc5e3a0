/**
 * Who is near or over a limit: a walk over the counters of the windows that run, again and again while somebody looks.
 *
 * Windows shorter than an hour are left out: who is near the limit of a second is near it no more when it is read. As in
 * the audit of overshoot, the ledger says whose a counter is, so one that is newer than its last checkpoint shows at the next look.
 */

import type { EpochMs, WindowId } from "../base/words.ts";
import { parseWindowId } from "../limits/window.ts";
import type { Timer } from "../ports/clock.ts";
import type { LedgerStore } from "../ports/ledger-store.ts";
import { isOn, limitsOfSubject, type OvershootLimit } from "./counter-limits.ts";
import type { NearLimit, NearLimits } from "./hub-api.ts";
import type { HubParts } from "./hub-parts.ts";
import type { HubWindow } from "./hub-window.ts";

/** Of a quota: from here on a counter is near it. */
const nearShare = 0.8;
/** Counters of one look that are held against their plan; how many more there are is told. */
export const nearCandidatesMax = 2_000;
/** Counters that are told by name. */
export const nearListedMax = 200;

const lookMs = 1_000;
/** Counters visited in one look, at least that and at most a shard more: about 2 ms. 5·10⁷ counters take four minutes. */
const visitsPerLook = 200_000;
const windowMsMin = 3_600_000;
/** Nobody has asked for so long: no more looks. */
const askedMsMax = 60_000;

export interface NearLimitParts {
  readonly windows: ReadonlyMap<WindowId, HubWindow>;
  readonly limits: () => readonly OvershootLimit[];
  readonly subjectOf: (window: WindowId, lo: number, hi: number) => Promise<string | undefined>;
  /** Undefined: there is no such key. */
  readonly planOfKey: (keyId: string) => string | undefined;
}

/** Of a hub's counters, as `NearLimitWatch` and the audit of overshoot read them. */
export function counterSources(
  { state, registry }: Pick<HubParts, "state" | "registry">,
  ledger: Pick<LedgerStore, "subjectOf">,
): Omit<NearLimitParts, "limits"> {
  return {
    windows: state.totals.windows,
    subjectOf: (window, lo, hi) => ledger.subjectOf(window, lo, hi),
    planOfKey: (keyId) => registry.get(keyId)?.plan,
  };
}

interface Running {
  readonly window: HubWindow;
  readonly limits: readonly OvershootLimit[];
  readonly unitsMin: number;
}

interface Candidate {
  readonly of: Running;
  readonly lo: number;
  readonly hi: number;
  readonly total: number;
}

export class NearLimitWatch {
  readonly #parts: NearLimitParts;
  #told: NearLimits = { share: nearShare, counters: [], more: 0, atMs: 0 };
  #askedMs = Number.NEGATIVE_INFINITY;
  #looking = false;
  /** Windows of the walk that are not done; undefined: the next look begins one. */
  #left: Running[] | undefined;
  #place = 0;
  #candidates: Candidate[] = [];
  #more = 0;

  constructor(parts: NearLimitParts) {
    this.#parts = parts;
  }

  /** Looks until the timer is cancelled. */
  start(hub: Pick<HubParts, "timers" | "time" | "log" | "clock">): Timer {
    return hub.timers.every(lookMs, () => {
      if (hub.clock.monotonicMs() - this.#askedMs > askedMsMax) return;
      this.look(hub.time.nowMs()).catch((error: unknown) => {
        hub.log.error("counters near a limit could not be read", {}, error);
      });
    });
  }

  /** As of the newest whole walk. */
  ask(monotonicMs: number): NearLimits {
    this.#askedMs = monotonicMs;
    return this.#told;
  }

  /** Goes on with the walk. Resolves when what this look began is done; meanwhile others do nothing. */
  async look(nowMs: EpochMs): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      this.#left ??= this.#running(nowMs);
      let visits = 0;
      for (let of = this.#left.at(-1); of !== undefined; of = this.#left.at(-1)) {
        if (visits >= visitsPerLook) return;
        visits += this.#visitSome(of, visitsPerLook - visits);
        if (this.#place < 1) return;
        this.#left.pop();
        this.#place = 0;
      }
      const candidates = this.#candidates;
      const more = this.#more;
      this.#left = undefined;
      this.#candidates = [];
      this.#more = 0;
      await this.#tell(candidates, more, nowMs);
    } finally {
      this.#looking = false;
    }
  }

  #running(nowMs: EpochMs): Running[] {
    const all = this.#parts.limits();
    return [...this.#parts.windows.values()].flatMap((window) => {
      const instance = parseWindowId(window.id);
      if (instance === undefined || instance.endMs <= nowMs) return [];
      if (instance.endMs - instance.startMs < windowMsMin) return [];
      const limits = all.filter((limit) => isOn(limit, instance));
      if (limits.length === 0) return [];
      const unitsMin = Math.min(...limits.map(({ quota }) => quota)) * nearShare;
      return { window, limits, unitsMin };
    });
  }

  #visitSome(of: Running, visitsMin: number): number {
    const { window, unitsMin } = of;
    let visits = 0;
    while (this.#place < 1 && visits < visitsMin) {
      this.#place = window.table.visitFrom(this.#place, (lo, hi, total) => {
        visits++;
        if (total < unitsMin || total === 0) return;
        if (this.#candidates.length < nearCandidatesMax) {
          this.#candidates.push({ of, lo, hi, total });
        } else {
          this.#more++;
        }
      });
    }
    return visits;
  }

  async #tell(candidates: readonly Candidate[], unread: number, nowMs: EpochMs): Promise<void> {
    const near: NearLimit[] = [];
    for (const { of, lo, hi, total } of candidates) {
      const window = of.window.id;
      const subject = await this.#parts.subjectOf(window, lo, hi);
      if (subject === undefined) continue;
      for (const { plan, limit, quota } of limitsOfSubject(
        subject,
        of.limits,
        this.#parts.planOfKey,
      )) {
        if (total < quota * nearShare) continue;
        near.push({ plan, limit, window, subject, used: total, quota });
      }
    }
    near.sort((a, b) => b.used / b.quota - a.used / a.quota || (a.subject < b.subject ? -1 : 1));
    const counters = near.slice(0, nearListedMax);
    const more = unread + near.length - counters.length;
    this.#told = { share: nearShare, counters, more, atMs: nowMs };
  }
}
