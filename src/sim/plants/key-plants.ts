/** Bugs of how keys reach the gateways, and of who has a gateway's data. */

import { keyRecordLayout } from "../../access/key-record.ts";
import { RegistrySync } from "../../hub/registry-sync.ts";
import { SimGateway } from "../gateway.ts";
import { JournalImage } from "../storage/journal.ts";
import { type Plant, replaceMethod } from "./plant.ts";

export const keyPlants: readonly Plant[] = [
  {
    name: "revocation-not-sent",
    invariant: "I26",
    plant: () =>
      replaceMethod(
        RegistrySync.prototype,
        "onChanged",
        (onChanged) =>
          function (this: RegistrySync, rows) {
            const isRevoked = ({ packed }: { readonly packed: Uint8Array }): boolean =>
              packed[keyRecordLayout.flags] !== 0;
            onChanged.call(
              this,
              rows.filter((row) => !isRevoked(row)),
            );
          },
      ),
  },
  {
    name: "journal-copied-to-another-machine",
    invariant: "I24",
    plant: (world) => {
      const gateways = new Set<SimGateway>();
      return replaceMethod(
        SimGateway.prototype,
        "start",
        (start) =>
          function (this: SimGateway, onFailed) {
            const other = [...gateways].find((each) => each !== this && each.isUp);
            gateways.add(this);
            if (this.starts > 0 && other !== undefined && world.chance(0.5)) {
              this.journalImage = copyOf(other.journalImage);
            }
            start.call(this, onFailed);
          },
      );
    },
  },
];

function copyOf(image: JournalImage): JournalImage {
  const { identity, incarnations, leases } = image;
  return Object.assign(new JournalImage(), structuredClone({ identity, incarnations, leases }));
}
