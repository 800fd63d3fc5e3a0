/** Two hubs at once: one that was stopped and is taken for dead, or one that runs on a copy of the data. */

import type { Cluster } from "./cluster.ts";
import type { SimHub } from "./hub.ts";

/** Far below the journals' retention: what gateways send to a copy they still have when it is gone. */
const copyLivesMsMax = 8_000;
const stoppedMsMax = 8_000;
/** What goes on after it was replaced is found and ended within this. */
const zombieLivesMsMax = 5_000;

/** The hub is stopped for long; another one is started on its disks; then the first goes on, and is ended. */
export function takeOver(cluster: Cluster): void {
  const { world, hub } = cluster;
  const { host } = hub;
  if (host === undefined || hub.hub === undefined) return;
  const stoppedMs = world.between(2_000, stoppedMsMax);
  const endMs = stoppedMs + world.between(500, zombieLivesMsMax);
  host.pause(stoppedMs);
  cluster.disturb(endMs);
  world.schedule(world.between(500, stoppedMs), undefined, () => {
    // It was killed, or replaced in another way.
    if (hub.host !== host) return;
    hub.leave();
    world.count("fault: hub replaced while it was stopped");
    cluster.startHub();
  });
  world.schedule(endMs, undefined, () => {
    if (hub.host !== host) hub.end(host);
  });
}

/** A copy of the hub's data is started as a hub of its own, and some of the gateways are led to it for a while. */
export function runCopy(cluster: Cluster): void {
  const { world, hub, network, gateways } = cluster;
  if (hub.hub === undefined || cluster.copy !== undefined) return;
  const copy = hub.copy();
  const records = copy.streamImage.records.length;
  const forMs = world.between(2_000, copyLivesMsMax);
  cluster.copyRuns(copy);
  copy.start(
    () => {
      world.count("fault: second hub on a copy");
      cluster.alarms.foreign(copy.epoch, 0);
    },
    () => undefined,
  );
  const led = gateways.filter((_, i) => i === 0 || world.chance(0.5));
  for (const { route, producer } of led) {
    route.place = "copy";
    network.cut(producer);
  }
  cluster.disturb(forMs);
  world.schedule(forMs, undefined, () => endCopy(cluster, copy, records));
}

function endCopy(cluster: Cluster, copy: SimHub, records: number): void {
  cluster.copyRuns(undefined);
  for (const { route } of cluster.gateways) route.place = undefined;
  copy.crash();
  // What only the copy has stored its gateways have still, until they take it for old.
  cluster.cuts.gone(copy.streamImage.records.slice(records));
}
