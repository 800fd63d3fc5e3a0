/**
 * The live windows and their counter tables, by window id, and for each plan the windows that hold now.
 *
 * A window that is over stays until `dropEndedBefore`: late entries and reports still find it. Tables
 * are dropped whole, so nothing is swept and nothing expires early.
 */

import { assert } from "../base/assert.ts";
import type { EpochMs, WindowId } from "../base/words.ts";
import { CounterTable } from "./counter-table.ts";
import type { CounterSpec, Plan } from "./plan.ts";
import { parseWindowId, type WindowInstance, windowAt, windowId } from "./window.ts";

/**
 * Live windows, at most. A window of a second that is kept for a minute makes 60; `month@key` has up to 31
 * anchors. Above the bound the windows that ended first are dropped.
 */
export const liveWindowsMax = 8_192;

export interface LiveWindow extends WindowInstance {
  readonly id: WindowId;
  readonly table: CounterTable;
}

interface PlanWindows {
  /** By counter index; undefined where the window depends on the caller (`month@key`). */
  readonly windows: (LiveWindow | undefined)[];
  /** The windows hold from `fromMs` on and before `untilMs`. */
  fromMs: EpochMs;
  untilMs: EpochMs;
}

export class WindowTables {
  /** "" in the hub, which follows all regions. */
  readonly region: string;
  /** Rises whenever a window becomes current that was not: rows found before name other windows. */
  generation = 0;
  readonly #live = new Map<WindowId, LiveWindow>();
  readonly #plans: (PlanWindows | undefined)[] = [];
  /** Windows of `month@key` that hold now, by anchor day. */
  readonly #anchored: (LiveWindow | undefined)[] = [];

  constructor(region: string) {
    this.region = region;
  }

  get count(): number {
    return this.#live.size;
  }

  get(id: WindowId): LiveWindow | undefined {
    return this.#live.get(id);
  }

  /** Undefined if the text names no window. */
  getOrCreate(id: WindowId): LiveWindow | undefined {
    const live = this.#live.get(id);
    if (live !== undefined) return live;
    const window = parseWindowId(id);
    return window === undefined ? undefined : this.#add(id, window);
  }

  forEach(visit: (live: LiveWindow) => void): void {
    for (const live of this.#live.values()) visit(live);
  }

  /**
   * The windows of a plan's counters that hold `nowMs`, by counter index; undefined where
   * `anchored` must be asked. The array is the table's own and good for this call only.
   */
  current(plan: Plan, nowMs: EpochMs): readonly (LiveWindow | undefined)[] {
    const known = this.#plans[plan.index];
    if (known !== undefined && nowMs >= known.fromMs && nowMs < known.untilMs) return known.windows;
    return this.#roll(plan, nowMs);
  }

  /** The window of a `month@key` counter that holds `nowMs`. */
  anchored(spec: CounterSpec, nowMs: EpochMs, anchorDay: number): LiveWindow {
    const known = this.#anchored[anchorDay];
    const isGlobal = spec.scope === "global";
    if (isGlobal && known !== undefined && nowMs >= known.startMs && nowMs < known.endMs) {
      return known;
    }
    const live = this.#currentOf(spec, nowMs, anchorDay);
    if (isGlobal) this.#anchored[anchorDay] = live;
    return live;
  }

  /** Drops the tables of windows that ended at or before `horizonMs`. */
  dropEndedBefore(horizonMs: EpochMs): void {
    for (const [id, live] of this.#live) if (live.endMs <= horizonMs) this.#live.delete(id);
  }

  #roll(plan: Plan, nowMs: EpochMs): readonly (LiveWindow | undefined)[] {
    let fromMs = 0;
    let untilMs = Number.MAX_SAFE_INTEGER;
    const windows = plan.counters.map((counter) => {
      if (counter.window.kind === "month@key") return undefined;
      const live = this.#currentOf(counter, nowMs, 1);
      fromMs = Math.max(fromMs, live.startMs);
      untilMs = Math.min(untilMs, live.endMs);
      return live;
    });
    this.#plans[plan.index] = { windows, fromMs, untilMs };
    this.generation++;
    return windows;
  }

  #currentOf(counter: CounterSpec, nowMs: EpochMs, anchorDay: number): LiveWindow {
    const spec = counter.window;
    const region = counter.scope === "region" ? this.region : "";
    const { startMs, endMs } = windowAt(spec, nowMs, anchorDay);
    const window = { spec, startMs, endMs, anchorDay, region };
    const id = windowId(window);
    return this.#live.get(id) ?? this.#add(id, window);
  }

  #add(id: WindowId, window: WindowInstance): LiveWindow {
    if (this.#live.size >= liveWindowsMax) this.#dropFirstEnded();
    const live = { ...window, id, table: new CounterTable() };
    this.#live.set(id, live);
    return live;
  }

  #dropFirstEnded(): void {
    let first: LiveWindow | undefined;
    for (const live of this.#live.values()) {
      if (first === undefined || live.endMs < first.endMs) first = live;
    }
    assert(first !== undefined, "a live window");
    this.#live.delete(first.id);
    this.#plans.length = 0;
    this.#anchored.length = 0;
  }
}
