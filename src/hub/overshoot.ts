/**
 * Overshoot as a number: for every window that closed, the units that its counters hold beyond their quotas, and the bound that
 * the measured lags gave while it ran.
 *
 * What really happened is read from the totals a while after the window's end. A counter of a key is held against the limits of the
 * key's plan as of then; any other one (`ip`, `referer`, `owner`, …) against the highest quota that some plan gives such a counter, since its
 * total does not say whose plan charged it. So a key that left a larger plan within the window reads too high, and where plans differ per
 * address it reads too low. Units that were charged without a journal, or later than `settleMs` after the end, are in no total yet.
 *
 * The bound is theorem 1 with what is measured: to each gateway, what the others admit in the time until it sees it. What a whole process
 * charged in its busiest moments stands for what it charged to one counter, and p99 for the longest lag: an estimate from above that one
 * charge in a hundred may pass, no promise.
 */

import type { EpochMs, WindowId } from "../base/words.ts";
import { parseWindowId } from "../limits/window.ts";
import type { Timer } from "../ports/clock.ts";
import { isOn, limitsOfSubject, type OvershootLimit } from "./counter-limits.ts";
import type { ClosedOvershoot, OvershootStatus, ProcessStatus } from "./hub-api.ts";
import type { HubParts } from "./hub-parts.ts";
import type { HubWindow } from "./hub-window.ts";

export interface OvershootParts {
  readonly windows: ReadonlyMap<WindowId, HubWindow>;
  /** Those of the start; `reconfigure` changes them. */
  readonly limits: readonly OvershootLimit[];
  readonly subjectOf: (window: WindowId, lo: number, hi: number) => Promise<string | undefined>;
  /** Undefined: there is no such key. */
  readonly planOfKey: (keyId: string) => string | undefined;
  /** Of the processes as they are now. */
  readonly boundUnits: () => number;
  readonly onOvershoot: (limit: OvershootLimit, units: number) => void;
}

/** Between looks; each walks a bounded part of one table. */
const overshootLookMs = 1_000;

/**
 * From a window's end to its being read: lag, fold and a checkpoint (2 s), which brings the subjects' texts, are over by then. Far below the ten
 * minutes for which ended windows are kept, so that a walk has time.
 */
export const settleMs = 10_000;

/** Counters visited in one look, at least that and at most a shard more: 2 to 5 ms. 5·10⁷ counters take four minutes. */
const visitsPerLook = 200_000;

/** Ten regions with a limit of a second close ten windows a second. */
const windowsPerLook = 64;

/** Counters above the lowest quota of their window that are looked up by name; those beyond are counted and not named. */
export const candidatesMax = 1_000;

interface Candidate {
  readonly lo: number;
  readonly hi: number;
  readonly total: number;
}

interface Walk {
  readonly window: HubWindow;
  readonly limits: readonly OvershootLimit[];
  readonly quotaMin: number;
  readonly candidates: Candidate[];
  readonly boundUnits: number;
  unnamed: number;
  place: number;
}

export class OvershootAudit {
  readonly #parts: OvershootParts;
  /** Highest bound while each live window ran; -1: it was read already. */
  readonly #bounds = new Map<WindowId, number>();
  /** The newest window that closed, by `plan/limit`. */
  readonly #closed = new Map<string, ClosedOvershoot>();
  readonly #units = new Map<string, number>();
  #limits: readonly OvershootLimit[];
  /** Of windows that ran while limits were changed. */
  readonly #limitsIn = new Map<WindowId, readonly OvershootLimit[]>();
  #walk: Walk | undefined;
  #looking = false;
  #unnamed = 0;

  constructor(parts: OvershootParts) {
    this.#parts = parts;
    this.#limits = parts.limits;
  }

