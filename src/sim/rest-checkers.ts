/** Checks of a cluster at rest: after healing, when nothing was called for a while. */

import type { Batch } from "../metering/batch-codec.ts";
import type { UsageQuery } from "../ports/ledger-store.ts";
import type { CallRecord, Ledger } from "./calls.ts";
import type { Life, SimGateway } from "./gateway.ts";
import type { SimHub } from "./hub.ts";
import { batchName, type LostCharges } from "./lost-charges.ts";
import { checkLeasesAtRest, checkSpenders } from "./rest-lease-checkers.ts";
import { checkUsageAtRest } from "./rest-usage-checkers.ts";
import { checkTimes, checkViews } from "./rest-view-checkers.ts";
import { difference } from "./stream-model.ts";
import type { Report } from "./violation.ts";

const everything: Omit<UsageQuery, "by"> = {
  ...{ window: "total", fromMs: 0, toMs: Date.UTC(9999, 0, 1), top: 0 },
  ...{ limit: 100_000, offset: 0, where: {} },
};

/** The hub keeps totals of an ended window for ten minutes; a clock that was ahead may have made it forget those that go on. */
const droppedMs = 598_000;

export interface AtRest {
  readonly hub: SimHub;
  readonly gateways: readonly SimGateway[];
  readonly ledger: Ledger;
  readonly lost: LostCharges;
  /** Of all starts of all gateways that there ever were. */
  readonly lives: readonly Life[];
  /** The hub may have forgotten grants: it was restored, or its stream has lost its end. */
  readonly hasForgotten: boolean;
  /** Owners of all keys that the admin made, by id. */
  readonly keys: ReadonlyMap<string, string>;
  /** Calls sent after healing. */
  readonly last: readonly CallRecord[];
}

/** The ledger's cursor and sums belong together: what a hub that just crashed left behind. */
export function checkLedgerAfterCrash(hub: SimHub, report: Report): void {
  const { fold, rows } = hub.ledger;
  if (fold === undefined) return;
  const { position } = fold.version;
  const saved = new Map<string, number>();
  for (const { key, calls } of rows.values()) saved.set(key, (saved.get(key) ?? 0) + calls);
  const upTo = hub.streamImage.all.filter((record) => record.position <= position);
  const found = difference(hub.model.callsByKey(upTo), saved);
  if (found !== undefined) report("I5", `stream up to ${position} and ledger differ: ${found}`);
}

/** Calls by subject that went with disks: what of them is not in the stream. */
export function lostCalls({
  hub,
  lost,
}: Pick<AtRest, "hub" | "lost">): ReadonlyMap<string, number> {
  return lost.calls(named(hub.model.counted(hub.streamImage.all)));
}

function named(batches: readonly Batch[]): ReadonlyMap<string, Batch> {
  return new Map(batches.map((batch) => [batchName(batch), batch]));
}

export async function checkAtRest(at: AtRest, report: Report): Promise<void> {
  const { hub, gateways, ledger } = at;
  const api = hub.hub?.api;
  if (api === undefined) return report("L3", "the hub did not come up");
  const status = api.status();
  const { producers: gone } = at.lost;
  const gap = status.gaps.find(({ producer }) => !gone.has(producer.split("/")[0] ?? ""));
  if (gap !== undefined) report("L3", `a gap stayed: ${gap.producer} from ${gap.from}`);
  for (const { exchange, gateway } of at.last) {
    if (exchange.status === 200 || exchange.status === 429) continue;
    report("L3", `${gateway} still answers ${exchange.status} after healing`);
  }
  for (const { producer, region, unacknowledgedUnits } of status.processes) {
    if (unacknowledgedUnits > 0 && !gone.has(producer))
      report("L3", `${region} holds ${unacknowledgedUnits} units`);
  }
  const byKey = await usage(api, "key");
  for (const key of byKey.keys()) {
    if (key !== "" && !at.keys.has(key)) report("I33", `use of ${key}, which nobody made`);
  }
  const found = difference(hub.model.callsByKey(hub.streamImage.all), byKey);
  if (found !== undefined) report("I3", `stream and totals differ: ${found}`);
  const byOwner = await usage(api, "owner");
  checkSums({ byKey, byOwner, byRoute: await usage(api, "route") }, report);
  checkOwners({ byKey, byOwner }, at.keys, report);
  const counted = hub.model.counted(hub.streamImage.all);
  const byName = named(counted);
  const lost = at.lost.calls(byName);
  checkCounts(byKey, { ledger, lost }, report);
  checkMinutes(hub, { ledger, lost }, report);
  const keptMs = hub.latestMs - droppedMs;
  const usageAtRest = { hub, usage: api.usage, counted, keptMs };
  const calls = { lost: at.lost.rest(byName), cells: ledger.cells };
  await checkUsageAtRest({ ...usageAtRest, ...calls }, report);
  checkTimes(hub, gateways, report);
  checkViews(gateways, { counted, keptMs }, report);
  checkLeasesAtRest(at, report);
  checkSpenders(at.lives, counted, report);
}

async function usage(
  api: NonNullable<SimHub["hub"]>["api"],
  by: "key" | "owner" | "route",
): Promise<Map<string, number>> {
  const rows = await api.usage({ ...everything, by });
  return new Map(rows.map(({ value, calls }) => [value, calls]));
}

function checkSums(sums: Record<string, Map<string, number>>, report: Report): void {
  const totals = Object.entries(sums).map(([name, sum]) => {
    return [name, [...sum.values()].reduce((total, calls) => total + calls, 0)] as const;
  });
  const first = totals[0]?.[1];
  if (totals.some(([, total]) => total !== first)) report("I12", totals.join(" "));
}

/** What an owner is billed for is what its keys were used for. */
function checkOwners(
  { byKey, byOwner }: Record<"byKey" | "byOwner", ReadonlyMap<string, number>>,
  keys: ReadonlyMap<string, string>,
  report: Report,
): void {
  const expected = new Map<string, number>();
  for (const [key, calls] of byKey) {
    const owner = keys.get(key) ?? "";
    expected.set(owner, (expected.get(owner) ?? 0) + calls);
  }
  const found = difference(expected, byOwner);
  if (found !== undefined) report("I12", `keys of an owner, and the owner: ${found}`);
}

interface Expected {
  readonly ledger: Ledger;
  /** Calls by subject that went with disks. */
  readonly lost: ReadonlyMap<string, number>;
}

/** Every delivered call is counted, and no more than was admitted. */
function checkCounts(
  byKey: ReadonlyMap<string, number>,
  { ledger, lost }: Expected,
  report: Report,
): void {
  for (const { subject, delivered, admitted } of ledger.subjects.values()) {
    if (!subject.startsWith("key:")) continue;
    const counted = byKey.get(subject.slice("key:".length)) ?? 0;
    if (counted + (lost.get(subject) ?? 0) < delivered)
      report("I9", `${subject}: ${delivered} delivered, ${counted} counted`);
    if (counted > admitted) report("I10", `${subject}: ${admitted} admitted, ${counted} counted`);
  }
}

/** Each charge is in the minute in which it was admitted. */
function checkMinutes(hub: SimHub, { ledger, lost }: Expected, report: Report): void {
  for (const { window, subject, charged } of hub.ledger.totals.values()) {
    if (!window.startsWith("minute/")) continue;
    const startMs = Date.parse(window.slice("minute/".length));
    const { delivered, admitted } = ledger.of(subject).minute(startMs);
    if (charged + (lost.get(subject) ?? 0) >= delivered && charged <= admitted) continue;
    report("I13", `${subject} in ${window}: ${charged}, not ${delivered} to ${admitted}`);
  }
}
