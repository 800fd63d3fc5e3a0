/** Checks of what gateways hold at rest: every counter of every window that runs, against what the batches come to. */

import type { EpochMs } from "../base/words.ts";
import { parseWindowId } from "../limits/window.ts";
import type { Batch } from "../metering/batch-codec.ts";
import { forgottenMs, type SimGateway } from "./gateway.ts";
import type { SimHub } from "./hub.ts";
import { difference } from "./stream-model.ts";
import type { Report } from "./violation.ts";

/** Of a gateway's time to the hub's at rest: half of the longest round trip, and what the hub's follows its clock by. */
const timeOffMaxMs = 1_000;

/** All gateways have the hub's time. */
export function checkTimes(hub: SimHub, gateways: readonly SimGateway[], report: Report): void {
  for (const { core, name } of gateways) {
    if (core === undefined) continue;
    const offMs = Math.round(core.time.nowMs() - hub.presentMs);
    if (Math.abs(offMs) > timeOffMaxMs) report("L1", `${name} is ${offMs} ms off the hub's time`);
  }
}

/**
 * All gateways hold the same totals, those of all batches, and no charges of their own beside them. Of what had ended by `keptMs` the
 * hub may have forgotten totals, and of what had ended for a gateway, whose time was put right since, that gateway.
 */
export function checkViews(
  gateways: readonly SimGateway[],
  { counted, keptMs }: { readonly counted: readonly Batch[]; readonly keptMs: EpochMs },
  report: Report,
): void {
  for (const { core, name, latestMs } of gateways) {
    if (core === undefined) return report("L1", `${name} did not come up`);
    const runsMs = Math.max(keptMs, core.time.nowMs(), latestMs - forgottenMs);
    const held = new Map<string, number>();
    core.view.tables.forEach(({ id, endMs, table }) => {
      table.forEach((lo, hi, total, own) => {
        if (own !== 0) report("L1", `${name} holds own charges at rest: ${own} in ${id}`);
        // Of ended windows some may have been dropped already.
        if (endMs > runsMs) held.set(`${id} ${lo} ${hi}`, total);
      });
    });
    const wrong = difference(netTotals(counted, runsMs), held);
    if (wrong !== undefined) return report("L1", `batches and totals at ${name} differ: ${wrong}`);
  }
}

/** By window and counter, of the windows that have not ended. */
function netTotals(counted: readonly Batch[], runsMs: EpochMs): Map<string, number> {
  const totals = new Map<string, number>();
  for (const { windows, counters } of counted) {
    const runs = windows.map((id) => (parseWindowId(id)?.endMs ?? 0) > runsMs);
    for (let i = 0; i < counters.count; i++) {
      const window = counters.window[i] as number;
      if (!runs[window]) continue;
      const name = `${windows[window]} ${counters.lo[i]} ${counters.hi[i]}`;
      const net = (counters.charged[i] as number) - (counters.refunded[i] as number);
      totals.set(name, (totals.get(name) ?? 0) + net);
    }
  }
  return totals;
}