  /**
   * Changed limits, which hold from now on. A window that runs is held against the highest quota that a limit had in it, and
   * against no limit that did not hold all the time.
   */
  reconfigure(limits: readonly OvershootLimit[]): void {
    for (const id of this.#parts.windows.keys()) {
      const before = this.#limitsIn.get(id) ?? this.#limits;
      this.#limitsIn.set(id, heldAllTheTime(before, limits));
    }
    this.#limits = limits;
    const names = new Set(limits.map(nameOf));
    for (const name of [...this.#closed.keys(), ...this.#units.keys()]) {
      if (names.has(name)) continue;
      this.#closed.delete(name);
      this.#units.delete(name);
    }
  }

  /** Looks until the timer is cancelled. */
  start(hub: Pick<HubParts, "timers" | "time" | "log">): Timer {
    return hub.timers.every(overshootLookMs, () => {
      this.look(hub.time.nowMs()).catch((error: unknown) => {
        hub.log.error("the overshoot of a closed window could not be read", {}, error);
      });
    });
  }

  /** Resolves when what this look began is done. One look at a time: while one waits for the ledger, the next does nothing. */
  async look(nowMs: EpochMs): Promise<void> {
    this.#noteBounds();
    if (this.#looking) return;
    this.#looking = true;
    try {
      let visits = 0;
      for (let left = windowsPerLook; left > 0 && visits < visitsPerLook; left--) {
        this.#walk ??= this.#next(nowMs);
        const walk = this.#walk;
        if (walk === undefined) return;
        visits += visitSome(walk, visitsPerLook - visits);
        if (walk.place < 1) return;
        this.#walk = undefined;
        await this.#close(walk);
      }
    } finally {
      this.#looking = false;
    }
  }

  status(): OvershootStatus {
    return {
      boundUnits: this.#parts.boundUnits(),
      unnamed: this.#unnamed,
      closed: [...this.#closed.values()],
    };
  }

  #noteBounds(): void {
    const { windows } = this.#parts;
    const boundUnits = this.#parts.boundUnits();
    for (const id of this.#bounds.keys()) if (!windows.has(id)) this.#bounds.delete(id);
    for (const id of this.#limitsIn.keys()) if (!windows.has(id)) this.#limitsIn.delete(id);
    for (const id of windows.keys()) {
      const known = this.#bounds.get(id) ?? 0;
      if (known >= 0) this.#bounds.set(id, Math.max(known, boundUnits));
    }
  }

  /** The window to read next: of those that ended long enough ago, the first in the order of their making. */
  #next(nowMs: EpochMs): Walk | undefined {
    for (const window of this.#parts.windows.values()) {
      const boundUnits = this.#bounds.get(window.id) ?? 0;
      if (window.endMs > nowMs - settleMs || boundUnits < 0) continue;
      this.#bounds.set(window.id, -1);
      const instance = parseWindowId(window.id);
      const all = this.#limitsIn.get(window.id) ?? this.#limits;
      const limits = all.filter((limit) => isOn(limit, instance));
      if (limits.length === 0) continue;
      const quotaMin = Math.min(...limits.map(({ quota }) => quota));
      return { window, limits, quotaMin, candidates: [], boundUnits, unnamed: 0, place: 0 };
    }
    return undefined;
  }

  async #close(walk: Walk): Promise<void> {
    const { id } = walk.window;
    this.#unnamed += walk.unnamed;
    const over = new Map<OvershootLimit, number[]>(walk.limits.map((limit) => [limit, []]));
    for (const { lo, hi, total } of walk.candidates) {
      const subject = await this.#parts.subjectOf(id, lo, hi);
      if (subject === undefined) {
        this.#unnamed++;
        continue;
      }
      for (const limit of limitsOfSubject(subject, walk.limits, this.#parts.planOfKey)) {
        if (total > limit.quota) over.get(limit)?.push(total - limit.quota);
      }
    }
    for (const [limit, units] of over) {
      const sum = units.reduce((all, one) => all + one, 0);
      const name = nameOf(limit);
      const unitsTotal = (this.#units.get(name) ?? 0) + sum;
      this.#units.set(name, unitsTotal);
      this.#closed.set(name, {
        ...{ plan: limit.plan, limit: limit.limit, window: id, counters: units.length },
        ...{ units: sum, largestUnits: Math.max(0, ...units), unitsTotal },
        boundUnits: walk.boundUnits,
      });
      if (sum > 0) this.#parts.onOvershoot(limit, sum);
    }
  }
}

function nameOf({ plan, limit }: OvershootLimit): string {
  return `${plan}/${limit}`;
}

function heldAllTheTime(
  before: readonly OvershootLimit[],
  after: readonly OvershootLimit[],
): readonly OvershootLimit[] {
  return before.flatMap((limit) => {
    const same = after.find(
      (other) =>
        nameOf(other) === nameOf(limit) &&
        other.per === limit.per &&
        other.window === limit.window &&
        other.scope === limit.scope,
    );
    return same === undefined ? [] : { ...same, quota: Math.max(same.quota, limit.quota) };
  });
}

/** Visits at least `visitsMin` counters of the walk's table, or all that are left; returns how many. */
function visitSome(walk: Walk, visitsMin: number): number {
  const { window, quotaMin, candidates } = walk;
  let visits = 0;
  while (walk.place < 1 && visits < visitsMin) {
    walk.place = window.table.visitFrom(walk.place, (lo, hi, total) => {
      visits++;
      if (total <= quotaMin) return;
      if (candidates.length < candidatesMax) candidates.push({ lo, hi, total });
      else walk.unnamed++;
    });
  }
  return visits;
}

/** Every gateway beats, and measures its peak, this often; it is the gateway's `heartbeatIntervalMs`. */
const beatMs = 250;

/** A heartbeat that is this late was lost or held up. */
const silenceMs = 1_000;

/**
 * The most units that one gateway may admit beyond a quota: the worst of the sums, over the gateways, of what all others admit until it
 * sees it. In an interval that long they admit at most their peak for every beat that it touches. A process that is silent, or whose charges
 * wait, is unseen for as long as that.
 */
export function overshootBound(
  processes: readonly Pick<
    ProcessStatus,
    "peakUnits" | "lagP99Ms" | "heardAgoMs" | "oldestUnacknowledgedMs"
  >[],
): number {
  const silentMs = processes.map(({ heardAgoMs }) => (heardAgoMs > silenceMs ? heardAgoMs : 0));
  let worst = 0;
  for (const [n, { lagP99Ms }] of processes.entries()) {
    let units = 0;
    for (const [m, { peakUnits, oldestUnacknowledgedMs }] of processes.entries()) {
      if (m === n) continue;
      const silent = Math.max(silentMs[n] as number, silentMs[m] as number);
      const unseenMs = Math.max(lagP99Ms, oldestUnacknowledgedMs, silent);
      units += peakUnits * (Math.ceil(unseenMs / beatMs) + 1);
    }
    worst = Math.max(worst, units);
  }
  return worst;
}
