/**
 * The live windows: one counter table for each window id, and for each kind of window the one that
 * holds the present. Tables of ended windows stay until they are dropped whole.
 */

import type { EpochMs, WindowId } from "../base/words.ts";
import { CounterTable } from "./counter-table.ts";
import type { CounterSpec } from "./plan.ts";
import {
  parseWindowId,
  type WindowInstance,
  windowAt,
  windowId,
  windowSpecCount,
} from "./window.ts";

export interface LiveWindow {
  readonly id: WindowId;
  readonly window: WindowInstance;
  /** That of `window`, at hand for the path of a call. */
  readonly endMs: EpochMs;
  readonly table: CounterTable;
}

/**
 * Live windows, at most. Current ones are 126 at the very most (every spec there is, in both scopes,
 * `month@key` on every day); ten regions' windows of a second, kept for a minute, are 600.
 */
export const liveWindowsMax = 8_192;

/** Anchor days 1 to 31; 0 for windows that have none. */
const anchorsPerSpec = 32;

export class WindowTables {
  /** Changes whenever a current window is another one than before. */
  generation = 0;
  readonly #region: string;
  readonly #live = new Map<WindowId, LiveWindow>();
  /** By `currentIndex`. */
  readonly #current: (LiveWindow | undefined)[];
  /** Counters of the window before the current one, by `currentIndex`: as many are to be expected in the next. */
  readonly #before: Uint32Array;

  /** `region`: whose calls regional counters count here; "" where no call is decided (the hub). */
  constructor(region: string) {
    this.#region = region;
    const kinds = windowSpecCount * 2 * anchorsPerSpec;
    this.#current = new Array<LiveWindow | undefined>(kinds).fill(undefined);
    this.#before = new Uint32Array(kinds);
  }

  get size(): number {
    return this.#live.size;
  }

  /** Bytes of all tables. */
  get bytes(): number {
    let bytes = 0;
    for (const { table } of this.#live.values()) bytes += table.bytes;
    return bytes;
  }

  /**
   * The window of `counter` that holds `nowMs`, which may go back where a clock was put right. At
   * `liveWindowsMax` the one that ended first makes room.
   */
  current(counter: CounterSpec, nowMs: EpochMs, anchorDay: number): LiveWindow {
    const index = currentIndex(counter, anchorDay);
    const current = this.#current[index];
    const isNow = current !== undefined && nowMs < current.endMs && nowMs >= current.window.startMs;
    if (isNow) return current;
    if (current !== undefined) this.#before[index] = current.table.count;
    const next = this.#open(counter, { nowMs, anchorDay, expected: this.#before[index] as number });
    this.#current[index] = next;
    this.generation++;
    return next;
  }

  get(id: WindowId): LiveWindow | undefined {
    return this.#live.get(id);
  }

  /**
   * The window of that id, with a new table if it has none, also where it is over. Undefined if
   * `id` names no window, or if there are `liveWindowsMax` others: what is to be counted must then
   * wait for `dropEndedBefore`.
   */
  getOrCreate(id: WindowId): LiveWindow | undefined {
    const live = this.#live.get(id);
    if (live !== undefined) return live;
    const window = parseWindowId(id);
    if (window === undefined || this.#live.size >= liveWindowsMax) return undefined;
    return this.#add(id, window, 0);
  }

  forEach(visit: (live: LiveWindow) => void): void {
    this.#live.forEach(visit);
  }

  /** Drops the windows whose end is `horizonMs` or earlier, and returns them. */
  dropEndedBefore(horizonMs: EpochMs): readonly LiveWindow[] {
    const ended = [...this.#live.values()].filter((live) => live.endMs <= horizonMs);
    for (const live of ended) this.#drop(live);
    return ended;
  }

  #open(
    counter: CounterSpec,
    at: { nowMs: EpochMs; anchorDay: number; expected: number },
  ): LiveWindow {
    const { nowMs, anchorDay, expected } = at;
    const spec = counter.window;
    const window: WindowInstance = {
      spec,
      ...windowAt(spec, nowMs, anchorDay),
      anchorDay: spec.kind === "month@key" ? anchorDay : 1,
      region: counter.scope === "region" ? this.#region : "",
    };
    const id = windowId(window);
    const live = this.#live.get(id);
    if (live !== undefined) return live;
    if (this.#live.size >= liveWindowsMax) this.#dropFirstEnded();
    return this.#add(id, window, expected);
  }

  #add(id: WindowId, window: WindowInstance, expected: number): LiveWindow {
    const live = { id, window, endMs: window.endMs, table: new CounterTable({ expected }) };
    this.#live.set(id, live);
    return live;
  }

  #dropFirstEnded(): void {
    let first: LiveWindow | undefined;
    for (const live of this.#live.values()) {
      if (first === undefined || live.endMs < first.endMs) first = live;
    }
    if (first !== undefined) this.#drop(first);
  }

  #drop(live: LiveWindow): void {
    this.#live.delete(live.id);
    const index = this.#current.indexOf(live);
    if (index < 0) return;
    this.#current[index] = undefined;
    this.#before[index] = live.table.count;
  }
}

function currentIndex(counter: CounterSpec, anchorDay: number): number {
  const { index, kind } = counter.window;
  const byScope = index * 2 + (counter.scope === "region" ? 1 : 0);
  return byScope * anchorsPerSpec + (kind === "month@key" ? anchorDay : 0);
}
