/** Checks of strict limits at rest. */

import { producerKey } from "../base/words.ts";
import { parseWindowId } from "../limits/window.ts";
import type { Batch } from "../metering/batch-codec.ts";
import type { Life, SimGateway } from "./gateway.ts";
import type { AtRest } from "./rest-checkers.ts";
import type { ModelLease } from "./stream-model.ts";
import type { Report } from "./violation.ts";

/** Of windows that began less long ago, grants may be on their way: they are asked for ahead of time. */
const begunMs = 2_000;

/**
 * The hub's book is what the stream says. What it holds to be out is held: by the process that asked for it, or nobody can give
 * it back, since the process died before the first unit could be spent.
 */
export function checkLeasesAtRest(
  { hub, gateways, hasForgotten }: Pick<AtRest, "hub" | "gateways" | "hasForgotten">,
  report: Report,
): void {
  const leases = hub.model.leases(hub.streamImage.all);
  let [held, consumed, forgotten] = [0, 0, 0];
  for (const { units, spent, isForgotten } of leases.values()) {
    if (spent === undefined) held += units;
    else if (isForgotten) forgotten += spent;
    else consumed += Math.min(spent, units);
  }
  // Of a lease that it has forgotten, and later ones of the same holder, a hub may know only the later ones.
  const most = consumed + forgotten;
  const said = hub.hub?.api.status().leases;
  const isRight =
    said === undefined ||
    (said.heldUnits === held && said.consumedUnits >= consumed && said.consumedUnits <= most);
  if (!isRight) {
    const book = `${said.heldUnits} held, ${said.consumedUnits} consumed`;
    report("I20", `the hub's book has ${book}, the stream ${held} and ${consumed} to ${most}`);
  }
  const open = [...leases.values()].filter(({ spent }) => spent === undefined);
  for (const gateway of gateways) {
    checkOpen(gateway, { open, hasForgotten }, report);
    checkGone(gateway, open, report);
  }
}

/**
 * A lease is spent by the process that asked for it alone: whoever else ends it begins after that one has died, on the same
 * disks.
 */
export function checkSpenders(
  all: readonly Life[],
  counted: readonly Batch[],
  report: Report,
): void {
  const lives = new Map<string, Life>();
  for (const life of all) lives.set(producerKey(life.producer, life.incarnation), life);
  for (const { producer, incarnation, leases } of counted) {
    const ending = lives.get(producerKey(producer, incarnation));
    for (const lease of leases) {
      if (lease.incarnation === incarnation) continue;
      const spending = lives.get(producerKey(producer, lease.incarnation));
      if (ending !== undefined && spending !== undefined && spending.diedMs <= ending.bornMs) {
        continue;
      }
      const name = `${lease.incarnation} ${lease.request}`;
      report("I24", `${incarnation} of ${producer} ends lease ${name}, which is not its own`);
    }
  }
}

/** Of windows that run: what is out to a process that is up is what it holds. */
function checkOpen(
  gateway: SimGateway,
  { open, hasForgotten }: { readonly open: readonly ModelLease[]; readonly hasForgotten: boolean },
  report: Report,
): void {
  const { core, producer, incarnation, name } = gateway;
  if (core === undefined || hasLost(gateway)) return;
  const nowMs = core.time.nowMs();
  // A window that it has taken for ended, before the hub's clock went back, it has asked for nothing in since.
  const endedMs = Math.max(nowMs, gateway.aheadMs);
  const units = new Map<string, number>();
  for (const lease of open) {
    if (lease.holder !== `${producer}/${incarnation}`) continue;
    const window = parseWindowId(lease.window);
    if (window === undefined || window.endMs <= endedMs) continue;
    if (window.startMs + begunMs > nowMs) continue;
    const counter = `${lease.window} ${lease.lo} ${lease.hi}`;
    units.set(counter, (units.get(counter) ?? 0) + lease.units);
  }
  for (const [counter, out] of units) {
    const [window = "", lo, hi] = counter.split(" ");
    const leases = core.leases.held.find(window, Number(lo), Number(hi))?.leases ?? [];
    const holds = leases.reduce((sum, { granted }) => sum + granted, 0);
    // What a hub has forgotten that it lent, the fence sees to it that it lends to nobody else.
    if (holds === out || (hasForgotten && holds > out)) continue;
    report("L2", `${name} holds ${holds} of ${counter}, the hub lent it ${out}`);
  }
}

/** What an earlier start could have spent is given back. */
function checkGone(gateway: SimGateway, open: readonly ModelLease[], report: Report): void {
  const { producer, incarnation, name, journalImage } = gateway;
  if (hasLost(gateway)) return;
  for (const { holder, request, window, lo, hi } of open) {
    const [of, start = ""] = holder.split("/");
    if (of !== producer || start === incarnation) continue;
    if (!journalImage.knows(`${start} ${window} ${lo} ${hi}`, request)) continue;
    report("L2", `${name} has not given back lease ${request} of its start ${start}`);
  }
}

/** What it gave back may have gone with the stream, and be lent to it for good. */
function hasLost({ losers }: SimGateway): boolean {
  return losers.size > 0;
}
