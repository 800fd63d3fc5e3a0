/** What a fault strikes with. */

import type { Cluster } from "./cluster.ts";
import type { SimGateway } from "./gateway.ts";
import type { Disk } from "./storage/disk.ts";
import type { FaultKind } from "./swarm.ts";

export interface Strike {
  readonly cluster: Cluster;
  /** The one that it is, if it is a gateway's. */
  readonly gateway: SimGateway;
  /** Mends it after a random time; not if everything was mended before. */
  after(maxMs: number, run: () => void): void;
}

/** Kinds of faults, each with what it does. */
export type Strikes<Kind extends FaultKind> = Readonly<Record<Kind, (strike: Strike) => void>>;

/** At once, or between two operations of one of the disks. */
export function crashBetween(
  { cluster: { world } }: Strike,
  disks: readonly Disk[],
  crash: () => void,
): void {
  if (world.chance(0.3)) return crash();
  const disk = disks[world.random.below(disks.length)] as Disk;
  disk.beforeNext = crash;
}

/** Full, or broken, for a while. */
export function breakDisk({ after }: Strike, disk: Disk): void {
  disk.isFailing = true;
  after(8_000, () => {
    disk.isFailing = false;
  });
}
