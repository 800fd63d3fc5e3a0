/** Looks at `/-/usage` of every region again and again: which window each is in, and whether a count ever goes back. */

import { setTimeout as sleep } from "node:timers/promises";
import { regionNames } from "./configs.ts";
import type { Fleet } from "./fleet.ts";

const intervalMs = 50;
/** Around the edge of a window both may be right: the hub's time is within this of the true one, and so is a gateway's. */
const edgeMs = 750;

export interface Oddity {
  readonly region: string;
  readonly limit: string;
  readonly what: string;
}

export class WindowWatch {
  /** What must not be: a window that is not the present one, a count that went back, no answer. */
  readonly oddities: Oddity[] = [];
  looks = 0;
  readonly #fleet: Fleet;
  readonly #key: string;
  /** Length by limit, ms. */
  readonly #windows: Readonly<Record<string, number>>;
  readonly #seen = new Map<string, { resetsAt: string; used: number }>();
  readonly #paused = new Set<string>();
  #isStopped = false;
  #running: Promise<unknown> | undefined;

  /** `windows`: lengths, ms, of the limits to look at, which must divide a day. */
  constructor(fleet: Fleet, key: string, windows: Readonly<Record<string, number>>) {
    this.#fleet = fleet;
    this.#key = key;
    this.#windows = windows;
  }

  start(): void {
    this.#running = Promise.all(regionNames.map((region) => this.#watch(region)));
  }

  /** A region that is being restarted need not answer, and may have forgotten what others admitted since it last saved. */
  excuse(region: string, isExcused: boolean): void {
    for (const limit of Object.keys(this.#windows)) this.#seen.delete(`${region} ${limit}`);
    if (isExcused) this.#paused.add(region);
    else this.#paused.delete(region);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #watch(region: string): Promise<void> {
    while (!this.#isStopped) {
      await this.#look(region);
      await sleep(intervalMs);
    }
  }

  async #look(region: string): Promise<void> {
    const isExcused = (): boolean => this.#paused.has(region);
    if (isExcused()) return;
    const fromMs = Date.now();
    const usage = await this.#fleet.usage(region, this.#key).catch(() => undefined);
    const toMs = Date.now();
    if (usage === undefined) {
      if (!isExcused()) this.oddities.push({ region, limit: "", what: "no answer" });
      return;
    }
    this.looks++;
    for (const { name, resetsAt, used } of usage.limits) {
      const lengthMs = this.#windows[name];
      if (lengthMs === undefined) continue;
      const endAt = (ms: number): number => (Math.floor(ms / lengthMs) + 1) * lengthMs;
      const says = Date.parse(resetsAt);
      if (says !== endAt(fromMs - edgeMs) && says !== endAt(toMs + edgeMs)) {
        const what = `window to ${resetsAt} at ${new Date(fromMs).toISOString()}`;
        this.oddities.push({ region, limit: name, what });
      }
      const before = this.#seen.get(`${region} ${name}`);
      if (before?.resetsAt === resetsAt && used < before.used) {
        const what = `${used} used after ${before.used}`;
        this.oddities.push({ region, limit: name, what });
      }
      this.#seen.set(`${region} ${name}`, { resetsAt, used });
    }
  }
}
