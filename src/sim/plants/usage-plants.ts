/** Bugs of what is reported, in parts whose sums may be right. */

import { Meter } from "../../gateway/meter.ts";
import { RowFinder } from "../../gateway/row-finder.ts";
import { HubTotals } from "../../hub/hub-totals.ts";
import { HubWindow } from "../../hub/hub-window.ts";
import { RowSums } from "../../hub/row-sums.ts";
import { hourMs } from "../../metering/charge-record.ts";
import { routes } from "../targets.ts";
import { type Plant, replaceMethod } from "./plant.ts";

export const usagePlants: readonly Plant[] = [
  {
    name: "counters-of-a-batch-lost",
    invariant: "I8",
    plant: (world) =>
      replaceMethod(
        HubTotals.prototype,
        "batch",
        (fold) =>
          function (this: HubTotals, batch) {
            const count = world.chance(0.01) ? 0 : batch.counters.count;
            fold.call(this, {
              ...batch,
              counters: { ...batch.counters, count },
              subject: (counter) => batch.subject(counter),
            });
          },
      ),
  },
  {
    name: "row-of-another-route",
    invariant: "I8",
    plant: (world) =>
      replaceMethod(
        RowSums.prototype,
        "add",
        (add) =>
          function (this: RowSums, batch) {
            const rows = batch.rows.map((row) =>
              world.chance(0.01) ? { ...row, route: routes.locate } : row,
            );
            add.call(this, { ...batch, rows, subject: (counter) => batch.subject(counter) });
          },
      ),
  },
  {
    name: "refund-subtracted",
    invariant: "I11",
    plant: () =>
      replaceMethod(
        HubWindow.prototype,
        "add",
        (add) =>
          function (this: HubWindow, lo, hi, charged, refunded) {
            return add.call(this, lo, hi, Math.max(charged - refunded, -this.charged(lo, hi)), 0);
          },
      ),
  },
  {
    name: "refund-repeated",
    invariant: "I11",
    plant: (world) =>
      replaceMethod(
        Meter.prototype,
        "refund",
        (refund) =>
          function (this: Meter, row, units, nowMs) {
            if (world.chance(0.5)) refund.call(this, row, units, nowMs);
            return refund.call(this, row, units, nowMs);
          },
      ),
  },
  {
    name: "charged-to-another-route",
    invariant: "I12",
    plant: (world) =>
      replaceMethod(
        RowFinder.prototype,
        "define",
        (define) =>
          function (this: RowFinder, call, hour) {
            const row = define.call(this, call, hour);
            return world.chance(0.05) ? { ...row, route: routes.whois } : row;
          },
      ),
  },
  {
    name: "charged-to-the-hour-before",
    invariant: "I13",
    plant: (world) =>
      replaceMethod(
        RowFinder.prototype,
        "define",
        (define) =>
          function (this: RowFinder, call, hour) {
            return define.call(this, call, world.chance(0.05) ? hour - hourMs : hour);
          },
      ),
  },
  {
    name: "cost-with-a-fraction",
    invariant: "I14",
    plant: () =>
      replaceMethod(
        HubTotals.prototype,
        "batch",
        (fold) =>
          function (this: HubTotals, batch) {
            const rows = batch.rows.map((row) => ({ ...row, units: row.units * 1.1 }));
            fold.call(this, { ...batch, rows, subject: (counter) => batch.subject(counter) });
          },
      ),
  },
];
