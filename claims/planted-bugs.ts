import type { Claim } from "./claim.ts";
import { measureTests } from "./support/from-tests.ts";

export const claim: Claim = {
  id: "2-planted-bugs",
  sentence:
    "every bug that is planted in the simulator, at least 25, is found by the checker that is meant for it",
  bar: "all found within 200 seeds each",
  minutesMax: 20,
  measure: () => measureTests("src/sim/plants/plants.test.ts"),
};
