import { measureLongForm } from "../test/support/long-form.ts";
import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "8-strangers",
  sentence:
    "A flood of eleven million addresses and one of a million wrong keys: memory stays within its bound, who was limited before is limited after, and a valid key of the offender's address is let in",
  bar: "≤ 26 bytes for each of 2 × 10⁷ counters and 20 MB; the offender 429 throughout; a wrong key ≤ 10 µs more than a bare request",
  minutesMax: 10,
  measure: () => measureLongForm("strangers.test.ts"),
};
