/** What the operator and the admin do while all goes on. */

import type { PlanName } from "./config.ts";
import type { Strikes } from "./strike.ts";

export const operations: Strikes<"keys"> = {
  /** The admin makes, rotates or revokes a key. */
  keys: ({ cluster }) => {
    const { world, keys, hub } = cluster;
    if (hub.hub === undefined) return;
    const key = keys[world.random.below(keys.length)];
    const failed = (cause: unknown): void =>
      world.trace(() => `the admin is refused: ${String(cause)}`);
    if (key === undefined || key.isRevoked || world.chance(0.4)) {
      const plan = (["small", "big", "strict"] as const)[world.random.below(3)] as PlanName;
      cluster.createKey(plan).catch(failed);
    } else if (world.chance(0.7)) cluster.rotateKey(key).catch(failed);
    else cluster.revokeKey(key).catch(failed);
  },
};
