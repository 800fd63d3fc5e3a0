import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "faults-distance",
  sentence:
    "The hub 5, 80 and 250 ms away and back, behind 1 % and 20 % loss, and silent for 60 s: latency of 600 calls/s beside that with the hub next door, phases alternating",
  bar: "p99 ≤ 1.1 × in each, 0 failed, totals exact",
  minutesMax: 20,
  measure: () => measureLongForm("distance.test.ts"),
};
