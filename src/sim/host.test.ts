import { timeConformance } from "../conformance/clock.ts";
import { Host } from "./host.ts";
import { World } from "./world.ts";

timeConformance({
  name: "simulated",
  create: () => {
    const world = new World(1);
    const host = new Host(world, "host", { skewMs: 0, drift: 0 });
    return {
      ...{ clock: host, timers: host, random: host.random },
      pass: async (ms) => {
        // What the test itself has settled comes before any event.
        await undefined;
        await world.run(world.nowMs + ms);
      },
      dispose: () => {},
    };
  },
});
