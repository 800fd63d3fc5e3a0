/**
 * Checks of what the hub says was used, at rest: its sums are those of all batches, by every dimension and in every window; its
 * reports are what clients and handler saw, hour by hour, region by region, route by route.
 */

import type { EpochMs } from "../base/words.ts";
import { parseWindowId } from "../limits/window.ts";
import type { Batch, RegionalRow } from "../metering/batch-codec.ts";
import type { UsageDimension, UsageQuery, UsageReportRow } from "../ports/ledger-store.ts";
import type { SimHub } from "./hub.ts";
import type { LostBatch } from "./lost-charges.ts";
import { difference } from "./stream-model.ts";
import { isCount } from "./total-checkers.ts";
import { cellName, type UsageCell, type UsageCells } from "./usage-cells.ts";
import type { Report } from "./violation.ts";

const everything: Omit<UsageQuery, "by"> = {
  ...{ window: "hour", fromMs: 0, toMs: Date.UTC(9999, 0, 1), top: 0 },
  ...{ limit: 100_000, offset: 0, where: {} },
};

const valueOf: Record<UsageDimension, (row: RegionalRow) => string> = {
  key: ({ key }) => key,
  owner: ({ owner }) => owner,
  ip: ({ address }) => address,
  referer: ({ referer }) => referer,
  route: ({ route }) => route,
  region: ({ region }) => region,
  plan: ({ plan }) => plan,
};

type Usage = (query: UsageQuery) => Promise<readonly UsageReportRow[]>;

export interface UsageAtRest {
  readonly hub: SimHub;
  readonly usage: Usage;
  /** The batches that count, and those that were lost with disks. */
  readonly counted: readonly Batch[];
  readonly lost: readonly LostBatch[];
  /** Of windows that had ended by then the hub may have forgotten totals. */
  readonly keptMs: EpochMs;
  readonly cells: UsageCells;
}

export async function checkUsageAtRest(at: UsageAtRest, report: Report): Promise<void> {
  for (const by of Object.keys(valueOf) as UsageDimension[]) await checkDimension(at, by, report);
  checkWindows(at, report);
  checkCells(await reported(at.usage), at, report);
}

/** What is reported by one dimension, hour by hour, is what the batches say. */
async function checkDimension(
  { usage, counted }: UsageAtRest,
  by: UsageDimension,
  report: Report,
): Promise<void> {
  const of = valueOf[by];
  const hours = new Map<EpochMs, Map<string, number>>();
  for (const { rows } of counted) {
    for (const row of rows) {
      let sums = hours.get(row.hour);
      if (sums === undefined) {
        sums = new Map();
        hours.set(row.hour, sums);
      }
      add(sums, of(row), row.calls);
    }
  }
  const expected = new Map<string, number>();
  for (const [hour, sums] of hours) {
    for (const [value, calls] of sums) expected.set(`${isoOf(hour)} ${value}`, calls);
  }
  const found = new Map<string, number>();
  for (const row of await usage({ ...everything, by })) {
    const { window, value, calls, units, refundedCalls, refundedUnits } = row;
    found.set(`${window} ${value}`, calls);
    if ([calls, units, refundedCalls, refundedUnits].every(isCount)) continue;
    report("I14", `${by} ${value}: ${calls} calls, ${units} units, ${refundedUnits} given back`);
  }
  const wrong = difference(expected, found);
  if (wrong !== undefined) report("I8", `batches and report by ${by} differ: ${wrong}`);
}

/** Of every window that the hub has not dropped, each counter is the sum of the batches. */
function checkWindows({ hub, counted, keptMs }: UsageAtRest, report: Report): void {
  const held = new Map<string, number>();
  const windows = new Set<string>();
  for (const { window, lo, hi, charged, refunded } of hub.ledger.totals.values()) {
    if ((parseWindowId(window)?.endMs ?? 0) <= keptMs) continue;
    windows.add(window);
    held.set(`${window} ${lo} ${hi} charged`, charged);
    held.set(`${window} ${lo} ${hi} refunded`, refunded);
  }
  const expected = new Map<string, number>();
  for (const { windows: ids, counters } of counted) {
    for (let i = 0; i < counters.count; i++) {
      const window = ids[counters.window[i] as number] as string;
      if (!windows.has(window)) continue;
      const name = `${window} ${counters.lo[i]} ${counters.hi[i]}`;
      add(expected, `${name} charged`, counters.charged[i] as number);
      add(expected, `${name} refunded`, counters.refunded[i] as number);
    }
  }
  const wrong = difference(expected, held);
  if (wrong !== undefined) report("I8", `batches and totals differ: ${wrong}`);
}

