import type { Claim } from "./claim.ts";
import { measureTests } from "./support/from-tests.ts";

export const claim: Claim = {
  id: "2-simulator",
  sentence:
    "1,000 seeds of the simulator, each with ≥ 20,000 events, ≥ 2,000 admissions and ≥ 3 closed windows, break no invariant; every planted bug is found by its own checker",
  bar: "0 violations, all planted bugs found",
  minutesMax: 20,
  measure: () => measureTests("test/simulator.test.ts", "src/sim/plants/plants.test.ts"),
};
