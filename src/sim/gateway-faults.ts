/** Faults of gateways and of their ways to the hub. */

import { breakDisk, crashBetween, type Strikes } from "./strike.ts";

export const gatewayFaults: Strikes<
  | "cut"
  | "oneWay"
  | "slow"
  | "gatewayCrash"
  | "journalFails"
  | "stateFails"
  | "pause"
  | "stall"
  | "clockJump"
  | "diskLost"
  | "diskPutBack"
> = {
  cut: ({ cluster, gateway }) => cluster.network.cut(gateway.producer),
  oneWay: ({ cluster: { world, network }, gateway, after }) => {
    const directions = [["up"], ["down"], ["up", "down"]] as const;
    for (const direction of directions[world.random.below(3)] ?? []) {
      gateway.route.blocked.add(direction);
    }
    after(15_000, () => {
      gateway.route.blocked.clear();
      network.release(gateway.producer);
    });
  },
  slow: ({ cluster: { world, swarm }, gateway: { route }, after }) => {
    route.delayMs = world.between(200, 4_000);
    after(15_000, () => {
      route.delayMs = swarm.delayMs;
    });
  },
  gatewayCrash: (strike) => {
    const { cluster, gateway, after } = strike;
    crashBetween(strike, [gateway.journalDisk, gateway.stateDisk], () => {
      gateway.crash();
      after(20_000, () => cluster.startGateway(gateway));
    });
  },
  journalFails: (strike) => breakDisk(strike, strike.gateway.journalDisk),
  stateFails: (strike) => breakDisk(strike, strike.gateway.stateDisk),
  pause: ({ cluster: { world }, gateway: { host } }) => host?.pause(world.between(1, 8_000)),
  stall: ({ cluster: { world }, gateway: { host } }) => host?.stall(world.between(10, 2_000)),
  clockJump: ({ cluster: { world }, gateway: { clock } }) => {
    clock.skewMs += world.between(-3_600_000, 3_600_000);
  },
  diskLost: ({ cluster, gateway, after }) => {
    cluster.loseDisks(gateway);
    after(20_000, () => cluster.startGateway(gateway));
  },
  diskPutBack: ({ cluster, gateway, after }) => {
    const copy = gateway.copyDisks();
    const { disksName } = gateway;
    after(20_000, () => {
      // Another disk in between, and the copy is of no use.
      if (gateway.disksName !== disksName || !cluster.gateways.includes(gateway)) return;
      cluster.putBack(gateway, copy);
      after(5_000, () => cluster.startGateway(gateway));
    });
  },
};