interface Reported {
  calls: number;
  refundedCalls: number;
}

/** What the hub reports by hour × region × route × key, or address where there was no key. */
async function reported(usage: Usage): Promise<Map<string, Reported & UsageKey>> {
  const cells = new Map<string, Reported & UsageKey>();
  const valuesOf = async (by: UsageDimension): Promise<string[]> =>
    (await usage({ ...everything, by, window: "total" })).map(({ value }) => value);
  const routes = await valuesOf("route");
  for (const region of await valuesOf("region")) {
    for (const route of routes) {
      const byKey = await usage({ ...everything, by: "key", where: { region, route } });
      const byIp = await usage({ ...everything, by: "ip", where: { region, route, key: "" } });
      const rows = [
        ...byKey.filter(({ value }) => value !== "").map((row) => ({ kind: "key", ...row })),
        ...byIp.map((row) => ({ kind: "ip", ...row })),
      ];
      for (const { kind, window, value, calls, refundedCalls } of rows) {
        const key = { hour: Date.parse(window), region, route, subject: `${kind}:${value}` };
        cells.set(cellName(key), { ...key, calls, refundedCalls });
      }
    }
  }
  return cells;
}

type UsageKey = Pick<UsageCell, "hour" | "region" | "route" | "subject">;

/** Each call in the hour, region and route in which it was admitted, under its own key, and given back only if it was not delivered. */
function checkCells(
  found: ReadonlyMap<string, Reported & UsageKey>,
  { cells, lost }: UsageAtRest,
  report: Report,
): void {
  const known = new Map(cells.all().map((cell) => [cellName(cell), cell] as const));
  const gone = lostCells(lost);
  for (const [name, { calls, refundedCalls }] of found) {
    const { admitted = 0, delivered = 0 } = known.get(name) ?? {};
    if (calls > admitted) report(wrongBy(name), `${name}: ${admitted} admitted, ${calls} reported`);
    if (refundedCalls > admitted - delivered) {
      report("I11", `${name}: ${refundedCalls} given back of ${admitted}, ${delivered} delivered`);
    }
  }
  for (const [name, { delivered }] of known) {
    const calls = found.get(name)?.calls ?? 0;
    if (calls + (gone.get(name) ?? 0) >= delivered) continue;
    report(wrongBy(name), `${name}: ${delivered} delivered, ${calls} reported`);
  }
  // Sums may be right where their parts are not: which of the two it is says who is wrong.
  function wrongBy(name: string): "I12" | "I13" {
    const { region, route, subject } = (found.get(name) ?? known.get(name)) as UsageKey;
    const isSame = (key: UsageKey): boolean =>
      key.region === region && key.route === route && key.subject === subject;
    const calls = sum([...found.values()].filter(isSame).map((each) => each.calls));
    const all = [...known.values()].filter(isSame);
    const isRight =
      calls <= sum(all.map((each) => each.admitted)) &&
      calls >= sum(all.map((each) => each.delivered));
    return isRight ? "I13" : "I12";
  }
}

function lostCells(lost: readonly LostBatch[]): Map<string, number> {
  const cells = new Map<string, number>();
  for (const { batch, kept } of lost) {
    const before = kept === undefined ? undefined : cellsOf(kept);
    for (const [name, calls] of cellsOf(batch)) {
      add(cells, name, Math.max(0, calls - (before?.get(name) ?? 0)));
    }
  }
  return cells;
}

function cellsOf({ rows }: Batch): Map<string, number> {
  const cells = new Map<string, number>();
  for (const { hour, region, route, key, address, calls } of rows) {
    const subject = key === "" ? `ip:${address}` : `key:${key}`;
    add(cells, cellName({ hour, region, route, subject }), calls);
  }
  return cells;
}

function add(sums: Map<string, number>, name: string, value: number): void {
  sums.set(name, (sums.get(name) ?? 0) + value);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function isoOf(ms: EpochMs): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}
