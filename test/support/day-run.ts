/**
 * T14 (b): a day at 1:48 on real processes, with a calendar of faults, over an hour, day and month that end in its middle:
 * every process sees a clock that is so many days ahead.
 */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "./cluster.ts";
import { regionNames } from "./configs.ts";
import { type CutKind, cutOff } from "./cut.ts";
import { type Bounds, DayLoad } from "./day-load.ts";
import type { FarFleet } from "./far-fleet.ts";
import { ProcessWatch, type Trend } from "./process-watch.ts";
import { WrongClocks } from "./wrong-clocks.ts";

export interface DayFigures {
  readonly load: DayLoad;
  readonly trends: readonly Trend[];
  readonly faults: number;
}

const keyCount = 10_000;
const owners = 5;
const keysAtOnce = 16;
const perSecond = { low: 300, high: 800 };
/** Windows in which the busiest callers reach their quota. */
const minuteQuota = 2_000;
/** Share of the day in which processes are killed. */
const killShare = 1 / 3;
/**
 * Share of the day after which memory is watched. By then every key has called in every region since the roll-over, so
 * that all rows of the hour are there; caches of SQLite, which processes that were killed began anew, are as full as
 * they get; and the hub has the minutes of `expiryGraceMs` that it keeps.
 */
const watchFromShare = 3 / 5;
const calmMs = 4_000;
const faultMsMax = 6_000;
const settleMsMax = 10_000;
const hourMs = 3_600_000;

const plans = `open:
    limits:
      - { name: month, per: key, quota: 1000000000, window: month }
      - { name: minute, per: key, quota: ${minuteQuota}, window: minute }
      - { name: owner, per: owner, quota: 1000000000, window: day }`;

/**
 * Lives the day, and asserts that all totals are exact; before that `onOver` is told what was seen. Resolves with the
 * milliseconds until all regions agreed.
 */
export async function runDay(
  lengthMs: number,
  libraryPath: string,
  onOver: (figures: DayFigures) => void,
): Promise<number> {
  const { clocks, far } = await WrongClocks.start(plans, libraryPath, secondsTo(lengthMs / 2));
  try {
    return await new Day(far, clocks, lengthMs).run(onOver);
  } finally {
    await far.stop();
    clocks.remove();
  }
}

/** So far ahead a clock must be for the month to end in `ms`, after what it takes to make the keys. */
function secondsTo(ms: number): number {
  const now = new Date();
  const next = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1);
  return Math.floor((next - now.getTime() - ms - setUpMs) / 1_000);
}

/** Start and keys take about this long; the month then ends about in the middle. */
const setUpMs = 60_000;

class Day {
  readonly #far: FarFleet;
  readonly #clocks: WrongClocks;
  readonly #lengthMs: number;
  /** Secret to id. */
  readonly #keys = new Map<string, string>();

  constructor(far: FarFleet, clocks: WrongClocks, lengthMs: number) {
    this.#far = far;
    this.#clocks = clocks;
    this.#lengthMs = lengthMs;
  }

