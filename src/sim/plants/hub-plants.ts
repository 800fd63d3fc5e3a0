/** Bugs of the hub. */

import { producerKey } from "../../base/words.ts";
import { GatewaySession } from "../../hub/gateway-session.ts";
import { HubTotals } from "../../hub/hub-totals.ts";
import { Registry } from "../../hub/registry.ts";
import { Fold } from "../../metering/fold.ts";
import { type Plant, replaceMethod } from "./plant.ts";

export const hubPlants: readonly Plant[] = [
  {
    name: "gap-accepted",
    invariant: "I3",
    plant: () =>
      replaceMethod(
        Fold.prototype,
        "apply",
        (apply) =>
          function (this: Fold, position, entry) {
            if (entry.kind === "batch") {
              const { producer, incarnation, seq } = entry.batch;
              const known = this.producers.get(producerKey(producer, incarnation));
              if (known !== undefined && known.last < seq - 1) known.last = seq - 1;
            }
            return apply.call(this, position, entry);
          },
      ),
  },
  {
    name: "repeat-folded",
    invariant: "I3",
    plant: () =>
      replaceMethod(
        Fold.prototype,
        "apply",
        (apply) =>
          function (this: Fold, position, entry) {
            if (entry.kind === "batch") {
              const { producer, incarnation, seq } = entry.batch;
              const known = this.producers.get(producerKey(producer, incarnation));
              if (known !== undefined && known.last === seq) known.last = seq - 1;
            }
            return apply.call(this, position, entry);
          },
      ),
  },
  {
    name: "window-restamped",
    invariant: "I13",
    plant: () =>
      replaceMethod(
        HubTotals.prototype,
        "batch",
        (fold) =>
          function (this: HubTotals, batch) {
            const windows = batch.windows.map((id) =>
              id.replace(/^(minute.*)T00:00:00Z/, "$1T00:01:00Z"),
            );
            fold.call(this, {
              ...batch,
              windows: new Set(windows).size === windows.length ? windows : batch.windows,
              subject: (counter) => batch.subject(counter),
            });
          },
      ),
  },
  {
    name: "quota-per-secret",
    invariant: "I33",
    plant: () =>
      replaceMethod(
        Registry.prototype,
        "rotate",
        () =>
          function (this: Registry, id) {
            const { plan, name, owner, restrict } = this.get(id) ?? {
              ...{ plan: "big", name: "", owner: "" },
              restrict: { referers: [], addresses: [], routes: [] },
            };
            return this.create({ plan, name, owner, restrict, expiresAtMs: 0, mode: "live" });
          },
      ),
  },
  {
    name: "gap-never-asked-for",
    invariant: "L3",
    plant: () =>
      replaceMethod(
        GatewaySession.prototype,
        "requestResend",
        () => function (this: GatewaySession) {},
      ),
  },
];
