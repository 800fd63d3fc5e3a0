import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "ten-regions",
  sentence:
    "Ten regions race for the end of one daily quota of 10 million at 1,000 calls/s each, 150 ms to the hub and back: real gateways and hub in virtual time",
  bar: "soft: overshoot ≤ the computed bound ≤ 0.1 %; strict: 0 over, ≥ 90 % used",
  minutesMax: 3,
  measure: () => measureLongForm("../src/sim/ten-regions.test.ts"),
};
