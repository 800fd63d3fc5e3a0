import type { Claim } from "./claim.ts";
import { measureTests } from "./support/from-tests.ts";

export const claim: Claim = {
  id: "2-main-job",
  sentence:
    "10,000 calls of one key to Sydney and then 50,000 to Seoul are 60,000 in all three regions within 1 s of the last call, with links of 140, 120 and 5 ms; `verify` agrees; at 100,000 the next call anywhere is 429",
  bar: "≤ 1 s, exact",
  minutesMax: 5,
  measure: () => measureTests("test/three-regions.test.ts", "10,000 calls"),
};
