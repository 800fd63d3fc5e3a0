import type { Claim } from "./claim.ts";
import { measureTests } from "./support/from-tests.ts";

export const claim: Claim = {
  id: "4-overshoot",
  sentence:
    "Three regions at once on one key, quota 20,000, 40,000 calls: none is refused too early, and the overshoot is within the bound computed from measured rate and lag",
  bar: "20,000 ≤ admitted ≤ 20,000 + bound",
  minutesMax: 5,
  measure: () => measureTests("test/three-regions.test.ts", "three regions at once"),
};
