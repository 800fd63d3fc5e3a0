import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "faults-links",
  sentence:
    "A thousand flipped bits and a thousand connections cut in the middle of a message, between gateways and hub",
  bar: "totals exact, windows right, 0 failed calls",
  minutesMax: 12,
  measure: () => measureLongForm("bad-link.test.ts"),
};
