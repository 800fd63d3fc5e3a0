/** What the operator and the admin do while all goes on. */

import type { Cluster } from "./cluster.ts";
import { drawQuotas, type PlanName } from "./config.ts";
import type { Strikes } from "./strike.ts";
import type { World } from "./world.ts";

export const operations: Strikes<"keys" | "config" | "regions"> = {
  /** The admin makes, rotates, moves or revokes a key. */
  keys: ({ cluster: { world, admin, hub } }) => {
    if (hub.hub === undefined) return;
    const key = admin.keys[world.random.below(admin.keys.length)];
    const failed = (cause: unknown): void =>
      world.trace(() => `the admin is refused: ${String(cause)}`);
    if (key === undefined || key.isRevoked || world.chance(0.3)) {
      admin.create(anyPlan(world)).catch(failed);
    } else if (world.chance(0.4)) admin.move(key, anyPlan(world)).catch(failed);
    else if (world.chance(0.6)) admin.rotate(key).catch(failed);
    else admin.revoke(key).catch(failed);
  },

  /** The configuration has other quotas: every process is restarted, one after another, the hub first. */
  config: ({ cluster, after }) => {
    const { world, hub } = cluster;
    cluster.quotas = drawQuotas(world.random);
    hub.stop(() => cluster.startHub());
    const restart = ([gateway, ...others]: Cluster["gateways"]): void => {
      gateway?.stop(() => {
        world.count("operation: gateway restarted in order");
        cluster.startGateway(gateway);
      });
      if (others.length > 0) after(2_000, () => restart(others));
    };
    after(2_000, () => restart([...cluster.gateways]));
  },

  /** A region goes, and another one comes. */
  regions: ({ cluster, gateway, after }) => {
    const { world } = cluster;
    const { isCalm } = cluster;
    const add = (): void => {
      const added = cluster.addGateway();
      if (added === undefined) return;
      world.count("operation: region added");
      cluster.startGateway(added);
    };
    gateway.stop(() => {
      const outcome = cluster.removeGateway(gateway, isCalm && cluster.isCalm);
      if (outcome === "kept") cluster.startGateway(gateway);
    });
    after(10_000, add);
  },
};

function anyPlan(world: World): PlanName {
  return (["small", "big", "strict"] as const)[world.random.below(3)] as PlanName;
}
