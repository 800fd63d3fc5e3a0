import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "strict",
  sentence:
    "Three regions of real processes spend one strict quota at once, undisturbed and while gateways and hub are killed with `kill -9`",
  bar: "0 units over in both, 100 % used undisturbed",
  minutesMax: 5,
  measure: () => measureLongForm("strict.test.ts"),
};