  async run(onOver: (figures: DayFigures) => void): Promise<number> {
    const { fleet } = this.#far;
    await this.#makeKeys();
    const now = new Date(Date.now() + this.#clocks.baseSeconds * 1_000);
    const monthEnd = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1);
    const load = new DayLoad({
      targets: regionNames.map((region) => ({ region, url: fleet.url(region) })),
      keys: [...this.#keys.keys()],
      rollOverMs: monthEnd - this.#clocks.baseSeconds * 1_000,
      ...{ lengthMs: this.#lengthMs, perSecond },
    });
    load.start();
    let faults = 0;
    let trends: Trend[] = [];
    try {
      const startMs = performance.now();
      const isWithin = (share: number): boolean =>
        performance.now() - startMs < share * this.#lengthMs;
      for (; isWithin(killShare); faults++) await this.#fault(faults, true);
      for (; isWithin(watchFromShare); faults++) await this.#fault(faults, false);
      const pids = ["hub", ...regionNames].map((name) => [name, fleet.pid(name)] as const);
      const watch = new ProcessWatch(new Map(pids), this.#clocks.memoryFile);
      for (; isWithin(1); faults++) await this.#fault(faults, false);
      trends = watch.stop();
    } finally {
      await load.stop();
    }
    onOver({ load, trends, faults });
    return this.#assertExact(load, monthEnd);
  }

  async #makeKeys(): Promise<void> {
    const { fleet } = this.#far;
    let left = keyCount;
    const make = async (): Promise<void> => {
      for (; left > 0; ) {
        const owner = `tenant${left-- % owners}`;
        const { status, json } = await fleet.api("POST", "/v1/keys", { plan: "open", owner });
        assert.equal(status, 201);
        const { id, key } = json as { id: string; key: string };
        this.#keys.set(key, id);
      }
    };
    await Promise.all(Array.from({ length: keysAtOnce }, make));
    const [last] = [...this.#keys.keys()].slice(-1);
    for (const region of regionNames) {
      const isKnown = async () => (await fleet.usage(region, last ?? "")) !== undefined;
      await until(isKnown, 10_000, `${region} to know all keys`);
    }
  }

  /** The calendar: a time of calm, then the next fault. */
  async #fault(index: number, mayKill: boolean): Promise<void> {
    const { fleet } = this.#far;
    await sleep(calmMs);
    const region = regionNames[index % regionNames.length] as string;
    const link = this.#far.link(region);
    const cutMs = 500 + Math.random() * (faultMsMax - 500);
    const cuts: CutKind[] = ["up", "both", "stopped", "flapping", "down", "hub-stopped", "reset"];
    const turn = index % (cuts.length + 5);
    if (turn < cuts.length) {
      await cutOff(this.#far, { kind: cuts[turn] as CutKind, regions: [region], cutMs });
    } else if (turn === cuts.length) {
      link.set(["up", "down"], { delayMs: 125, jitterMs: 50, lossShare: 0.1 });
      await sleep(cutMs);
      link.heal();
    } else if (turn === cuts.length + 1) {
      link.corruptAfter("up", 500);
      link.corruptAfter("down", 500);
    } else if (turn === cuts.length + 2) {
      this.#clocks.set(region, index % 2 === 0 ? 86_400 : -7_200);
      await sleep(cutMs);
      this.#clocks.set(region, 0);
    } else if (mayKill) {
      const victim = turn === cuts.length + 3 ? region : "hub";
      await fleet.end(victim, "SIGKILL");
      if (victim === "hub") await fleet.startHub();
      else await fleet.startGateway(region);
    }
  }

  /** Per key and side of the roll-over, in the reports; per key in all regions, for the busiest; all of it by `verify`. */
  async #assertExact(load: DayLoad, monthEnd: number): Promise<number> {
    const { fleet } = this.#far;
    const settledMs = await until(() => this.#isSettled(load), settleMsMax, "equal totals");
    const report = await fleet.command(
      ...["usage", "--by", "key", "--window", "hour", "--json"],
      ...["--from", new Date(monthEnd - 2 * hourMs).toISOString()],
      ...["--to", new Date(monthEnd + 2 * hourMs).toISOString()],
    );
    assert.equal(report.code, 0, report.stderr);
    const { rows } = JSON.parse(report.stdout) as {
      rows: { value: string; window: string; units: number; refundedUnits: number }[];
    };
    // Net: a gateway that was stopped for longer than a reply waits for the disk gives back what it charged, and says 503.
    const net = (row: { units: number; refundedUnits: number }): number =>
      row.units - row.refundedUnits;
    const before = new Map<string, number>();
    const after = new Map<string, number>();
    for (const row of rows) {
      const { value, window } = row;
      const side = Date.parse(window) < monthEnd ? before : after;
      side.set(value, (side.get(value) ?? 0) + net(row));
    }
    for (const [key, id] of this.#keys) {
      const books = load.books.get(key);
      assert.ok(books !== undefined);
      assertWithin(before.get(id) ?? 0, books.before, `${id} before the month's end`);
      assertWithin(after.get(id) ?? 0, books.after, `${id} after the month's end`);
    }
    const all = rows.reduce((sum, row) => sum + net(row), 0);
    assertWithin(all, { min: load.acked, max: load.acked + load.unknown }, "all units");
    const verify = await fleet.command("verify");
    assert.equal(verify.code, 0, verify.stdout + verify.stderr);
    return settledMs;
  }

  async #isSettled(load: DayLoad): Promise<boolean> {
    for (const key of [...this.#keys.keys()].slice(0, 100)) {
      const seen = await Promise.all(
        regionNames.map(async (name) => (await this.#far.fleet.usage(name, key))?.limits[0]?.used),
      );
      const books = load.books.get(key);
      assert.ok(books !== undefined);
      const { min, max } = books.after;
      const first = seen[0] ?? -1;
      if (first < min || first > max || seen.some((used) => used !== first)) return false;
    }
    return true;
  }
}

function assertWithin(units: number, { min, max }: Bounds, what: string): void {
  assert.ok(units >= min && units <= max, `${what}: ${units} units, ${min} to ${max} expected`);
}
